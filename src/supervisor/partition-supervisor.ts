/**
 * The partition supervisor: the same child several times over, one of which serves each key, so that no single actor is everybody's
 * bottleneck. It is an ordinary `one_for_one` supervisor whose children's ids are `"0"`, `"1"`, …; here is only the way from a key to one.
 */
import { availableParallelism } from "node:os";
import { cellOf } from "../actors/address.js";
import { type Parent, startActor } from "../actors/start-actor.js";
import { NoProcError } from "../errors.js";
import { type ActorRef, isActorRef } from "../ref.js";
import { type ChildSpec, wrong } from "./child-spec.js";
import { Supervisor } from "./supervisor.js";
import { checkSupervisorSpec, type SupervisorSpec, startedAs } from "./supervisor-spec.js";

/** What to partition. */
export interface PartitionSupervisorSpec extends Omit<SupervisorSpec, "children" | "strategy" | "path"> {
  /** Its path in the tree; what it was started as unless given. */
  readonly path?: string;
  /** Default: as many as the machine runs at once. */
  readonly partitions?: number;
  /** The child of each partition, whose number is its id. */
  readonly child: (partition: number) => Omit<ChildSpec, "id">;
}

const route: unique symbol = Symbol.for("copal.partition") as never;

/** A partition supervisor; see {@link startPartitionSupervisor}. */
export class PartitionSupervisor extends Supervisor {
  #partitions = 0;

  override init(given: object): Promise<void> {
    const spec = given as PartitionSupervisorSpec;
    const children = partitionsOf(spec);
    this.#partitions = children.length;
    return super.init({ ...spec, children });
  }

  /** Resolves with the child that serves `key`. Rejects with `ERR_NOPROC` if it does not run at the moment. */
  whichPartition(key: unknown): ActorRef {
    try {
      return this[route](key);
    } catch (error) {
      return this.refuse(error as Error);
    }
  }

  [route](key: unknown): ActorRef {
    const id = String(partitionOf(key, this.#partitions));
    const ref = this._refOf(id);
    if (ref === undefined) throw new NoProcError(`partition ${id} does not run`, { name: id });
    return ref;
  }
}

/**
 * Returns the child of the partition supervisor `ref` that serves `key`, without asking its mailbox.
 *
 * @throws {NoProcError} if it does not run at the moment.
 */
export function partition(ref: ActorRef<PartitionSupervisor>, key: unknown): ActorRef {
  const instance = cellOf(ref).instance as unknown as { [route]?: (key: unknown) => ActorRef } | undefined;
  if (!instance?.[route]) throw new NoProcError("the partition supervisor does not run", { ref });
  return instance[route](key);
}

/**
 * Returns the number of the partition that serves `key`, from 0.
 *
 * A whole number goes to its absolute value modulo `partitions`, an actor by its number, anything else by a hash of its text. The same
 * key always gives the same partition.
 */
export function partitionOf(key: unknown, partitions: number): number {
  const number = isActorRef(key) ? key.id : key;
  if (typeof number === "number" && Number.isSafeInteger(number)) return Math.abs(number) % partitions;
  if (typeof number === "bigint") return Number((number < 0n ? -number : number) % BigInt(partitions));
  return hash(textOf(number)) % partitions;
}

function textOf(key: unknown): string {
  if (typeof key === "string") return key;
  try {
    return JSON.stringify(key) ?? String(key);
  } catch {
    return String(key);
  }
}

/** FNV-1a over UTF-16 code units, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}

function partitionsOf({ partitions = availableParallelism(), child }: PartitionSupervisorSpec): ChildSpec[] {
  if (!Number.isSafeInteger(partitions) || partitions < 1) {
    throw wrong("partitions", partitions, "a whole number from 1");
  }
  if (typeof child !== "function")
    throw wrong("child", child, "a function from a partition's number to its child spec");
  return Array.from({ length: partitions }, (_, index) => ({ ...child(index), id: String(index) }));
}

/**
 * Starts a partition supervisor, linked to `parent`, and its children in order; resolves when all are up.
 *
 * Rejects as `startSupervisor` does.
 */
export async function startPartitionSupervisor(
  parent: Parent,
  spec: PartitionSupervisorSpec,
): Promise<ActorRef<PartitionSupervisor>> {
  checkSupervisorSpec({ ...spec, path: spec.path ?? "partitions", children: partitionsOf(spec) });
  return startActor(parent, { class: PartitionSupervisor, args: [spec], ...startedAs(spec) });
}
