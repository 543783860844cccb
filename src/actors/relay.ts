/**
 * A proxy that is passed on: the thread it was sent to hands on what a third thread asks of it, and what comes back. So who passes a proxy on need not know
 * where it is from; when the thread between them is gone, so is the way.
 */
import { type ComlinkMessage, rejection } from "./comlink.js";
import type { Out } from "./exposure.js";
import type { Holder } from "./holder.js";
import type { Served, Source } from "./proxy.js";

/** Where uses of a proxy from elsewhere go on to. */
export class Relay implements Source {
  readonly owner = undefined;
  readonly #holder: Holder;
  readonly #remote: object;

  /** `remote` is the proxy of `holder`. */
  constructor(holder: Holder, remote: object) {
    this.#holder = holder;
    this.#remote = remote;
  }

  serve(out: Out, onClosed: () => void): Served {
    return new Relayed(this.#holder, this.#remote, out, onClosed);
  }
}

class Relayed implements Served {
  readonly #holder: Holder;
  readonly #out: Out;
  readonly #onClosed: () => void;
  /** Whoever passed the proxy on may forget it: it is needed here. */
  #remote: object | undefined;

  constructor(holder: Holder, remote: object, out: Out, onClosed: () => void) {
    this.#holder = holder;
    this.#remote = remote;
    this.#out = out;
    this.#onClosed = onClosed;
  }

  take(message: ComlinkMessage): void {
    if (message.type === "RELEASE") return this.close();
    this.#holder.pass(message, (answer) => this.#answer(answer));
  }

  close(): void {
    if (this.#remote === undefined) return;
    this.#remote = undefined;
    this.#onClosed();
  }

  #answer(answer: ComlinkMessage): void {
    if (this.#remote === undefined) return;
    try {
      this.#out(answer);
    } catch (error) {
      this.#out(rejection(answer.id, error));
    }
  }
}
