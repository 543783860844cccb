/**
 * The order of events in a state machine, as gen_statem has it: each trace is what the same script printed on Erlang/OTP 25.2.3.
 */
import t from "tap";
import { action } from "#src/actors/state-machine-event.js";
import { play, type Script } from "../support/scripted-machine.js";

const { postpone, nextEvent, stateTimeout, eventTimeout, timeout, update, cancel } = action;
const next = (content: string) => nextEvent({ type: "internal", content });

interface Scenario {
  readonly claim: string;
  readonly script: () => Script;
  /** One line after the other. */
  readonly trace: string;
  /** With enter events. */
  readonly enter?: boolean;
  readonly init?: Parameters<typeof play>[2];
}

const scenarios: readonly Scenario[] = [
  {
    claim: "inserted events come before queued ones, those of an inserted one before its siblings",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line === "a cast go") cast("m1", "m2");
        if (line === "a cast go") return keep(next("i1"), next("i2"));
        return line === "a internal i1" ? keep(next("i3")) : undefined;
      },
    trace: "a cast go, a internal i1, a internal i3, a internal i2, a cast m1, a cast m2",
  },
  {
    claim: "a change of state brings postponed events back in order, behind inserted and before queued ones",
    script:
      () =>
      (line, { cast, keep, to }) => {
        if (line === "a cast go") cast("p1", "p2", "change", "m9");
        if (line === "a cast change") return to("b", next("n1"));
        return line.startsWith("a cast p") ? keep(postpone) : undefined;
      },
    trace: "a cast go, a cast p1, a cast p2, a cast change, b internal n1, b cast p1, b cast p2, b cast m9",
  },
  {
    claim: "an event that is postponed again waits for the next change",
    script:
      () =>
      (line, { cast, keep, to }) => {
        if (line === "a cast go") cast("p1", "p2", "p3", "change", "m9");
        if (line === "a cast change") return to("b");
        if (line === "b cast m9") return to("c");
        return /a cast p|b cast p[13]/.test(line) ? keep(postpone) : undefined;
      },
    trace:
      "a cast go, a cast p1, a cast p2, a cast p3, a cast change, b cast p1, b cast p2, b cast p3, b cast m9, c cast p1, c cast p3",
  },
  {
    claim: "a change while events are retried puts those postponed again before those not yet retried",
    script:
      () =>
      (line, { cast, keep, to }) => {
        if (line === "a cast go") cast("p1", "p2", "p3", "change", "m9");
        if (line === "a cast change") return to("b");
        if (line === "b cast p2") return to("c");
        return /a cast p|b cast p1/.test(line) ? keep(postpone) : undefined;
      },
    trace:
      "a cast go, a cast p1, a cast p2, a cast p3, a cast change, b cast p1, b cast p2, c cast p1, c cast p3, c cast m9",
  },
  {
    claim: "going to the same state retries nothing and enters nothing; repeating it enters it, and retries nothing",
    script:
      () =>
      (line, { cast, keep, to, repeat }) => {
        if (line === "a cast go") cast("p1", "same", "rep", "m");
        if (line === "a cast p1") return keep(postpone);
        if (line === "a cast same") return to("a");
        return line === "a cast rep" ? repeat() : undefined;
      },
    enter: true,
    trace: "a enter a, a cast go, a cast p1, a cast same, a cast rep, a enter a, a cast m",
  },
  {
    claim: "a state that is equal is the same state",
    script:
      () =>
      (line, { cast, keep, to }) => {
        if (line === "a cast go") cast("p1", "same", "m");
        if (/go|same/.test(line)) return to(["a", 1]);
        return line.endsWith("cast p1") ? keep(postpone) : undefined;
      },
    enter: true,
    trace: 'a enter a, a cast go, ["a",1] enter a, ["a",1] cast p1, ["a",1] cast same, ["a",1] cast m',
  },
  {
    claim: "time-outs of no time come in order behind inserted events, which call off that of the event",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line !== "a cast go") return undefined;
        cast("m1");
        return keep(stateTimeout(0, "s"), timeout("n", 0, "n"), eventTimeout(0, "e"), next("i"));
      },
    trace: "a cast go, a internal i, a stateTimeout s, a timeout:n n, a cast m1",
  },
  {
    claim: "an event time-out of no time comes if it was started first",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line !== "a cast go") return undefined;
        cast("m1");
        return keep(eventTimeout(0, "e"), stateTimeout(0, "s"), timeout("n", 0, "n"));
      },
    trace: "a cast go, a timeout e, a stateTimeout s, a timeout:n n, a cast m1",
  },
  {
    claim: "an event time-out of no time is called off by another one started before it",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line !== "a cast go") return undefined;
        cast("m1");
        return keep(stateTimeout(0, "s"), eventTimeout(0, "e"));
      },
    trace: "a cast go, a stateTimeout s, a cast m1",
  },
  {
    claim: "an event inserted by a time-out comes before the next time-out of no time",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line === "a cast go") cast("m1");
        if (line === "a cast go") return keep(stateTimeout(0, "s"), timeout("n", 0, "n"));
        return line === "a stateTimeout s" ? keep(timeout("o", 0, "o"), next("i")) : undefined;
      },
    trace: "a cast go, a stateTimeout s, a internal i, a timeout:n n, a timeout:o o, a cast m1",
  },
  {
    claim: "a time-out of no time that is started anew goes to the end",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line === "a cast go") cast("m1");
        if (line === "a cast go") return keep(stateTimeout(0, "s"), timeout("n", 0, "n"), next("i"));
        return line === "a internal i" ? keep(stateTimeout(0, "s2")) : undefined;
      },
    trace: "a cast go, a internal i, a timeout:n n, a stateTimeout s2, a cast m1",
  },
  {
    claim: "of two actions about one time-out the last counts, in its place",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line !== "a cast go") return undefined;
        cast("m1");
        return keep(stateTimeout(0, "x"), timeout("n", 0, "n"), stateTimeout(0, "y"));
      },
    trace: "a cast go, a timeout:n n, a stateTimeout y, a cast m1",
  },
  {
    claim: "the last counts as well if only one of the two has no time",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line !== "a cast go") return undefined;
        cast("m1");
        return keep(stateTimeout(0, "x"), stateTimeout(20, "y"), timeout("n", 20, "x"), timeout("n", 0, "y"));
      },
    trace: "a cast go, a timeout:n y, a cast m1, a stateTimeout y",
  },
  {
    claim: "an update in the same breath as the start finds nothing running and comes at once",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line !== "a cast go") return undefined;
        cast("m1");
        return keep(stateTimeout(20, "x"), update("stateTimeout", "y"));
      },
    trace: "a cast go, a stateTimeout y, a cast m1",
  },
  {
    claim: "an update of a running time-out changes what it says",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line === "a cast go") cast("u");
        if (line === "a cast go") return keep(stateTimeout(20, "x"));
        if (line === "a cast u") cast("m");
        return line === "a cast u" ? keep(update("stateTimeout", "y")) : undefined;
      },
    trace: "a cast go, a cast u, a cast m, a stateTimeout y",
  },
  {
    claim: "an update of a time-out that does not run comes at once",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line === "a cast go") cast("u", "m");
        return line === "a cast u" ? keep(update({ name: "n" }, "y")) : undefined;
      },
    trace: "a cast go, a cast u, a timeout:n y, a cast m",
  },
  {
    claim: "an update of a time-out of no time keeps its place",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line === "a cast go") cast("m");
        if (line === "a cast go") return keep(stateTimeout(0, "s"), timeout("n", 0, "n"), next("i"));
        return line === "a internal i" ? keep(update("stateTimeout", "s2")) : undefined;
      },
    trace: "a cast go, a internal i, a stateTimeout s2, a timeout:n n, a cast m",
  },
  {
    claim: "cancel and infinity call off what runs, and nothing else",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line === "a cast go") cast("u");
        if (line === "a cast go") return keep(stateTimeout(20, "x"), timeout("n", 20, "n"), timeout("o", 20, "o"));
        return line === "a cast u" ? keep(cancel("stateTimeout"), timeout("n", "infinity")) : undefined;
      },
    trace: "a cast go, a cast u, a timeout:o o",
  },
  {
    claim: "a time-out of no time can be called off before it comes",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line === "a cast go") cast("m");
        if (line === "a cast go") return keep(stateTimeout(0, "s"), next("i"));
        return line === "a internal i" ? keep(cancel("stateTimeout")) : undefined;
      },
    trace: "a cast go, a internal i, a cast m",
  },
  {
    claim: "a start after a cancel starts, a cancel after a start cancels",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line !== "a cast go") return undefined;
        cast("m");
        return keep(cancel("stateTimeout"), stateTimeout(0, "s"), timeout("n", 0, "n"), cancel({ name: "n" }));
      },
    trace: "a cast go, a stateTimeout s, a cast m",
  },
  {
    claim: "a change of state calls off the state's time-out and leaves the named ones",
    script:
      () =>
      (line, { cast, keep, to }) => {
        if (line === "a cast go") cast("m");
        if (line === "a cast go") return keep(stateTimeout(0, "s"), timeout("n", 0, "n"), next("i"));
        return line === "a internal i" ? to("b") : undefined;
      },
    trace: "a cast go, a internal i, b timeout:n n, b cast m",
  },
  {
    claim: "a state's time-out started with the change is the new state's",
    script:
      () =>
      (line, { cast, to }) => {
        if (line !== "a cast go") return undefined;
        cast("m");
        return to("b", stateTimeout(0, "s"));
      },
    trace: "a cast go, b stateTimeout s, b cast m",
  },
  {
    claim: "the enter event comes before all others, and its time-outs behind those of the event that led to it",
    script:
      () =>
      (line, { cast, keep, to }) => {
        if (line === "a enter a") return keep(stateTimeout(0, "s"));
        if (line === "b enter a") return keep(timeout("n", 0, "enter"), eventTimeout(0, "e"));
        if (line === "a cast go") cast("p", "change", "m");
        if (line === "a cast change") return to("b", next("i"), timeout("k", 0, "event"), timeout("n", 0, "event"));
        return line === "a cast p" ? keep(postpone) : undefined;
      },
    enter: true,
    init: [next("first"), timeout("q", 0, "init")],
    trace:
      "a enter a, a internal first, a timeout:q init, a stateTimeout s, a cast go, a cast p, a cast change, b enter a, b internal i, b cast p, b timeout:k event, b timeout:n enter, b cast m",
  },
  {
    claim: "an enter event may repeat the state",
    script: () => {
      const seen: string[] = [];
      return (line, { cast, keep, to, repeat }) => {
        if (line === "a cast go") cast("m");
        if (line === "a cast go") return to("b");
        if (line !== "b enter a" && line !== "b enter b") return undefined;
        seen.push(line);
        return seen.length === 1 ? repeat(timeout("n", 0, "r1")) : keep(timeout("o", 0, "r2"));
      };
    },
    enter: true,
    trace: "a enter a, a cast go, b enter a, b enter a, b timeout:n r1, b timeout:o r2, b cast m",
  },
  {
    claim: "repeating a state keeps its time-out and calls off that of the event",
    script:
      () =>
      (line, { cast, keep, repeat }) => {
        if (line === "a cast go") cast("r");
        if (line === "a cast go") return keep(stateTimeout(20, "s"), eventTimeout(10, "e"));
        return line === "a cast r" ? repeat() : undefined;
      },
    enter: true,
    trace: "a enter a, a cast go, a cast r, a enter a, a stateTimeout s",
  },
  {
    claim: "any event calls off the event time-out",
    script:
      () =>
      (line, { cast, keep }) => {
        if (line === "a cast go") cast("m");
        if (line === "a cast go") return keep(eventTimeout(20, "e"));
        return line === "a cast m" ? keep(timeout("n", 30, "n")) : undefined;
      },
    trace: "a cast go, a cast m, a timeout:n n",
  },
  {
    claim: "another time-out calls off the event time-out",
    script:
      () =>
      (line, { keep }) =>
        line === "a cast go" ? keep(eventTimeout(30, "e"), timeout("n", 10, "n")) : undefined,
    trace: "a cast go, a timeout:n n",
  },
  {
    claim: "the event time-out comes after silence",
    script:
      () =>
      (line, { keep }) =>
        line === "a cast go" ? keep(eventTimeout(20, "e"), timeout("n", 40, "n")) : undefined,
    trace: "a cast go, a timeout e, a timeout:n n",
  },
  {
    claim: "an inserted time-out event leaves the real one running",
    script:
      () =>
      (line, { keep }) =>
        line === "a cast go"
          ? keep(stateTimeout(20, "real"), nextEvent({ type: "stateTimeout", content: "fake" }))
          : undefined,
    trace: "a cast go, a stateTimeout fake, a stateTimeout real",
  },
  {
    claim: "a time-out event can be postponed",
    script:
      () =>
      (line, { cast, keep, to }) => {
        if (line === "a cast go") cast("change");
        if (line === "a cast go") return keep(stateTimeout(0, "s"));
        if (line === "a cast change") return to("b");
        return line === "a stateTimeout s" ? keep(postpone) : undefined;
      },
    trace: "a cast go, a stateTimeout s, a cast change, b stateTimeout s",
  },
  {
    claim: "retried events come before a time-out of no time",
    script:
      () =>
      (line, { cast, keep, to }) => {
        if (line === "a cast go") cast("p", "change", "m");
        if (line === "a cast change") return to("b", stateTimeout(0, "s"));
        return line === "a cast p" ? keep(postpone) : undefined;
      },
    trace: "a cast go, a cast p, a cast change, b cast p, b stateTimeout s, b cast m",
  },
  {
    claim: "an event that is postponed and changes the state comes again at once",
    script:
      () =>
      (line, { cast, to }) => {
        if (line === "a cast go") cast("p", "m");
        return line === "a cast p" ? to("b", postpone) : undefined;
      },
    trace: "a cast go, a cast p, b cast p, b cast m",
  },
  {
    claim: "time-outs come in the order of their time",
    script:
      () =>
      (line, { keep }) =>
        line === "a cast go" ? keep(timeout("a", 30, "a"), timeout("b", 10, "b"), stateTimeout(20, "s")) : undefined,
    trace: "a cast go, a timeout:b b, a stateTimeout s, a timeout:a a",
  },
  {
    claim: "at the start there is nothing to postpone",
    script: () => () => undefined,
    init: [postpone, next("i")],
    trace: "a internal i, a cast go",
  },
  {
    claim: "an enter event may end the machine, which is in the new state then",
    script:
      () =>
      (line, { to, stop }) => {
        if (line === "b enter a") return stop();
        return line === "a cast go" ? to("b") : undefined;
      },
    enter: true,
    trace: "a enter a, a cast go, b enter a, b terminate normal",
  },
];

for (const { claim, script, trace, enter, init } of scenarios) {
  t.test(claim, async (t) => {
    t.equal((await play(script(), enter, init)).join(", "), trace);
  });
}
