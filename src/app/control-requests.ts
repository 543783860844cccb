/**
 * What each request of the control interface does to the tree: checked arguments in, plain data out.
 * It knows ids, actors and supervisors; it has no idea of HTTP.
 */

import type { ProcessActor } from "../actors/process-actor.js";
import { isCopalError } from "../errors.js";
import type { ActorRef } from "../ref.js";
import { signalNumber } from "../sidecar/signal-name.js";
import type { Supervisor } from "../supervisor/supervisor.js";
import { ControlError } from "./control-error.js";
import { inspectActor } from "./inspection.js";
import { Measure } from "./measure.js";
import { nearestIds } from "./resolve-id.js";
import type { Tree } from "./tree.js";
import type { TreeRow } from "./tree-rows.js";

type Body = Readonly<Record<string, unknown>>;

/** A row with the rows below it. */
export type NestedRow = TreeRow & { readonly children: readonly NestedRow[] };

/** The children whose logs are asked for. */
export interface LogPaths {
  readonly known: ReadonlySet<string>;
  /** Whether a line of this child is asked for, also of one that came later. */
  includes(path: string): boolean;
}

/** The requests of one app's control interface. */
export class ControlRequests {
  readonly #tree: Tree;
  readonly #measure: Measure;

  constructor(tree: Tree) {
    this.#tree = tree;
    this.#measure = new Measure(tree);
  }

  ps(): Promise<readonly TreeRow[]> {
    return this.#measure.rows();
  }

  async tree(): Promise<NestedRow | undefined> {
    const nested = new Map<string, TreeRow & { children: NestedRow[] }>();
    let root: NestedRow | undefined;
    for (const row of await this.ps()) {
      const node = { ...row, children: [] };
      nested.set(row.path, node);
      const parent = nested.get(row.path.slice(0, row.path.lastIndexOf("/")));
      if (parent === undefined) root = node;
      else parent.children.push(node);
    }
    return root;
  }

  /** Starts a stopped child again, and one that waits to be retried at once. @throws {ControlError} if it runs, or does not start. */
  async start(body: Body): Promise<Body> {
    const row = await this.#rowNow(body);
    const { supervisor, id } = this.#childOf(row);
    this.#tree.letGo(row.path);
    await this.#ask(row, "start", async () => {
      const { call } = supervisor.within("infinity");
      try {
        if (row.state === "backoff") await call.terminateChild(id);
        return await call.restartChild(id);
      } catch (error) {
        // A temporary child is forgotten when it ends, but it still stands in the config.
        if (isForgotten(error) && (await this.#tree.startForgotten(row.path))) return undefined;
        throw error;
      }
    });
    return this.#state(row.path);
  }

  /**
   * Stops a child in order; it stays stopped until a request starts it, also when its siblings or its supervisor are restarted. (A
   * `terminateChild` of the program's own does not hold it: OTP's rule is that a cascade brings it back.)
   */
  async stop(body: Body): Promise<Body> {
    const row = await this.#rowNow(body);
    const { supervisor, id } = this.#childOf(row);
    this.#tree.hold(row.path);
    await this.#ask(row, "stop", async () => {
      try {
        await supervisor.within("infinity").call.terminateChild(id);
      } catch (error) {
        if (!isForgotten(error)) throw error;
      }
    });
    return this.#state(row.path);
  }

  /** Stops a child in order and starts it again; a stopped one is started. Counts in no window. */
  async restart(body: Body): Promise<Body> {
    await this.stop(body);
    return this.start(body);
  }

  async signal(body: Body): Promise<Body> {
    const name = textOf(body, "signal", "a signal's name such as SIGUSR1");
    const signal = signalNumber(/^\d+$/.test(name) ? Number(name) : name);
    if (signal === undefined) throw new ControlError("usage", `there is no signal \`${name}\``);
    const row = await this.#rowNow(body);
    const ref = this.#process(row);
    await this.#ask(row, `signal ${name}`, () => ref.call.signal(signal));
    return { path: row.path };
  }

  /** Writes a text to a process's standard input and answers when it is in the pipe. */
  async send(body: Body): Promise<Body> {
    const text = textOf(body, "text", "a text");
    const row = await this.#rowNow(body);
    const ref = this.#process(row);
    await this.#ask(row, "write", () => ref.call.write(text));
    return { path: row.path };
  }

  /** Calls an actor's method and gives its answer, as far as JSON can say it. */
  async call(body: Body): Promise<Body> {
    const method = textOf(body, "method", "the name of a method");
    const args = body.args ?? [];
    if (!Array.isArray(args)) throw new ControlError("usage", "`args` is no list");
    const row = await this.#rowNow(body);
    if (row.kind === "supervisor")
      throw new ControlError("state", `${row.path} is a supervisor; start, stop and restart its children by their ids`);
    const ref = this.#running(row);
    const result = await this.#ask(row, `call ${method}`, () => speak(ref, method, args));
    try {
      return { path: row.path, result: JSON.parse(JSON.stringify(result) ?? "null") };
    } catch (error) {
      throw new ControlError(
        "failed",
        `${row.path}.${method} answered with something that JSON cannot say: ${(error as Error).message}`,
        {},
        error,
      );
    }
  }

  /** Shows an actor, a process or a supervisor from within. */
  async inspect(body: Body): Promise<Body> {
    const row = await this.#rowNow(body);
    const ref = this.#running(row);
    return this.#ask(row, "inspect", async () => ({
      ...(await inspectActor(row.path, ref, (one) => this.#tree.labelOf(one))),
    }));
  }

  /** Reads `ids` (repeatable; none means all), `n` and `follow`. */
  logQuery(query: URLSearchParams): {
    readonly paths: LogPaths;
    readonly count: number;
    readonly isFollowing: boolean;
  } {
    const ids = query.getAll("ids");
    const rows = this.#tree.snapshot();
    const chosen = ids.map((id) => this.#row({ id }));
    const below = (path: string) =>
      chosen.length === 0 || chosen.some((row) => path === row.path || path.startsWith(`${row.path}/`));
    const known = new Set(rows.map((row) => row.path).filter(below));
    return {
      paths: { known, includes: below },
      count: countOf(query, "100"),
      isFollowing: ["1", "true"].includes(query.get("follow") ?? ""),
    };
  }

  /** Reads `id` and `n` of an attachment: the running process that is meant, and how many of its last lines. */
  attachQuery(query: URLSearchParams): {
    readonly row: TreeRow;
    readonly ref: ActorRef<ProcessActor>;
    readonly count: number;
  } {
    const row = this.#row({ id: query.get("id") ?? undefined });
    return { row, ref: this.#process(row), count: countOf(query, "10") };
  }

  async #rowNow(body: Body): Promise<TreeRow> {
    await this.#tree.look();
    return this.#row(body);
  }

  #row(body: Body): TreeRow {
    const id = textOf(body, "id", "a child's id");
    const rows = this.#tree.snapshot();
    const found = this.#tree.resolve(id);
    if (!("path" in found)) {
      if (found.candidates.length > 0)
        throw new ControlError("ambiguous", `\`${id}\` can be ${found.candidates.join(" or ")}`);
      throw new ControlError(
        "notFound",
        `there is no \`${id}\`; ${nearestIds(
          id,
          rows.map((row) => row.path),
        )}`,
      );
    }
    const row = rows.find((one) => one.path === found.path);
    if (row === undefined) throw new ControlError("notFound", `there is no \`${id}\` any more`);
    return row;
  }

  #childOf(row: TreeRow): { readonly supervisor: ActorRef<Supervisor>; readonly id: string } {
    if (!row.path.includes("/")) throw new ControlError("state", `${row.path} is the root; \`copal down\` stops it`);
    const supervisor = this.#tree.supervisorOf(row.path);
    if (supervisor === undefined) throw new ControlError("state", `the supervisor of ${row.path} is not running`);
    return { supervisor: supervisor as ActorRef<Supervisor>, id: row.id };
  }

  #running(row: TreeRow): ActorRef {
    const ref = this.#tree.whereis(row.path);
    if (ref === undefined) throw new ControlError("state", `${row.path} is ${row.state}`);
    return ref;
  }

  #process(row: TreeRow): ActorRef<ProcessActor> {
    if (row.kind !== "process")
      throw new ControlError(
        "state",
        `${row.path} is no process, it is ${row.kind === "actor" ? "an" : "a"} ${row.kind}`,
      );
    return this.#running(row) as ActorRef<ProcessActor>;
  }

  async #ask<R>(row: TreeRow, what: string, ask: () => Promise<R>): Promise<R> {
    try {
      return await ask();
    } catch (error) {
      throw refusal(row.path, what, error);
    }
  }

  async #state(path: string): Promise<Body> {
    await this.#tree.look();
    const row = this.#tree.snapshot().find((one) => one.path === path);
    return { path, state: row?.state ?? "stopped", osPid: row?.osPid ?? null };
  }
}

function isForgotten(error: unknown): boolean {
  return isCopalError(error, "ERR_CHILD_STATE") && error.state === "not_found";
}

function speak(ref: ActorRef, method: string, args: readonly unknown[]): Promise<unknown> {
  // The proxy of a ref leaves these names to printers and promises; no actor has them as messages.
  const call = ref.call[method];
  if (call === undefined) throw new ControlError("notFound", `there is no method \`${method}\``);
  return call(...args);
}

function refusal(path: string, what: string, error: unknown): ControlError {
  if (error instanceof ControlError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (isCopalError(error, "ERR_NO_METHOD")) return new ControlError("notFound", `${path}: ${message}`, {}, error);
  if (isCopalError(error, "ERR_CHILD_STATE")) {
    const { state } = error;
    if (state === "running" || state === "restarting")
      return new ControlError("state", `${path} is already ${state}`, {}, error);
    return new ControlError("state", `${path} is not there any more`, {}, error);
  }
  return new ControlError("failed", `${what} of ${path} failed: ${message}`, {}, error);
}

function countOf(query: URLSearchParams, fallback: string): number {
  const n = query.get("n") ?? fallback;
  if (!/^\d+$/.test(n)) throw new ControlError("usage", `\`n\` is ${n}, allowed is a number of lines`);
  return Number(n);
}

function textOf(body: Body, field: string, allowed: string): string {
  const value = body[field];
  if (typeof value !== "string") throw new ControlError("usage", `\`${field}\` is missing, allowed is ${allowed}`);
  return value;
}
