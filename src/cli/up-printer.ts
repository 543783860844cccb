/**
 * What a person sees of `copal up`: the tree once it runs, where to look next, then a line for each event and each line of output.
 * It reads events and logs and writes text; it decides nothing.
 */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { CrashReport } from "../actors/crash-report.js";
import { nameOf } from "../actors/message-view.js";
import type { InstanceObserver } from "../app/instance.js";
import type { LogLine } from "../app/output-log.js";
import type { Tree } from "../app/tree.js";
import { formatAge, formatDuration } from "../app/units.js";
import { type ExitReason, formatExit } from "../exit.js";
import type { SupervisorEvent } from "../supervisor/reports.js";
import { harmless, type Paint } from "./paint.js";
import { drawing } from "./ps.js";
import type { SteadyOutput } from "./steady-output.js";

/** Output that comes before the tree is drawn waits this long for it. */
const patienceMs = 1_000;

/** The events of supervisors, their reports, and the crashes, that are shown. */
interface ShownEvent extends Partial<Omit<SupervisorEvent, "type">> {
  readonly type: string;
  readonly path: string;
  /** Of a crash: over which message, and where. */
  readonly over?: string;
  readonly where?: string;
  readonly errorContext?: string;
  readonly offender?: { readonly id: string | undefined; readonly count?: number };
}

/** Prints what happens to one app. */
export class UpPrinter implements InstanceObserver {
  readonly #out: SteadyOutput;
  readonly #err: SteadyOutput;
  readonly #paint: Paint;
  readonly #version: string;
  readonly #hint: string;
  readonly #restarts = new Map<string, string>();
  #rootPrefix = "";
  #width = 0;
  #held: string[] | undefined = [];
  #isStopping = false;
  #tree: Tree | undefined;
  #unfollow: () => void = () => {};
  /** Events not printed yet: a restart comes first, and printing it waits until it is under way. */
  #events: ShownEvent[] = [];
  readonly #onEvent = (event: unknown): void => {
    if (this.#events.push(event as ShownEvent) === 1) setImmediate(this.#printEvents);
  };
  /** What was thrown in a start is told by the start. */
  readonly #onCrash = (message: unknown): void => {
    const { kind, label: path, reason, cause, lastMessage } = message as CrashReport;
    if (kind !== "crash_report" || cause === undefined || lastMessage === "init") return;
    const over = lastMessage ? ` over ${nameOf(lastMessage)}` : "";
    this.#onEvent({ type: "crashed", path, reason, over, where: placeOf(reason) } satisfies ShownEvent);
  };
  readonly #onWarning = (warning: unknown): void => this.warn((warning as { readonly message: string }).message);
  readonly #printEvents = (): void => {
    for (const event of this.#events.splice(0)) this.#event(event);
  };

  constructor(options: { out: SteadyOutput; err: SteadyOutput; paint: Paint; version: string; hint: string }) {
    this.#out = options.out;
    this.#err = options.err;
    this.#paint = options.paint;
    this.#version = options.version;
    this.#hint = options.hint;
  }

  starting(tree: Tree): void {
    this.#tree = tree;
    this.#rootPrefix = `${tree.id}/`;
    const workers = tree.snapshot().filter((row) => row.path !== tree.id);
    this.#width = Math.min(32, Math.max(...workers.map((row) => this.#name(row.path).length), 0));
    this.#out.write(`${this.#paint.bold(`copal ${this.#version}`)}${this.#paint.dim(`  pid ${process.pid}`)}\n`);
    this.#unfollow = tree.log.follow((line) => this.#line(line));
    subscribe("copal:supervisor", this.#onEvent);
    subscribe("copal:crash", this.#onCrash);
    subscribe("copal:limits", this.#onWarning);
    subscribe("copal:watchdog", this.#onWarning);
    setTimeout(() => this.#release(), patienceMs).unref();
  }

  started(tree: Tree, socketPath: string): void {
    const { dim } = this.#paint;
    const hints = [
      [`${this.#hint.replace("%", "ps")}`, "states, restarts, memory"],
      [`${this.#hint.replace("%", "logs -f")}`, "follow the output"],
      ["Ctrl-C", "stop everything, in order"],
    ];
    const width = Math.max(...hints.map(([command = ""]) => command.length));
    const lines = hints.map(([command = "", text = ""]) => `  ${command.padEnd(width)}  ${dim(text)}\n`).join("");
    this.#out.write(`\n${drawing(tree.snapshot(), this.#paint)}\n${lines}  ${dim(`socket ${socketPath}`)}\n\n`);
    this.#release();
  }

  stopping(tree: Tree): void {
    this.#printEvents();
    this.#isStopping = true;
    this.#release();
    this.#note(tree.id, this.#paint.dim("stopping"));
  }

  failed(message: string): void {
    this.#printEvents();
    this.#release();
    for (const line of message.split("\n")) this.#err.write(`copal: ${line}\n`);
  }

  /** A word to the person that is no event of the tree. */
  warn(message: string): void {
    this.#err.write(`copal: ${message}\n`);
  }

  /** Stops printing and says the last word. */
  close(exitCode: number): void {
    this.#printEvents();
    this.#release();
    unsubscribe("copal:supervisor", this.#onEvent);
    unsubscribe("copal:crash", this.#onCrash);
    unsubscribe("copal:limits", this.#onWarning);
    unsubscribe("copal:watchdog", this.#onWarning);
    this.#unfollow();
    if (this.#tree === undefined || exitCode === 1) return;
    this.#note(this.#tree.id, this.#paint.dim(exitCode === 0 ? "stopped, nothing is left" : "killed, nothing is left"));
  }

  #event(event: ShownEvent): void {
    const { path } = event;
    const { good, warn, bad, dim } = this.#paint;
    switch (event.type) {
      case "exited":
        if (!this.#isStopping && event.reason !== undefined)
          this.#note(path, warn(`exited: ${formatExit(event.reason)}`));
        return;
      case "crashed":
        if (event.reason !== undefined)
          this.#note(path, `${bad(`crashed${event.over}: ${formatExit(event.reason)}`)}${dim(event.where ?? "")}`);
        return;
      case "restarting":
        this.#restarts.set(path, budget(event));
        return;
      case "started": {
        const count = this.#restarts.get(path);
        if (count === undefined) return;
        this.#restarts.delete(path);
        const { osPid } = this.#tree?.snapshot().find((row) => row.path === path) ?? { osPid: null };
        this.#note(path, `${good("restarted")}${osPid === null ? "" : ` pid ${osPid}`}${dim(count)}`);
        return;
      }
      case "startFailed":
        this.#note(path, bad(`did not start${event.reason === undefined ? "" : `: ${formatExit(event.reason)}`}`));
        return;
      case "stopped":
        if (this.#isStopping || this.#held === undefined) this.#note(path, dim("stopped"));
        return;
      case "backoff":
        if (event.waitMs !== undefined)
          this.#note(path, warn(`again in ${formatAge(event.waitMs)}${dim(` (failure ${event.failures} in a row)`)}`));
        return;
      case "report":
        // The other reports have a line already: of the exit, the failed start, the restart, the giving up.
        if (event.errorContext !== "shutdown_error" || event.reason === undefined) return;
        this.#note(
          event.offender?.id === undefined ? path : `${path}/${event.offender.id}`,
          bad(`did not stop as asked: ${formatExit(event.reason)}${counted(event.offender?.count)}`),
        );
        return;
      case "abandoned":
        this.#note(path, bad("gave up and stays down: `restart` is not permanent"));
        return;
      case "exhausted":
        this.#note(path, bad(`gave up${dim(budget(event))}`));
        return;
    }
  }

  #line(line: LogLine): void {
    const bar =
      line.stream === "stderr"
        ? this.#paint.warn(this.#paint.isPlain ? "!" : "┃")
        : this.#paint.dim(this.#paint.isPlain ? "|" : "│");
    this.#put(`${this.#name(line.path).padEnd(this.#width)} ${bar} ${harmless(line.line, !this.#paint.isPlain)}\n`);
  }

  #note(path: string, text: string): void {
    this.#put(`${this.#name(path).padEnd(this.#width)} ${this.#paint.isPlain ? "*" : "•"} ${text}\n`);
  }

  #put(text: string): void {
    if (this.#held === undefined) this.#out.write(text);
    else if (this.#held.length < 1_000) this.#held.push(text);
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const text of held) this.#out.write(text);
  }

  #name(path: string): string {
    return path.startsWith(this.#rootPrefix) ? path.slice(this.#rootPrefix.length) : path;
  }
}

function counted(count: number | undefined): string {
  return count === undefined || count === 1 ? "" : `, ${count} of them`;
}

function budget({ used, max, withinMs }: ShownEvent): string {
  if (used === undefined || max === undefined || max === null || withinMs === undefined || withinMs === null) return "";
  return ` (${used} of ${max} within ${formatDuration(withinMs)})`;
}

/** The uppermost line of an error's stack, which says where it was thrown. */
function placeOf(reason: ExitReason): string {
  const stack = typeof reason === "object" && "error" in reason ? reason.error.stack : undefined;
  const line = stack?.split("\n").find((one) => /^\s+at /.test(one));
  return line === undefined ? "" : ` ${harmless(line.trim(), false)}`;
}
