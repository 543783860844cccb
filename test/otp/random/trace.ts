/**
 * Compares traces. What neither side promises is taken out of both by the rules here, each with its name and its reason; everything
 * else must be the same, line for line.
 */
import type { Trace } from "./erlang.js";
import { isBelow, type Run, simpleIds } from "./tree.js";

/** Where two traces of one run part. */
export interface Parting {
  /** The header of the event: the line that begins with `> `. */
  readonly event: string;
  readonly expected: readonly string[];
  readonly got: readonly string[];
}

/** Gives the first event whose lines are not the same; undefined if there is none. */
export function firstParting(run: Run, expected: Trace, got: Trace): Parting | undefined {
  const simple = simpleIds(run);
  const [wanted, found] = [stepsOf(expected), stepsOf(got)];
  for (let at = 0; at < Math.max(wanted.length, found.length); at++) {
    const one = unordered((wanted[at] ?? []).map(withoutIncarnation), simple);
    const other = unordered((found[at] ?? []).map(withoutIncarnation), simple);
    if (one.join("\n") !== other.join("\n"))
      return { event: one[0] ?? other[0] ?? "", expected: one.slice(1), got: other.slice(1) };
  }
  return undefined;
}

function stepsOf(trace: Trace): string[][] {
  const steps: string[][] = [];
  for (const line of trace) {
    if (line.startsWith("> ") || steps.length === 0) steps.push([]);
    steps.at(-1)?.push(line);
  }
  return steps;
}

/**
 * Rule *at once*: what happens to several children at the same time has no order between them.
 *
 * That is so when their supervisor is killed (OTP: they learn of it by their links, while its own supervisor goes on; Copal: they end before anyone
 * else hears), and when their supervisor is a `simple_one_for_one` that ends, since it stops them in parallel. What they say and what is
 * reported of them in such a step is compared as a set.
 */
function unordered(step: readonly string[], simple: ReadonlySet<string>): string[] {
  const ended = step.flatMap((line) => {
    const [, id = "", how = ""] = /^ended (\w+)#\d+ (.*)$/.exec(line) ?? [];
    return how === "killed" || simple.has(id) ? [id] : [];
  });
  if (ended.length === 0) return [...step];
  const isLoose = (line: string): boolean => {
    const id = /^(?:term|report shutdown_error \S+) (\w+)/.exec(line)?.[1];
    return id !== undefined && ended.some((above) => isBelow(id, above));
  };
  return [...step.filter((line) => !isLoose(line)), ...step.filter(isLoose).sort()];
}

/**
 * Rule *offender*: a report that a start failed, or that a supervisor gives up, is about a child, not about an incarnation.
 *
 * OTP names in it, depending on the strategy and on whether a start had failed before, an incarnation that has ended long since, that same one as
 * restarting, or none; Copal names the one that ended, if any.
 */
function withoutIncarnation(line: string): string {
  return line.replace(/^(report (?:start_error|shutdown) .*) \S+$/, "$1");
}
