/**
 * Whatever user code does, in whatever callback: it is the actor's own affair.
 */
import fc from "fast-check";
import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import type { Info } from "#src/actors/info.js";
import { release } from "#src/actors/instance.js";
import { startActor } from "#src/actors/start-actor.js";
import * as sys from "#src/actors/sys.js";
import { formatExit, isExitReason } from "#src/exit.js";
import { Counter, doing, Puppet, puppet, settle, trapper } from "../support/actors.js";

const refuse = (): never => {
  throw new Error("hostile");
};

/** An object of which nothing can be read. */
const unreadable = (): object =>
  new Proxy(
    {},
    { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse, getOwnPropertyDescriptor: refuse },
  );

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** An error that lies about everything. */
function lyingError(): Error {
  const error = new Error("lie");
  for (const key of ["stack", "name", "message", "code"]) Object.defineProperty(error, key, { get: refuse });
  return error;
}

/** What can be thrown, or sent, to do harm. */
const vices: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  "a text": () => "text",
  "a symbol": () => Symbol("s"),
  "a bigint": () => 1n,
  "an error": () => new TypeError("plain"),
  "an error that lies": lyingError,
  "an object that cannot be read": unreadable,
  "a revoked proxy": revoked,
  "a function": () => refuse,
  "an object with hostile conversions": () => ({ toString: refuse, toJSON: refuse, [Symbol.toPrimitive]: refuse }),
  "an object that calls itself a refusal": () => ({
    [Symbol.for("copal.refusal")]: true,
    get error() {
      return refuse();
    },
  }),
  "an object that calls itself an exit reason": () => ({ [Symbol.for("copal.exitReason")]: unreadable() }),
  "an object that bites its tail": () => {
    const round: { self?: unknown } = {};
    round.self = round;
    return round;
  },
};

/** Ways for a callback to go wrong over a value. */
const ways: Readonly<Record<string, (value: unknown) => unknown>> = {
  throws: (value) => {
    throw value;
  },
  rejects: (value) => Promise.reject(value),
  "rejects later": async (value) => {
    await null;
    throw value;
  },
  "returns a thenable that rejects twice": (value) => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what is hostile about it.
    then: (_resolve: unknown, reject: (thrown: unknown) => void) => {
      reject(value);
      reject(value);
    },
  }),
  "returns a thenable that throws": (value) => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what is hostile about it.
    then: () => {
      throw value;
    },
  }),
  "returns something whose then throws": (value) => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what is hostile about it.
    get then(): never {
      throw value;
    },
  }),
  "returns a promise with a then of its own": (value) =>
    // It must not be listened to: this one is rejected, whatever it says.
    // biome-ignore lint/suspicious/noThenProperty: that is what is hostile about it.
    Object.defineProperty(Promise.reject(value), "then", { value: refuse }),
  "returns a promise that lies about its making": (value) =>
    Object.defineProperty(Promise.resolve(), "constructor", {
      get: () => {
        throw value;
      },
    }),
};

const places = ["constructor", "init", "method", "handleInfo", "handleContinue", "terminate", "release"] as const;
type Place = (typeof places)[number];

/** Goes wrong in one place. */
class Vicious extends Actor {
  #place: Place = "method";
  #act: () => unknown = () => {};

  constructor() {
    super();
    if (next.place === "constructor") next.act();
  }
  override init(): unknown {
    this.#place = next.place;
    this.#act = next.act;
    return this.#at("init");
  }
  provoke(what: string): unknown {
    if (what === "continue") this.continueWith(undefined);
    if (what === "exit") this.exit("normal");
    return what === "method" ? this.#at("method") : undefined;
  }
  override handleInfo(_message: Info): unknown {
    return this.#at("handleInfo");
  }
  override handleContinue(): unknown {
    return this.#at("handleContinue");
  }
  override terminate(): unknown {
    return this.#at("terminate");
  }
  async [release](): Promise<void> {
    await this.#at("release");
  }
  #at(place: Place): unknown {
    return place === this.#place ? this.#act() : undefined;
  }
}

let next: { readonly place: Place; readonly act: () => unknown } = { place: "method", act: () => {} };

let escaped: unknown[] = [];
const note = (error: unknown) => void escaped.push(error);
process.on("uncaughtException", note);
process.on("unhandledRejection", note);
t.teardown(() => {
  process.off("uncaughtException", note);
  process.off("unhandledRejection", note);
});

/** Lets an actor go wrong and gives how it ended, or what its start rejected with. */
async function goWrong(place: Place, act: () => unknown): Promise<{ reason: unknown; seen: readonly unknown[] }> {
  next = { place, act };
  const parent = await trapper();
  const started = await doing(parent, (hands) =>
    hands.start({ actor: "vicious", class: Vicious }).then(
      (ref) => ({ ref, error: undefined }),
      (error) => ({ ref: undefined, error }),
    ),
  );
  const { ref, error } = started;
  if (ref === undefined) {
    const { code, reason } = error as { code: string; reason: unknown };
    return { reason: code === "ERR_START" ? reason : error, seen: await parent.call.seen() };
  }
  if (place === "handleInfo") ref.send("x");
  else if (place === "handleContinue") ref.cast.provoke?.("continue");
  else ref.cast.provoke?.(place === "method" ? "method" : "exit");
  return { reason: await whenEnded(ref), seen: await parent.call.seen() };
}

// A constructor can only throw: what it returns is no promise that anyone waits for.
const asked = fc
  .record({
    place: fc.constantFrom(...places),
    way: fc.constantFrom(...Object.keys(ways)),
    vice: fc.constantFrom(...Object.keys(vices)),
  })
  .map((one) => (one.place === "constructor" ? { ...one, way: "throws" } : one));

t.test("whatever goes wrong in whatever callback ends the actor, with a reason, and nothing else", async (t) => {
  const bystander = await startActor(null, { class: Counter });
  let calls = 0;
  const property = fc.asyncProperty(asked, async ({ place, way, vice }) => {
    escaped = [];
    const { reason, seen } = await goWrong(place, () => ways[way]?.(vices[vice]?.()));
    await settle();
    // What release throws counts as done; everything else is how it ended.
    if ((reason === "normal") !== (place === "release")) throw new Error(`ended ${String(reason)}`);
    if (!isExitReason(reason) || formatExit(reason).includes("\n")) throw new Error("not told as a reason");
    if (seen.length !== 1) throw new Error(`${seen.length} messages to its parent`);
    if (escaped.length > 0) throw new Error(`escaped: ${escaped.length}`);
    calls++;
    if ((await bystander.call.add(1)) !== calls) throw new Error("a bystander was harmed");
  });
  await fc.assert(property, { numRuns: 1_000 });
  t.ok(calls >= 1_000);
});

t.test("a message that cannot be read is handed over as it is", async (t) => {
  const ref = await puppet();
  const messages = Object.values(vices).map((make) => make());
  for (const message of messages) ref.send(message);
  const seen = await ref.call.seen();
  t.ok(seen.every((info, i) => info.type === "info" && Object.is(info.message, messages[i])));
  const trace: string[] = [];
  await sys.trace(ref, ({ type }) => trace.push(type));
  for (const message of messages) ref.send(message);
  await settle();
  t.strictSame([trace.length, escaped], [messages.length, []]);
});

t.test("a thenable that never settles holds its own mailbox only, and a kill ends that", async (t) => {
  const ref = await puppet();
  // biome-ignore lint/suspicious/noThenProperty: that is what is hostile about it.
  const held = doing(ref, () => ({ then: () => {} }));
  await settle();
  t.equal(sys.peek(ref).condition, "busy");
  exitActor(ref, "kill");
  await t.rejects(held, { code: "ERR_ACTOR_EXIT", reason: "killed" });
});

t.test("a class whose methods cannot be read does not start", async (t) => {
  class Base extends Puppet {}
  Object.setPrototypeOf(Base.prototype, new Proxy(Object.getPrototypeOf(Base.prototype), { ownKeys: refuse }));
  class Unreadable extends Base {}
  await t.rejects(startActor(null, { class: Unreadable }), { code: "ERR_START", reason: { error: {} } });
  class Named extends Puppet {
    static override get name(): string {
      return refuse();
    }
  }
  t.ok(await startActor(null, { class: Named }));
});

t.test(
  "a getter is not called when methods are looked for, and one that is called as a callback crashes the actor",
  async (t) => {
    class Getters extends Puppet {
      get danger(): never {
        return refuse();
      }
    }
    t.ok(await startActor(null, { class: Getters }));
    class Bad extends Puppet {}
    Object.defineProperty(Bad.prototype, "handleInfo", { get: refuse });
    Object.defineProperty(Bad.prototype, "terminate", { get: refuse });
    const ref = await startActor(null, { class: Bad });
    ref.send("x");
    t.match(await whenEnded(ref), { error: { message: "hostile" } });
    t.strictSame(escaped, []);
  },
);

t.test("a constructor that returns a hostile stand-in harms nobody", async (t) => {
  class StandIn extends Puppet {
    constructor() {
      super();
      // biome-ignore lint/correctness/noConstructorReturn: that is what is hostile about it.
      return unreadable() as never;
    }
  }
  await t.rejects(startActor(null, { class: StandIn }), { code: "ERR_START", reason: { error: {} } });
  await settle();
  t.strictSame(escaped, []);
});
