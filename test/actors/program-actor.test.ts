import { join } from "node:path";
import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { stopActor, whenEnded } from "#src/actors/exit-actor.js";
import { type Program, ProgramActor, type ProgramSpec } from "#src/actors/program-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import { start } from "#src/app/tree.js";
import { isCopalError } from "#src/errors.js";
import type { ActorRef } from "#src/ref.js";
import type { ExitReport } from "#src/sidecar/exit-report.js";
import { eventually } from "#src/testing/eventually.js";
import { fakeProcesses } from "#src/testing/fake-processes.js";

/** What the fixture answers. */
interface Speaks {
  add(a: number, b: number): number;
  named(names: { x: number; y?: string }): { x: number; y?: string };
  nothing(): null;
  fail(code: number, message: string, data?: unknown): never;
  hold(): number;
  release(): null;
  tell(method: string, ...params: unknown[]): null;
  ask(method: string, ...params: unknown[]): unknown;
  raw(text: string): null;
  lastWords(text: string, code: number): unknown;
  exit(code: number): never;
  hangUp(): null;
}

const fixture = join(process.cwd(), "test", "fixtures", "programs", "speaks-rpc.mjs");

function speaker(spec: Partial<ProgramSpec> = {}, of: new () => ProgramActor = ProgramActor) {
  const argv = [process.execPath, fixture, ...(spec.rpc?.codec === "lengthPrefixed" ? ["--frames"] : [])];
  return startActor(null, { class: of, args: [{ argv, ...spec }] }) as Promise<unknown> as Promise<
    ActorRef<Program<Speaks>>
  >;
}

for (const codec of ["json", "lengthPrefixed"] as const) {
  t.test(`a call of a program's method is answered by the program, over ${codec}`, async (t) => {
    const program = await speaker({ rpc: { codec } });
    t.equal(await program.call.add(1, 2), 3);
    t.strictSame(await program.call.named({ x: 1, y: "grüße\n" }), { x: 1, y: "grüße\n" });
    t.equal(await program.call.nothing(), null);
    await stopActor(program);
  });
}

t.test("answers find their calls whatever their order", async (t) => {
  const program = await speaker();
  const calls = Promise.all([program.call.hold(), program.call.hold(), program.call.hold()]);
  await program.call.release();
  t.strictSame(await calls, [1, 2, 3]);
  t.equal((await program.call.status()).openRequests, 0);
  await stopActor(program);
});

t.test("an error of the program's is the caller's, with code, message and data, and the program goes on", async (t) => {
  const program = await speaker();
  const error = await program.call.fail(-7, "no such place", { near: ["x"] }).catch((thrown) => thrown);
  t.ok(isCopalError(error, "ERR_PROGRAM"));
  t.match(error, { message: "no such place", programCode: -7, data: { near: ["x"] }, method: "fail", ref: program });
  t.equal(await program.call.add(1, 1), 2);
  await stopActor(program);
});

t.test("a method that the program lacks is one that the actor lacks", async (t) => {
  const program = await speaker();
  const unknown = { code: "ERR_NO_METHOD", method: "nope", cause: { programCode: -32_601 } };
  await t.rejects(program.call.request("nope"), unknown);
  await t.rejects((program as unknown as ActorRef<{ nope(): void }>).call.nope(), unknown);
  await stopActor(program);
});

t.test("an argument that JSON cannot say is refused, and nothing is sent", async (t) => {
  const program = await speaker();
  await t.rejects(program.call.add(1n as unknown as number, 2), { code: "ERR_NOT_CLONEABLE" });
  t.equal((await program.call.status()).openRequests, 0);
  await stopActor(program);
});

t.test("an answer that comes too late is dropped, and the request is not kept until then", async (t) => {
  const program = await speaker();
  await t.rejects(program.within(20).call.hold(), { code: "ERR_CALL_TIMEOUT" });
  t.equal((await program.call.status()).openRequests, 0);
  await program.call.release();
  t.match(await program.call.status(), { malformedMessages: 0, droppedMessages: 0 });
  await stopActor(program);
});

t.test("requests that nobody waits for are forgotten, however many there were", async (t) => {
  const program = await speaker();
  const calls = Array.from({ length: 1_000 }, () => program.within(1).call.hold());
  t.ok((await Promise.allSettled(calls)).every(({ status }) => status === "rejected"));
  t.equal((await program.call.status()).openRequests, 0);
  await stopActor(program);
});

t.test("the end of the program rejects what waits for its answer, with its own reason", async (t) => {
  const program = await speaker();
  const waiting = program.within("infinity").call.hold();
  const asked = program.call.exit(3);
  for (const call of [waiting, asked]) await t.rejects(call, { code: "ERR_ACTOR_EXIT", reason: { exit: 3 } });
});

t.test("calls to a program that is ending are told its end, not that nobody reads", async (t) => {
  const program = await speaker();
  program.call.exit(4).catch(() => {});
  const calls = Array.from({ length: 200 }, () =>
    program
      .within("infinity")
      .call.add(1, 2)
      .catch((error) => error),
  );
  await whenEnded(program);
  for (const outcome of await Promise.all(calls)) if (outcome !== 3) t.match(outcome, { code: "ERR_ACTOR_EXIT" });
});

t.test("a program that hangs up and lives on answers nothing more, and its calls time out", async (t) => {
  const program = await speaker();
  await program.call.hangUp();
  await t.rejects(program.within(50).call.add(1, 2), { code: "ERR_CALL_TIMEOUT" });
  t.equal(await program.call.alive(), true);
  await stopActor(program);
});

t.test("what the actor has itself is not the program's, which is asked for it by name", async (t) => {
  const program = await speaker();
  t.equal(await program.call.write(`{"id":9,"method":"nothing"}\n`), undefined);
  t.strictSame(await program.call.request("write", 1), ["the program's own", 1]);
  await stopActor(program);
});

/** Answers a program, and keeps what it says. */
class Listener extends Actor {
  readonly #heard: unknown[] = [];
  heard(...args: unknown[]): void {
    this.#heard.push(args);
  }
  double(n: number): number {
    return 2 * n;
  }
  big(): bigint {
    return 1n;
  }
  no(): never {
    this.refuse(new Error("not today"));
  }
  all(): unknown[] {
    return [...this.#heard];
  }
}

const listener = () => startActor(null, { class: Listener }) as Promise<ActorRef<Listener>>;

t.test("a cast is a notification, and what the program tells is a cast of its listener's", async (t) => {
  const ear = await listener();
  const program = await speaker({ rpc: { resolve: () => ear as ActorRef<unknown> as ActorRef } });
  program.cast.add(1, 2);
  (program as ActorRef<unknown> as ActorRef).cast["any/name"]?.({ by: "name" });
  await program.call.notify("write", 1);
  await program.call.tell("heard", "a", null);
  await eventually(async () => (await ear.call.all()).length === 4);
  const byName = ["any/name", { by: "name" }];
  t.strictSame(await ear.call.all(), [["add", [1, 2]], byName, ["write", [1]], ["a", null]]);
  await stopActor(program);
});

t.test("a program calls its listener's methods and gets answers and errors", async (t) => {
  const ear = await listener();
  const program = await speaker({ rpc: { resolve: () => ear as ActorRef<unknown> as ActorRef } });
  t.equal(await program.call.ask("double", 21), 42);
  t.match(await program.call.ask("nope"), { code: -32_601, message: /no public method/ });
  t.match(await program.call.ask("no"), { code: -32_000, message: "not today" });
  t.match(await program.call.ask("big"), { code: -32_000, message: /JSON cannot say it/ });
  await stopActor(ear);
  t.match(await program.call.ask("double", 1), { code: -32_601, message: /nobody here answers `double`/ });
  await stopActor(program);
});

t.test("a program that asks before it is known to have started is answered", async (t) => {
  await using programs = fakeProcesses().on("asks", (program) => program.stdout('{"id":"early","method":"who"}\n'));
  const asks = { process: "asks", command: ["asks"], stdout: { as: "rpc" as const } };
  const tree = await start({ supervisor: "app", children: [asks] }, { sidecars: programs });
  const answer = await eventually(() => programs.latest("asks").input);
  t.match(JSON.parse(answer), { id: "early", error: { code: -32_601 } });
  await tree.stop();
});

t.test("the last answer of a program arrives, although it ends with it", async (t) => {
  const program = await speaker();
  t.equal(await program.call.lastWords('{"id":1,"result":"bye"}\n', 0), "bye");
  t.equal(await whenEnded(program), "normal");
});

t.test("a ref of a program has its methods with their types, and the process actor's own", async (t) => {
  const use = async (geo: ActorRef<Program<Speaks & { stop(): string }>>): Promise<unknown[]> => {
    const sum: number = await geo.call.add(1, 2);
    const { osPid } = await geo.call.status();
    const report: ExitReport = await geo.call.stop();
    // @ts-expect-error a wrong argument
    geo.cast.add("1", 2);
    // @ts-expect-error no method of the program, nor of the actor
    geo.cast.subtract(1, 2);
    return [sum, osPid, report];
  };
  t.type(use, "function");
});

t.test("what is no message is counted, and everything else still arrives", async (t) => {
  const program = await speaker();
  await program.call.raw('hello\n[]\n{"id":999,"result":1}\n{"method":"to","params":["nobody"]}\n');
  t.equal(await program.call.add(1, 2), 3);
  t.match(await program.call.status(), { malformedMessages: 3, droppedMessages: 1 });
  await stopActor(program);
});

t.test("a program that breaks its framing ends, since nothing of it can be told apart", async (t) => {
  const program = await speaker({ rpc: { codec: "lengthPrefixed", maxBytes: 1_000 } });
  program.cast.raw("\x7f\xff\xff\xff");
  await eventually(() =>
    program.call.request("raw", "\x7f\xff\xff\xff").then(
      () => false,
      () => true,
    ),
  );
  t.match(await whenEnded(program), { error: { code: "ERR_WIRE", message: /breaks its framing/ } });
});

t.test("a program that ends in the middle of a frame ends with its own reason", async (t) => {
  const program = await speaker({ rpc: { codec: "lengthPrefixed" } });
  await program.call.lastWords("\0\0\0\x09abc", 5).catch(() => {});
  t.strictSame(await whenEnded(program), { exit: 5 });
});

t.test("a method of a subclass asks the program and goes on with its answer", async (t) => {
  class Adder extends ProgramActor {
    async sum(...numbers: number[]): Promise<string> {
      let sum = 0;
      for (const n of numbers) sum = (await this.request("add", sum, n)) as number;
      return `it is ${sum}`;
    }
  }
  const adder = (await speaker({}, Adder)) as ActorRef<unknown> as ActorRef<Adder>;
  t.equal(await adder.call.sum(1, 2, 3), "it is 6");
  await stopActor(adder);
});

for (const [vice, spec] of Object.entries<Partial<ProgramSpec>>({
  "a terminal": { pty: {} },
  "its requests in a file": { stdin: { file: "/dev/zero" } },
  "its answers in a file": { stdout: { file: "/dev/null" } },
  "stderr among its answers": { mergeStderr: true },
  "a codec that is none": { rpc: { codec: "xml" as "json" } },
  "messages of no length": { rpc: { maxBytes: 0 } },
})) {
  t.test(`a program with ${vice} is not started`, async (t) => {
    await t.rejects(speaker(spec), { code: "ERR_START", reason: { error: { name: "RangeError" } } });
  });
}

t.test("a program that reads nothing takes no more than its queue", async (t) => {
  const program = await startActor(null, {
    class: ProgramActor,
    args: [{ argv: ["sleep", "1000"], stdinQueueBytes: 100_000 }],
  });
  const { call } = program.within("infinity") as unknown as ActorRef;
  const calls = Array.from({ length: 100 }, () =>
    call.add?.("x".repeat(10_000)).then(undefined, (error) => error.code),
  );
  await call.add?.("x".repeat(90_000)).catch(() => {});
  t.ok((await program.call.status()).stdinQueuedBytes <= 100_000);
  await stopActor(program, { shutdown: "brutal_kill" });
  const codes = await Promise.all(calls);
  t.strictSame([...new Set(codes)].sort(), ["ERR_ACTOR_EXIT", "ERR_STDIN_FULL"]);
});
