/**
 * Measures the processes of a tree: resident memory and processor time of each whole process tree.
 * It asks the process actors and keeps the last look at each, since a rate needs two; it knows no rows of people.
 */

import type { ProcessActor } from "../actors/process-actor.js";
import type { Tree } from "./tree.js";
import type { TreeRow } from "./tree-rows.js";

/** A process actor that does not answer within this time is shown without figures. */
const patienceMs = 500;

interface Look {
  readonly cpuUs: number;
  readonly atMs: number;
}

/** Fills memory and processor use into a tree's rows. */
export class Measure {
  readonly #tree: Tree;
  #last = new Map<number, Look>();

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Gives the tree's rows with figures; `cpuPercent` is since the last call, the first time since the process started. */
  async rows(): Promise<readonly TreeRow[]> {
    await this.#tree.look(patienceMs);
    const looks = new Map<number, Look>();
    const rows = await Promise.all(this.#tree.snapshot().map((row) => this.#measured(row, looks)));
    this.#last = looks;
    return rows;
  }

  async #measured(row: TreeRow, looks: Map<number, Look>): Promise<TreeRow> {
    const { osPid } = row;
    if (osPid === null) return row;
    const ref = this.#tree.whereis<ProcessActor>(row.path);
    const stats = await ref
      ?.within(patienceMs)
      .call.stats()
      .catch(() => undefined);
    if (stats === undefined) return row;
    const look = { cpuUs: stats.userUs + stats.systemUs, atMs: performance.now() };
    looks.set(osPid, look);
    const before = this.#last.get(osPid) ?? { cpuUs: 0, atMs: look.atMs - Math.max(1, row.uptimeMs ?? 1) };
    const elapsedUs = Math.max(1, (look.atMs - before.atMs) * 1_000);
    // Processes of the tree that ended since the last look take their time with them: then the rate is not below nothing.
    const share = Math.max(0, look.cpuUs - before.cpuUs) / elapsedUs;
    return { ...row, rssBytes: stats.rssBytes, cpuPercent: Math.round(share * 1_000) / 10 };
  }
}
