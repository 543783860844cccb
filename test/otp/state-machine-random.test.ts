/**
 * Random state machines, played here in virtual time and on a live gen_statem: both are told the same events in the same order.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type Action, action, type TimeoutKey } from "#src/actors/state-machine-event.js";
import { play } from "../support/scripted-machine.js";

const seed = Number(process.env.COPAL_SEED ?? 1);
const programCount = Number(process.env.COPAL_PROGRAMS ?? 60);
// Longer than all time-outs of a program together.
const forMs = 800;
const eventsPerProgram = 12;

type Kind = "state" | "event" | "n" | "o" | "p";
type Act = readonly [
  what: "start" | "update" | "cancel" | "next" | "postpone",
  kind: Kind,
  content: string,
  ms: number,
];
type Result = readonly [
  kind: "keep" | "next" | "repeat",
  state: string,
  actions: readonly Act[],
  casts: readonly string[],
];

interface Program {
  readonly enter: boolean;
  readonly init: readonly Act[];
  readonly results: readonly Result[];
  readonly enters: readonly Result[];
}

let last = seed;
const below = (n: number): number => {
  last = (Math.imul(last, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((last / 2 ** 32) * n);
};
const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
const some = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most) }, make);
const contents = ["m1", "m2", "m3", "i1", "i2", "s", "e"];
const zero: readonly Kind[] = ["state", "event", "n", "o"];

// `p` alone takes time: a real time-out after one of no time that is still to come is lost by OTP 25.
function randomAction(isEnter: boolean): Act {
  const what = below(isEnter ? 6 : 10);
  if (what < 3) return ["start", pick(zero), pick(contents), 0];
  if (what === 3) return ["start", "p", pick(contents), pick([20, 40, 60])];
  if (what === 4) return ["update", pick(zero), pick(contents), 0];
  if (what === 5) return ["cancel", pick([...zero, "p"] as const), "", 0];
  return what < 8 ? ["next", "n", pick(contents), 0] : ["postpone", "n", "", 0];
}

function randomResult(isEnter: boolean): Result {
  const kind = isEnter ? "keep" : pick(["keep", "next", "next", "repeat", "keep"] as const);
  const casts = isEnter ? [] : some(3, () => pick(["m1", "m2", "m3"]));
  return [kind, pick(["a", "b", "c"]), some(4, () => randomAction(isEnter)), casts];
}

function randomProgram(): Program {
  return {
    enter: below(2) === 1,
    init: some(3, () => randomAction(false)),
    results: Array.from({ length: eventsPerProgram }, () => randomResult(false)),
    enters: Array.from({ length: eventsPerProgram }, () => randomResult(true)),
  };
}

function inErlang([what, kind, content, ms]: Act): string {
  const key = kind === "state" ? "state_timeout" : kind === "event" ? "timeout" : `{timeout,${kind}}`;
  if (what === "start") return `{${key},${ms},${content}}`;
  if (what === "update") return `{${key},update,${content}}`;
  if (what === "cancel") return `{${key},cancel}`;
  return what === "next" ? `{next_event,internal,${content}}` : "postpone";
}

function here([what, kind, content, ms]: Act): Action {
  const key: TimeoutKey = kind === "state" ? "stateTimeout" : kind === "event" ? "eventTimeout" : { name: kind };
  if (what === "start") return { do: "start", key, afterMs: ms, content };
  if (what === "update") return action.update(key, content);
  if (what === "cancel") return action.cancel(key);
  return what === "next" ? action.nextEvent({ type: "internal", content }) : action.postpone;
}

function playHere({ enter, init, results, enters }: Program): Promise<string[]> {
  const [normal, entering] = [results.values(), enters.values()];
  const script: Parameters<typeof play>[0] = (_line, machine, event) => {
    const { value } = event.type === "enter" ? entering.next() : normal.next();
    if (!value) return undefined;
    const [kind, state, acts, casts] = value;
    machine.cast(...casts);
    const actions = acts.map(here);
    if (kind === "keep") return machine.keep(...actions);
    return kind === "next" ? machine.to(state, ...actions) : machine.repeat(...actions);
  };
  return play(script, enter, init.map(here), forMs);
}

function playOnErlang(folder: string, programs: readonly Program[]): string[] {
  const result = ([kind, state, acts, casts]: Result) => `{${kind},${state},[${acts.map(inErlang)}],[${casts}]}`;
  const terms = programs.map(
    ({ enter, init, results, enters }) =>
      `{${enter},[${init.map(inErlang)}],[${results.map(result)}],[${enters.map(result)}]}.\n`,
  );
  const file = join(folder, "programs.term");
  writeFileSync(file, terms.join(""));
  execFileSync("erlc", ["-o", folder, join("test", "fixtures", "erlang", "machine_player.erl")]);
  const flags = ["+S", "1", "-noshell", "-kernel", "logger_level", "none", "-pa", folder];
  const printed = execFileSync("erl", [...flags, "-s", "machine_player", "main", file, String(forMs)], {
    encoding: "utf8",
  });
  return printed.trimEnd().split("\n");
}

function hasErlang(): boolean {
  try {
    execFileSync("erl", ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

t.test(
  "random state machines are told what gen_statem tells them",
  { skip: !hasErlang() && "erl is not installed" },
  async (t) => {
    let left = Array.from({ length: programCount }, (_, index) => ({ index, program: randomProgram() }));
    // Time is real over there, and a busy machine may swap a time-out and a message: what differs is played again, by itself.
    for (let attempt = 1; left.length > 0 && attempt <= 4; attempt++) {
      const theirs = playOnErlang(
        t.testdir(),
        left.map(({ program }) => program),
      );
      t.equal(theirs.length, left.length);
      const differ: typeof left = [];
      for (const [at, one] of left.entries()) {
        const ours = (await playHere(one.program)).join("; ").replaceAll("stateTimeout", "state_timeout");
        if (ours === theirs[at]) continue;
        differ.push(one);
        if (attempt === 4) t.equal(ours, theirs[at], `program ${one.index} of seed ${seed}`);
      }
      left = differ;
    }
    t.strictSame(left, []);
  },
);
