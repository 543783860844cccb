/**
 * Process groups, as OTP's `pg`: named groups of actors in a scope. An actor may join a group several times and must leave as often;
 * it leaves all when it ends. A plain object of one thread; an empty group and one that never was are the same.
 */
import { type ActorRef, portOf } from "../ref.js";
import { cellOf } from "./address.js";
import { onEnd } from "./monitor.js";
import { type Runtime, runtimeOfThread } from "./runtime.js";

/** What a watcher of groups is sent, as the message of an `info`: who joined or left, as often as they did. */
export interface GroupEvent<Group = unknown> {
  readonly type: "join" | "leave";
  /** What `monitor` or `monitorScope` returned. */
  readonly monitor: number;
  readonly group: Group;
  readonly members: readonly ActorRef[];
}

interface Member<Group> {
  /** The groups it is in, newest first, one as often as it joined. */
  readonly groups: Group[];
  forget: () => void;
}

interface Watch<Group> {
  readonly id: number;
  readonly watcher: ActorRef;
  /** Nothing for the whole scope. */
  readonly only: { readonly group: Group } | undefined;
  readonly forget: () => void;
}

/** The groups of one scope. */
export class ProcessGroups<Group = unknown> {
  readonly #runtime: Runtime;
  /** Newest first, as `pg` has them. */
  readonly #groups = new Map<Group, ActorRef[]>();
  readonly #members = new Map<ActorRef, Member<Group>>();
  readonly #watches = new Map<number, Watch<Group>>();

  constructor(runtime: Runtime = runtimeOfThread()) {
    this.#runtime = runtime;
  }

  /** Adds members to a group, one as often as it is given. One that has ended joins and leaves at once. */
  join(group: Group, who: ActorRef | readonly ActorRef[]): void {
    const joining = listed(who);
    if (joining.length > 0) this.#groups.set(group, [...joining, ...(this.#groups.get(group) ?? [])]);
    this.#tell("join", group, joining);
    for (const ref of joining) {
      const member = this.#members.get(ref);
      if (member) member.groups.unshift(group);
      else this.#add(ref, group);
    }
  }

  /**
   * Takes members out of a group, one as often as it is given.
   *
   * @returns `"not_joined"` if none of them was in it; watchers then hear nothing. Otherwise they hear of all that were given.
   */
  leave(group: Group, who: ActorRef | readonly ActorRef[]): "ok" | "not_joined" {
    const leaving = listed(who);
    let left = false;
    for (const ref of leaving) {
      const member = this.#members.get(ref);
      const at = member?.groups.indexOf(group) ?? -1;
      if (member === undefined || at < 0) continue;
      left = true;
      member.groups.splice(at, 1);
      this.#takeOut(group, ref);
      if (member.groups.length > 0) continue;
      this.#members.delete(ref);
      member.forget();
    }
    if (!left) return "not_joined";
    this.#tell("leave", group, leaving);
    return "ok";
  }

  /** Returns the members of a group, one as often as it joined, newest first. The order is not promised between threads. */
  getMembers(group: Group): ActorRef[] {
    return [...(this.#groups.get(group) ?? [])];
  }

  /** Returns the members that live in this thread; so far these are all. */
  getLocalMembers(group: Group): ActorRef[] {
    return this.getMembers(group).filter(({ thread }) => thread === this.#runtime.thread);
  }

  /** Returns the groups that have members. */
  whichGroups(): Group[] {
    return [...this.#groups.keys()];
  }

  /**
   * Sends `watcher` a {@link GroupEvent} for whoever joins or leaves `group`, until it ends or {@link demonitor}.
   *
   * @returns the number that the events carry, and the members at this moment: every change after it comes as an event.
   */
  monitor(group: Group, watcher: ActorRef): { readonly monitor: number; readonly members: ActorRef[] } {
    return { monitor: this.#watch(watcher, { group }), members: this.getMembers(group) };
  }

  /** As {@link monitor}, for all groups of the scope. */
  monitorScope(watcher: ActorRef): { readonly monitor: number; readonly groups: Map<Group, ActorRef[]> } {
    const groups = new Map([...this.#groups].map(([group, members]) => [group, [...members]] as [Group, ActorRef[]]));
    return { monitor: this.#watch(watcher, undefined), groups };
  }

  /** Ends a monitor; events that are in the watcher's mailbox already still come. @returns false if there was none. */
  demonitor(monitor: number): boolean {
    const watch = this.#watches.get(monitor);
    this.#watches.delete(monitor);
    watch?.forget();
    return watch !== undefined;
  }

  #add(ref: ActorRef, group: Group): void {
    const member: Member<Group> = { groups: [group], forget: () => {} };
    this.#members.set(ref, member);
    // Of one that has ended we hear at once.
    member.forget = onEnd(cellOf(ref), () => this.#ended(ref));
  }

  #ended(ref: ActorRef): void {
    const groups = this.#members.get(ref)?.groups ?? [];
    this.#members.delete(ref);
    for (const group of groups) {
      this.#takeOut(group, ref);
      this.#tell("leave", group, [ref]);
    }
  }

  #takeOut(group: Group, ref: ActorRef): void {
    const members = this.#groups.get(group) ?? [];
    members.splice(members.indexOf(ref), 1);
    if (members.length === 0) this.#groups.delete(group);
  }

  #watch(watcher: ActorRef, only: Watch<Group>["only"]): number {
    const id = this.#runtime.nextMonitor();
    const forget = onEnd(cellOf(watcher), () => this.#watches.delete(id));
    if (!cellOf(watcher).hasEnded) this.#watches.set(id, { id, watcher, only, forget });
    return id;
  }

  #tell(type: GroupEvent["type"], group: Group, members: readonly ActorRef[]): void {
    for (const { id, watcher, only } of this.#watches.values()) {
      if (only && only.group !== group) continue;
      // The group speaks, whoever has joined or left: not even code of an actor that has ended can keep it from that.
      portOf(watcher).send({ type, monitor: id, group, members } satisfies GroupEvent<Group>);
    }
  }
}

function listed(who: ActorRef | readonly ActorRef[]): ActorRef[] {
  return Array.isArray(who) ? [...(who as readonly ActorRef[])] : [who as ActorRef];
}

const slot: unique symbol = Symbol.for("copal.processGroups/1") as never;

/** Returns the groups of `scope` (default `"pg"`) in this thread, made on first use. */
export function processGroups<Group = unknown>(scope = "pg"): ProcessGroups<Group> {
  const holder = globalThis as { [slot]?: Map<string, ProcessGroups> };
  holder[slot] ??= new Map();
  let groups = holder[slot].get(scope);
  if (!groups) {
    groups = new ProcessGroups();
    holder[slot].set(scope, groups);
  }
  return groups as ProcessGroups<Group>;
}
