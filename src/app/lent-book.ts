/**
 * A tree's book as worker threads have it: here it answers for them and tells each of them what changes, so that a name found there is a name found here. Each
 * thread has the names of all nodes; what else it asks for comes here.
 */
import { cellOf } from "../actors/address.js";
import { answeringRef } from "../actors/answering-ref.js";
import { onEnd } from "../actors/monitor.js";
import { isAlive, type Runtime } from "../actors/runtime.js";
import type { ExitReason } from "../exit.js";
import { type ActorRef, portOf } from "../ref.js";
import type { Started } from "../sidecar/started.js";
import { rememberSnapshot, type SupervisorSnapshot } from "../supervisor/snapshot.js";
import type { Address } from "../threads/parcel.js";
import { threadHost } from "../threads/thread-host.js";
import type { TreeBook } from "./tree-book.js";

/** What a thread's borrowed book tells this one; each is one message. */
export interface BookWords {
  /** The sender wants to be told of names: resolves with those there are. */
  follow(follower: ActorRef): readonly (readonly [path: string, address: Address | undefined])[];
  note(follower: ActorRef, path: string, ref: ActorRef, place: Started | undefined): void;
  noteEnd(follower: ActorRef, path: string, ref: ActorRef, reason: ExitReason): void;
  snapshot(ref: ActorRef, snapshot: SupervisorSnapshot): void;
  append(path: string, stream: "stdout" | "stderr", bytes: Uint8Array): void;
  isHeld(path: string): boolean | Promise<boolean>;
}

/** What this one tells a borrowed book. */
export interface FollowerWords {
  noted(path: string, address: Address | undefined): void;
  /** Starts a planned child again under its supervisor, which lives there and has forgotten it. */
  startAgain(supervisor: ActorRef, path: string): Promise<void>;
}

/** The tree's own book as it is lent: whoever `knows` of a change already need not be told of it. */
export interface OwnBook extends Pick<TreeBook, "append" | "isHeld"> {
  /** The incarnation that a path stands for, or stood for last. */
  refOf(path: string): ActorRef | undefined;
  /** All nodes, and who stands for each now. */
  names(): Iterable<readonly [path: string, ref: ActorRef | undefined]>;
  /** A node in another thread has started, with its process there if it holds one. */
  startedAt(ref: ActorRef, place: Started | undefined): void;
  note(path: string, ref: ActorRef, knows?: ActorRef): void;
  noteEnd(path: string, reason: ExitReason, knows?: ActorRef): void;
}

/** A name is told with an address and no ref: most are never looked up, and each ref costs its thread a stand-in for the actor. */
function addressOf(ref: ActorRef | undefined): Address | undefined {
  return ref && isAlive(ref) ? threadHost()?.board.addressOf(ref) : undefined;
}

/** A tree's book as worker threads have borrowed it. */
export class LentBook implements BookWords {
  /** Where threads reach it. */
  readonly ref: ActorRef;
  readonly #book: OwnBook;
  readonly #followers = new Map<number, ActorRef>();
  readonly #ends = new WeakSet<ActorRef>();

  constructor(runtime: Runtime, book: OwnBook) {
    this.#book = book;
    this.ref = answeringRef(runtime, (word, args) => {
      const answer = this[word as keyof BookWords] as (...args: readonly unknown[]) => unknown;
      return answer.apply(this, args as unknown[]);
    });
  }

  /** Tells all threads but one, which knows, who stands for a path now. */
  tell(path: string, ref: ActorRef | undefined, knows?: ActorRef): void {
    for (const [thread, follower] of this.#followers) {
      if (cellOf(follower).hasEnded) this.#followers.delete(thread);
      // Not by `cast`: it may be the code of an actor that has ended which comes to this, and that is mute.
      else if (follower !== knows) portOf(follower).cast("noted", [path, addressOf(ref)]);
    }
  }

  /** Has a child that its supervisor has forgotten started again, in the supervisor's thread. */
  async startAgain(supervisor: ActorRef, path: string): Promise<void> {
    const follower = this.#followers.get(supervisor.thread);
    if (follower) await portOf(follower).call("startAgain", [supervisor, path], Number.POSITIVE_INFINITY);
  }

  follow(follower: ActorRef): readonly (readonly [path: string, address: Address | undefined])[] {
    this.#followers.set(follower.thread, follower);
    return Array.from(this.#book.names(), ([path, ref]) => [path, addressOf(ref)] as const);
  }

  note(follower: ActorRef, path: string, ref: ActorRef, place: Started | undefined): void {
    if (this.#book.refOf(path) === ref) return;
    this.#book.startedAt(ref, place);
    this.#book.note(path, ref, follower);
    // The thread tells of every end that it lives to see; those that come with its own end are seen from here.
    onEnd(cellOf(ref), (reason) => this.noteEnd(follower, path, ref, reason));
  }

  noteEnd(follower: ActorRef, path: string, ref: ActorRef, reason: ExitReason): void {
    if (this.#ends.has(ref)) return;
    this.#ends.add(ref);
    if (this.#book.refOf(path) === ref) this.#book.noteEnd(path, reason, follower);
  }

  snapshot(ref: ActorRef, snapshot: SupervisorSnapshot): void {
    rememberSnapshot(ref, snapshot);
  }

  append(path: string, stream: "stdout" | "stderr", bytes: Uint8Array): void | Promise<void> {
    return this.#book.append(path, stream, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  isHeld(path: string): boolean | Promise<boolean> {
    return this.#book.isHeld(path);
  }
}
