import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { startActor } from "#src/actors/start-actor.js";

let getterCalls = 0;

class Base extends Actor {
  fieldFunction = () => "field";

  inherited(): string {
    return "inherited";
  }

  overridden(): string {
    return "base";
  }

  shadowed(): string {
    return "base";
  }

  _private(): string {
    return "private";
  }

  override link(): void {}

  get accessor(): () => string {
    getterCalls++;
    return () => "getter";
  }

  static statics(): string {
    return "static";
  }
}

class Derived extends Base {
  override overridden(): string {
    return `derived over ${super.overridden()}`;
  }

  override toString(): string {
    return "spelled out";
  }
}
Object.defineProperty(Derived.prototype, "shadowed", { value: 7 });

const ref = await startActor(null, { class: Derived });
const call = ref.call as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;

for (const [name, answer] of [
  ["inherited", "inherited"],
  ["overridden", "derived over base"],
  ["toString", "spelled out"],
] as const) {
  t.test(`${name} is a message`, async (t) => {
    t.equal(await call[name]?.(), answer);
  });
}

const notMessages = [
  "_private",
  "fieldFunction",
  "accessor",
  "statics",
  "shadowed",
  "init",
  "handleInfo",
  "terminate",
  "link",
  "proxy",
  "monitor",
  "start",
  "exit",
  "self",
  "trapExit",
  "refuse",
  "replyLater",
  "after",
  "endSignal",
  "hasOwnProperty",
  "__proto__",
  "valueOf",
  "nope",
  "",
];

for (const name of notMessages) {
  t.test(`"${name}" is no message: the call rejects and the actor goes on`, async (t) => {
    await t.rejects(async () => call[name]?.(), { code: "ERR_NO_METHOD", method: name });
    t.equal(await call.inherited?.(), "inherited");
    t.equal(getterCalls, 0);
  });
}

t.test("a name is looked up anew behind another one, known or not", async (t) => {
  for (let i = 0; i < 2; i++) {
    t.equal(await call.inherited?.(), "inherited");
    await t.rejects(call._private?.() as Promise<unknown>, { code: "ERR_NO_METHOD" });
    t.equal(await call.overridden?.(), "derived over base");
  }
});
