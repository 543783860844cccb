/**
 * `Registry`, as Elixir's: actors under keys, with a value each, one actor a key or many. It is a plain object of one thread, not an
 * actor: there is nothing in it that could crash. An entry goes when its owner ends.
 */
import { AlreadyStartedError, NoProcError, UnsupportedError } from "../errors.js";
import type { ActorRef, AnyMessages } from "../ref.js";
import { cellOf } from "./address.js";
import { onEnd } from "./monitor.js";
import { describeRef } from "./runtime.js";
import { describeKey, type Via, type ViaRegistry } from "./via.js";

/** One actor under one key. */
export interface RegistryEntry<Value = unknown, T = AnyMessages> {
  readonly ref: ActorRef<T>;
  readonly value: Value;
}

/** What a listener is sent, as the message of an `info`. */
export type RegistryEvent<Key = unknown, Value = unknown> =
  | {
      readonly type: "register";
      readonly registry: Registry<Key, Value>;
      readonly key: Key;
      readonly ref: ActorRef;
      readonly value: Value;
    }
  | { readonly type: "unregister"; readonly registry: Registry<Key, Value>; readonly key: Key; readonly ref: ActorRef };

/** What a registry is made of. */
export interface RegistryOptions {
  /** One actor a key, or any number of entries, also several of one actor. */
  readonly keys: "unique" | "duplicate";
  /** Who hears of every entry that comes and goes. One that has ended hears nothing. */
  readonly listeners?: readonly (ActorRef | Via)[];
}

interface Entry<Key, Value> {
  readonly key: Key;
  readonly ref: ActorRef;
  value: Value;
}

interface Owner<Key, Value> {
  readonly entries: Set<Entry<Key, Value>>;
  readonly forget: () => void;
}

/**
 * Actors under keys.
 *
 * Keys are compared as a `Map` does. Entries of one key are kept in the order in which they came. When an actor has ended its entries
 * are gone before anyone gets its `DOWN` or `EXIT`. With unique keys it is a registry for `via`.
 */
export class Registry<Key = unknown, Value = unknown, T = AnyMessages> implements ViaRegistry<Key> {
  readonly kind: "unique" | "duplicate";
  readonly #listeners: readonly (ActorRef | Via)[];
  readonly #keys = new Map<Key, Set<Entry<Key, Value>>>();
  readonly #owners = new Map<ActorRef, Owner<Key, Value>>();
  readonly #meta = new Map<unknown, unknown>();
  #count = 0;

  constructor({ keys, listeners = [] }: RegistryOptions) {
    this.kind = keys;
    this.#listeners = listeners;
  }

  /**
   * Puts an actor under `key`.
   *
   * @throws {AlreadyStartedError} with the holder as `ref` if keys are unique and one has it, also if it is the same actor.
   * @throws {NoProcError} if the actor has begun to end.
   */
  register(key: Key, ref: ActorRef<T>, value?: Value): void;
  register(key: Key, ref: ActorRef, value?: Value): void;
  register(key: Key, ref: ActorRef, value?: Value): void {
    const cell = cellOf(ref);
    if (cell.isEnding) throw new NoProcError(`cannot register ${describeRef(ref)}: it has ended`, { ref });
    const [holder] = this.#keys.get(key) ?? [];
    if (holder && this.kind === "unique") {
      const name = describeKey(key);
      throw new AlreadyStartedError(`the key ${name} is taken`, { ref: holder.ref, name });
    }
    const entry: Entry<Key, Value> = { key, ref, value: value as Value };
    this.#entriesOf(key).add(entry);
    this.#ownerOf(ref).entries.add(entry);
    this.#count++;
    this.#tell({ type: "register", registry: this as Registry<Key, Value>, key, ref, value: value as Value });
  }

  /** Takes away all entries of `key`, or only those of one actor. Does nothing if there are none. */
  unregister(key: Key, ref?: ActorRef<T> | ActorRef): void {
    this.#removeWhere(key, (entry) => ref === undefined || entry.ref === ref);
  }

  /** Takes away an actor's entries of `key` whose value `matches`. */
  unregisterMatch(key: Key, ref: ActorRef<T> | ActorRef, matches: (value: Value) => boolean): void {
    this.#removeWhere(key, (entry) => entry.ref === ref && matches(entry.value));
  }

  /** Returns the entries of `key`, oldest first; none gives an empty list. */
  lookup(key: Key): RegistryEntry<Value, T>[] {
    return [...(this.#keys.get(key) ?? [])].map(({ ref, value }) => ({ ref: ref as unknown as ActorRef<T>, value }));
  }

  /** Returns the entries of `key` whose value `matches`, oldest first. */
  match(key: Key, matches: (value: Value) => boolean): RegistryEntry<Value, T>[] {
    return this.lookup(key).filter(({ value }) => matches(value));
  }

  /** Returns the keys of an actor, oldest first; one as often as it has entries under it. */
  keys(ref: ActorRef<T> | ActorRef): Key[] {
    return [...(this.#owners.get(ref as ActorRef)?.entries ?? [])].map(({ key }) => key);
  }

  /** Returns the values that an actor has under `key`, oldest first. */
  values(key: Key, ref: ActorRef<T> | ActorRef): Value[] {
    return this.lookup(key)
      .filter((entry) => (entry.ref as unknown) === ref)
      .map(({ value }) => value);
  }

  /**
   * Replaces the value that an actor has under `key` by what `update` makes of it; listeners do not hear of it.
   *
   * @returns the new and the old value; nothing if the actor does not have the key.
   * @throws {UnsupportedError} if keys are not unique.
   */
  updateValue(
    key: Key,
    ref: ActorRef<T> | ActorRef,
    update: (value: Value) => Value,
  ): { readonly value: Value; readonly old: Value } | undefined {
    this.#mustBeUnique("updateValue");
    const [entry] = this.#keys.get(key) ?? [];
    if (entry === undefined || (entry.ref as unknown) !== ref) return undefined;
    const old = entry.value;
    entry.value = update(old);
    return { value: entry.value, old };
  }

  /** Calls `act` once with all entries of `key`, oldest first; not at all if there are none. What it throws is the caller's. */
  dispatch(key: Key, act: (entries: readonly RegistryEntry<Value, T>[]) => void): void {
    const entries = this.lookup(key);
    if (entries.length > 0) act(entries);
  }

  /** Returns how many entries there are. */
  count(): number {
    return this.#count;
  }

  /** Returns how many entries of `key` have a value that `matches`. */
  countMatch(key: Key, matches: (value: Value) => boolean): number {
    return this.match(key, matches).length;
  }

  /** Keeps a value with the registry itself, under a key of its own kind. */
  putMeta(key: unknown, value: unknown): void {
    this.#meta.set(key, value);
  }

  /** Returns what {@link putMeta} kept. */
  meta<V = unknown>(key: unknown): V | undefined {
    return this.#meta.get(key) as V | undefined;
  }

  /** Forgets what {@link putMeta} kept. */
  deleteMeta(key: unknown): void {
    this.#meta.delete(key);
  }

  /** Returns the actor that has `key`. @throws {UnsupportedError} if keys are not unique. */
  whereis(key: Key): ActorRef | undefined {
    this.#mustBeUnique("whereis");
    const [entry] = this.#keys.get(key) ?? [];
    return entry?.ref;
  }

  /** Sends `message` to the actor that has `key`. @throws {NoProcError} if nobody has. @throws {UnsupportedError} if keys are not unique. */
  send(key: Key, message: unknown): void {
    const ref = this.whereis(key);
    if (!ref) throw new NoProcError(`nobody has the key ${describeKey(key)}`, { name: describeKey(key) });
    ref.send(message);
  }

  #mustBeUnique(feature: string): void {
    if (this.kind !== "unique")
      throw new UnsupportedError(`\`${feature}\` needs a registry with unique keys`, { feature });
  }

  #entriesOf(key: Key): Set<Entry<Key, Value>> {
    let entries = this.#keys.get(key);
    if (!entries) {
      entries = new Set();
      this.#keys.set(key, entries);
    }
    return entries;
  }

  #ownerOf(ref: ActorRef): Owner<Key, Value> {
    let owner = this.#owners.get(ref);
    if (!owner) {
      const entries = new Set<Entry<Key, Value>>();
      owner = { entries, forget: onEnd(cellOf(ref), () => this.#ownerEnded(entries)) };
      this.#owners.set(ref, owner);
    }
    return owner;
  }

  #ownerEnded(entries: ReadonlySet<Entry<Key, Value>>): void {
    for (const entry of [...entries]) this.#remove(entry);
  }

  #removeWhere(key: Key, matches: (entry: Entry<Key, Value>) => boolean): void {
    for (const entry of [...(this.#keys.get(key) ?? [])]) if (matches(entry)) this.#remove(entry);
  }

  #remove(entry: Entry<Key, Value>): void {
    const { key, ref } = entry;
    const ofKey = this.#keys.get(key);
    if (!ofKey?.delete(entry)) return;
    if (ofKey.size === 0) this.#keys.delete(key);
    this.#count--;
    const owner = this.#owners.get(ref);
    owner?.entries.delete(entry);
    if (owner?.entries.size === 0) {
      this.#owners.delete(ref);
      owner.forget();
    }
    this.#tell({ type: "unregister", registry: this as Registry<Key, Value>, key, ref });
  }

  #tell(event: RegistryEvent<Key, Value>): void {
    for (const listener of this.#listeners) {
      try {
        listener.send(event);
      } catch {
        // A key nobody has: Elixir's listeners are names, and one that is not there hears nothing either.
      }
    }
  }
}
