/**
 * The owner's end of one proxy for one holder: comlink serves the value here, and what it is asked for becomes a message of the actor whose value it is.
 */
import type { Endpoint } from "comlink";
import type { Cell } from "./cell.js";
import { asThrown, type ComlinkMessage, closePorts, comlink, type Listener, rejection, unmanaged } from "./comlink.js";
import { Call } from "./envelope.js";
import { onEnd } from "./monitor.js";
import { type Transferable, transfer } from "./transfer.js";

/** Takes a message for the other end. */
export type Out = (message: ComlinkMessage) => void;

/** Serves one value to one holder. */
export class Exposure implements Endpoint {
  readonly #owner: Cell | undefined;
  readonly #isMessage: boolean;
  readonly #out: Out;
  readonly #onClosed: () => void;
  readonly #forgetOwner: () => void = () => {};
  readonly #turns = new Map<string | undefined, Use>();
  #listener: Listener | undefined;

  /** If `isMessage`, uses wait their turn in the mailbox of `owner`. */
  constructor(value: object, owner: Cell | undefined, isMessage: boolean, out: Out, onClosed: () => void) {
    this.#owner = owner;
    this.#isMessage = isMessage;
    this.#out = out;
    this.#onClosed = onClosed;
    comlink().expose(value, this);
    if (owner) this.#forgetOwner = onEnd(owner, () => this.close());
  }

  /** Does what the holder asks for, now or in its turn. */
  take(message: ComlinkMessage): void {
    const owner = this.#owner;
    if (message.type === "RELEASE" || owner === undefined || !this.#isMessage) return this.serve(message);
    const use = new Use(owner, this, message);
    this.#turns.set(message.id, use);
    owner.push(use);
  }

  /** Lets comlink do it. */
  serve(message: ComlinkMessage): void {
    if (!this.#owner?.isEnding) this.#listener?.({ data: message });
  }

  /** Rejects a request. */
  refuse(id: string | undefined, error: unknown): void {
    this.#turns.delete(id);
    if (this.#listener) this.#out(rejection(id, error));
  }

  /** Called by comlink, with an answer. */
  postMessage(message: ComlinkMessage, parts: readonly Transferable[] = []): void {
    const use = this.#turns.get(message.id);
    this.#turns.delete(message.id);
    use?.isDone();
    if (!this.#listener) return;
    if (closePorts(message))
      return this.#out(rejection(message.id, unmanaged("comlink's own proxies are not carried")));
    try {
      this.#out(transfer(asThrown(message), parts));
    } catch (error) {
      this.#out(rejection(message.id, error));
    }
  }

  /** Called by comlink, once. */
  addEventListener(_type: string, listener: unknown): void {
    this.#listener = listener as Listener;
  }

  /** Called by comlink when the holder has let go. */
  removeEventListener(): void {
    this.close();
  }

  /** Nothing is served or answered any more. */
  close(): void {
    if (!this.#listener) return;
    this.#listener = undefined;
    this.#forgetOwner();
    this.#onClosed();
  }
}

/** A use of an actor's proxy in the actor's mailbox. No method has its name, so that it gets where unknown messages get: {@link Use.run}. */
export class Use extends Call {
  readonly #exposure: Exposure;
  readonly #message: ComlinkMessage;
  #done: () => void = () => {};

  constructor(owner: Cell, exposure: Exposure, message: ComlinkMessage) {
    super(owner.ref, "_proxied", []);
    this.#exposure = exposure;
    this.#message = message;
  }

  /** Serves it; the promise resolves when it is answered, and holds the mailbox until then. */
  run(): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    this.#exposure.serve(this.#message);
    return done;
  }

  /** It is answered. */
  isDone(): void {
    this.#done();
  }

  override fail(error: unknown): void {
    if (!this.isSettled) this.#exposure.refuse(this.#message.id, error);
    super.fail(error);
  }
}
