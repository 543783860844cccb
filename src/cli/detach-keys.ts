/**
 * Finds Ctrl-P Ctrl-Q among the keys of a terminal. It knows bytes alone.
 */

const CTRL_P = 0x10;
const CTRL_Q = 0x11;

/** Watches a stream of keys for the two that detach. A Ctrl-P waits until the key behind it has told what it was. */
export class DetachKeys {
  #isPrefixed = false;

  /** Takes the next keys and gives those that are the process's, up to the two that detach. */
  push(keys: Buffer): { readonly keys: Buffer; readonly isDetached: boolean } {
    const passed: number[] = [];
    for (const key of keys) {
      if (this.#isPrefixed && key === CTRL_Q) return { keys: Buffer.from(passed), isDetached: true };
      if (this.#isPrefixed) passed.push(CTRL_P);
      this.#isPrefixed = key === CTRL_P;
      if (!this.#isPrefixed) passed.push(key);
    }
    return { keys: Buffer.from(passed), isDetached: false };
  }
}
