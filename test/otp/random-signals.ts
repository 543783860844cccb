/**
 * Random scripts of exit signals, links and monitors between a few bare processes, and what they come to on Copal: the counterpart of
 * `erlang/random_signals.erl`. Compares nothing.
 */
import fc from "fast-check";
import type { ActorRef } from "#src/ref.js";
import { ErlangError, exitWith } from "./reason.js";
import { runScenario } from "./scenario.js";
import type { Scene } from "./scene.js";
import { isTagged, print, type Term, type Tuple, tuple } from "./term.js";

/** What is done, by which process, to whom or with what, and with which reason: `{exit,1,2,kill}`. */
export type Step = Tuple;

/** How many processes there are, and what they do one after the other. */
export interface SignalScript {
  readonly processes: number;
  readonly steps: readonly Step[];
}

const who = fc.integer({ min: 1, max: 4 });
const reason = fc.constantFrom("normal", "shutdown", "kill", "killed", "foo");
const step: fc.Arbitrary<Step> = fc
  .oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constant("link"), who, who) },
    { weight: 4, arbitrary: fc.tuple(fc.constantFrom("unlink", "monitor", "monitor", "demonitor"), who, who) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("trap"), who, fc.boolean()) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("exit"), who, who, reason) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom("die", "error"), who, reason) },
  )
  .map((items) => tuple(...items));

/** The scripts that `seed` names. */
export function signalScripts(seed: number, count: number): SignalScript[] {
  const scripts = fc.array(step, { minLength: 1, maxLength: 14 }).map((steps) => ({ processes: 4, steps }));
  return fc.sample(scripts, { seed, numRuns: count });
}

/** Runs a script and prints what it came to, in the form of its original; with a `seed` in the order of turns that this number names. */
export function signalTrace({ processes, steps }: SignalScript, seed?: number): Promise<string> {
  return runScenario(async (me) => {
    const refs: ActorRef[] = [];
    while (refs.length < processes) refs.push(await me.spawn(serve));
    const trace: Term[] = [];
    for (const one of steps) trace.push(await take(me, one, refs));
    return trace;
  }, seed);
}

async function take(me: Scene, { items }: Step, refs: readonly ActorRef[]): Promise<Term> {
  const [kind, by, what, why] = items;
  const isAboutOther = !["trap", "die", "error"].includes(String(kind));
  const act = tuple(kind, isAboutOther ? refs[Number(what) - 1] : what, why);
  const result = await ask(me, refs[Number(by) - 1], act);
  await me.sleep(1);
  const states: Term[] = [];
  for (const ref of refs) states.push(stateOf(await ask(me, ref, "log"), refs));
  return tuple(kind === "exit" && isTagged(result, "died") ? "ok" : result, states);
}

async function ask(me: Scene, ref: ActorRef | undefined, request: Term): Promise<Term> {
  if (!ref) throw new TypeError("a script names a process that is not there");
  const monitor = me.monitor(ref);
  ref.send(tuple("ask", me.self, request));
  const isAnswer = (message: Term) => isTagged(message, "re") && message.items[1] === ref;
  const isDown = (message: Term) => isTagged(message, "DOWN") && message.items[1] === monitor;
  const message = (await me.receive((one) => isAnswer(one) || isDown(one))) as Tuple;
  if (isDown(message)) return message.items[4] === "noproc" ? "dead" : tuple("died", message.items[4]);
  me.demonitor(monitor);
  return message.items[2];
}

/** Erlang's order of `{exit|down,Number,Reason}`, in which an atom comes before a tuple. */
function inOrder(one: Tuple, other: Tuple): number {
  const [a, b] = [one, other].map(({ items }) =>
    items.map((item) => (typeof item === "object" ? `~${print(item)}` : item)),
  );
  const at = a?.findIndex((item, index) => item !== b?.[index]) ?? -1;
  return at < 0 ? 0 : String(a?.[at]) < String(b?.[at]) ? -1 : 1;
}

function stateOf(log: Term, refs: readonly ActorRef[]): Term {
  if (!Array.isArray(log)) return log;
  const seen = (log as Tuple[]).map(({ items }) => {
    const [tag, from, why] = items[0] === "EXIT" ? ["exit", items[1], items[2]] : ["down", items[3], items[4]];
    return tuple(tag, refs.indexOf(from as ActorRef) + 1, why);
  });
  return seen.sort(inOrder);
}

/** What each process runs: it does what it is asked, and keeps what reaches it. */
async function serve(me: Scene): Promise<void> {
  const monitors = new Map<unknown, number[]>();
  const log: Term[] = [];
  for (;;) {
    const message = await me.receive(() => true);
    if (!isTagged(message, "ask")) {
      log.push(message);
      continue;
    }
    const [, from, request] = message.items as [string, ActorRef, Term];
    const answer = request === "log" ? [...log] : act(me, (request as Tuple).items, monitors);
    // An exit signal to oneself ends an Erlang process there and then; here its code goes on, and must be told.
    await me.sleep(0);
    from.send(tuple("re", me.self, answer));
  }
}

function act(me: Scene, [kind, what, why]: readonly Term[], monitors: Map<unknown, number[]>): Term {
  const ref = what as ActorRef;
  const known = monitors.get(ref) ?? [];
  if (kind === "die") throw exitWith(what);
  if (kind === "error") throw new ErlangError(what);
  if (kind === "link") return me.linked(ref);
  if (kind === "unlink") me.unlink(ref);
  if (kind === "trap") me.trap(what === true);
  if (kind === "exit") me.exitSignal(ref, why);
  if (kind === "monitor") monitors.set(ref, [me.monitor(ref), ...known]);
  if (kind !== "demonitor") return "ok";
  const [last, ...others] = known;
  if (last === undefined) return "none";
  me.demonitor(last);
  monitors.set(ref, others);
  return "ok";
}
