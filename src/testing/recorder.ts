/**
 * Records what actors and supervisors say on the `copal:*` diagnostics channels, as plain data that compares: no times, no stacks, and an actor is its
 * label and which incarnation of it. Every actor of the thread speaks there; `under` keeps to one tree.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { cellOf } from "../actors/address.js";
import { type ActorRef, isActorRef } from "../ref.js";

/** What was said on a channel: `type` is a supervisor's event or the kind of a crash report, else the channel's name. */
export interface RecordedEvent {
  readonly channel: RecordedChannel;
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The channels, without their `copal:`. */
export type RecordedChannel = "supervisor" | "exit" | "crash" | "unhandled";

/** What to record. */
export interface RecorderOptions {
  /** Only what concerns the actor of this path or label, or one below it. Default: everything. */
  readonly under?: string;
  /** Default: all of them. */
  readonly channels?: readonly RecordedChannel[];
}

const allChannels: readonly RecordedChannel[] = ["supervisor", "exit", "crash", "unhandled"];
const timesAndStacks: ReadonlySet<string> = new Set(["stack", "atMs", "startedAtMs"]);
const deepest = 12;

/** Begins to record, until `stop` (or the end of a `using` block). */
export function recorder(options: RecorderOptions = {}): Recorder {
  return new Recorder(options);
}

/** A record of events; made by {@link recorder}. */
export class Recorder implements Disposable {
  /** What was recorded so far, in order. */
  readonly events: RecordedEvent[] = [];
  readonly #under: string | undefined;
  readonly #listeners: { readonly name: string; readonly listen: (message: unknown) => void }[];
  readonly #waiting = new Set<() => void>();
  readonly #names = new WeakMap<ActorRef, string>();
  readonly #incarnations = new Map<string, number>();

  constructor({ under, channels = allChannels }: RecorderOptions) {
    this.#under = under;
    this.#listeners = channels.map((channel) => ({
      name: `copal:${channel}`,
      listen: (message) => this.#heard(channel, message as Readonly<Record<string, unknown>>),
    }));
    for (const { name, listen } of this.#listeners) subscribe(name, listen);
  }

  /** The events as one line each, such as `exited app/a error TypeError`: for comparisons of order. */
  get lines(): readonly string[] {
    return this.events.map(({ type, path, label, ref, reason }) =>
      [type, path ?? label ?? ref, shortReason(reason)].filter((word) => word !== undefined).join(" "),
    );
  }

  /**
   * Resolves with the first recorded event that `matches`, at once if it is there already; forget what is past with {@link clear}.
   *
   * @throws {Error} with everything that was recorded, after `timeoutMs` (default 10,000) of real time.
   */
  waitFor(matches: (event: RecordedEvent) => boolean, { timeoutMs = 10_000 } = {}): Promise<RecordedEvent> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.events.find(matches);
        if (!found) return;
        done();
        resolve(found);
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`no such event within ${timeoutMs} ms; there were:\n${this.lines.join("\n")}`));
      }, timeoutMs);
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Forgets what was recorded. */
  clear(): void {
    this.events.length = 0;
  }

  /** Records no more; what was recorded stays. */
  stop(): void {
    for (const { name, listen } of this.#listeners) unsubscribe(name, listen);
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #heard(channel: RecordedChannel, message: Readonly<Record<string, unknown>>): void {
    if (!this.#concerns(message)) return;
    const { type, kind, ...rest } = this.#plain(message, 0) as Record<string, unknown>;
    this.events.push({ channel, type: String(type ?? kind ?? channel), ...(type && kind ? { kind } : {}), ...rest });
    for (const look of [...this.#waiting]) look();
  }

  #concerns({ path, label, ref }: Readonly<Record<string, unknown>>): boolean {
    if (this.#under === undefined) return true;
    const who = path ?? label ?? (isActorRef(ref) ? labelOf(ref) : undefined);
    return who === this.#under || (typeof who === "string" && who.startsWith(`${this.#under}/`));
  }

  #plain(value: unknown, depth: number): unknown {
    if (isActorRef(value)) return this.#nameOf(value);
    if (typeof value === "function") return `[function ${value.name}]`;
    if (typeof value !== "object" || value === null) return value;
    if (depth === deepest) return "[deeper]";
    const plain = (inner: unknown) => this.#plain(inner, depth + 1);
    if (value instanceof Error) return { name: value.name, message: value.message };
    if (value instanceof Uint8Array) return Buffer.from(value).toString();
    if (Array.isArray(value)) return value.map(plain);
    if (value instanceof Map || value instanceof Set) return [...value].map(plain);
    const fields = entriesOf(value).filter(([key, inner]) => inner !== undefined && !timesAndStacks.has(key));
    return Object.fromEntries(fields.map(([key, inner]) => [key, plain(inner)]));
  }

  /** The label, and from the second incarnation on its number: `app/a`, `app/a#2`. */
  #nameOf(ref: ActorRef): string {
    const known = this.#names.get(ref);
    if (known !== undefined) return known;
    const label = labelOf(ref);
    const number = (this.#incarnations.get(label) ?? 0) + 1;
    this.#incarnations.set(label, number);
    const name = number === 1 ? label : `${label}#${number}`;
    this.#names.set(ref, name);
    return name;
  }
}

/** What people call it; a ref with no actor behind it, such as that of the outside, goes by its name or number. */
function labelOf(ref: ActorRef): string {
  try {
    return cellOf(ref).label;
  } catch {
    return ref.name ?? (ref.id === 0 ? "nobody" : `actor ${ref.thread}.${ref.id}`);
  }
}

/** What a user sent may throw when it is looked at; a listener that throws would end the program. */
function entriesOf(value: object): [string, unknown][] {
  try {
    return Object.entries(value);
  } catch (thrown) {
    return [["unreadable", String(thrown)]];
  }
}

/** A word for a plain reason: itself, or its key and what is said of it first. */
function shortReason(reason: unknown): string | undefined {
  if (typeof reason !== "object" || reason === null) return reason === undefined ? undefined : String(reason);
  const [[key, value] = ["", undefined]] = Object.entries(reason);
  const detail = typeof value === "object" && value !== null ? Object.values(value)[0] : value;
  return `${key} ${String(detail)}`;
}
