/**
 * The proxies that go over one line: those of this thread that the other holds, and those of the other thread that are held here. Both kinds speak over the line
 * itself, in order with everything else, so that a proxy costs no port and ends with the line.
 */
import type { Cell } from "../actors/cell.js";
import type { ComlinkMessage } from "../actors/comlink.js";
import { Holder } from "../actors/holder.js";
import { onEnd } from "../actors/monitor.js";
import { held, type Served, type Source } from "../actors/proxy.js";
import { NoProcError } from "../errors.js";
import type { Address } from "./parcel.js";
import type { Line } from "./switchboard.js";

/** A proxy on its way: its number on the line, and whose it is. */
export type ProxyAddress = readonly [number: number, owner: Address | undefined];

/** The proxies of one line. */
export class LineProxies {
  readonly #line: Line;
  readonly #served = new Map<number, Served>();
  readonly #holders = new Map<number, Holder>();
  /** Those of no actor. */
  readonly #ownerless = new Set<Holder>();
  #lastNumber = 0;

  constructor(line: Line) {
    this.#line = line;
  }

  /** The number of the proxy that was sent last. */
  get lastNumber(): number {
    return this.#lastNumber;
  }

  /** Serves what `source` stands for to the other thread from now on. */
  send(source: Source): ProxyAddress {
    const line = this.#line;
    const number = ++this.#lastNumber;
    const out = (message: ComlinkMessage): void =>
      line.parcel(message, (data, isPacked) => ["toHolder", number, data, isPacked]);
    this.#served.set(
      number,
      source.serve(out, () => this.#served.delete(number)),
    );
    return [number, source.owner && line.addressOf(source.owner.ref)];
  }

  /** Takes back every proxy sent after `number`: the message that was to carry them has not left. */
  takeBack(number: number): void {
    for (; this.#lastNumber > number; this.#lastNumber--) this.#served.get(this.#lastNumber)?.close();
  }

  /** Makes a proxy that has come. It ends with its owner, and with the actor it was sent to if that is known. */
  receive([number, owner]: ProxyAddress, receiver: Cell | undefined): object {
    const line = this.#line;
    const holder = new Holder((message) =>
      line.parcel(message, (data, isPacked) => ["toOwner", number, data, isPacked]),
    );
    const ownerCell = owner && line.board.cellOf(owner);
    this.#holders.set(number, holder);
    if (!ownerCell) this.#ownerless.add(holder);
    const forgetOwner = ownerCell && onEnd(ownerCell, () => holder.end(ownerCell.exitError()));
    const forgetReceiver = receiver && onEnd(receiver, () => holder.release());
    holder.onEnded = () => {
      forgetOwner?.();
      forgetReceiver?.();
      this.#holders.delete(number);
      this.#ownerless.delete(holder);
    };
    return held(holder);
  }

  /** The other thread uses a proxy that it holds. */
  toOwner(number: number, message: unknown): void {
    this.#served.get(number)?.take(message as ComlinkMessage);
  }

  /** The other thread answers. */
  toHolder(number: number, message: unknown): void {
    this.#holders.get(number)?.receive(message as ComlinkMessage);
  }

  /** The other thread is gone: nobody there needs anything any more, and what was there is not. Proxies of actors hear of their actors' ends. */
  lose(): void {
    for (const served of [...this.#served.values()]) served.take({ type: "RELEASE" });
    for (const holder of [...this.#ownerless]) holder.end(new NoProcError("the thread of the proxy is gone", {}));
  }
}
