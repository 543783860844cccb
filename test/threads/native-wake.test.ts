/**
 * Waking threads natively, and doing without.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import t from "tap";
import { Linger } from "#src/threads/linger.js";
import { beWoken, letSleep, type Waker, wake } from "#src/threads/native-wake.js";
import { makeChannel, ThreadPort } from "#src/threads/thread-port.js";
import { actorsFolder } from "../support/resident.js";

const fixture = new URL("../../../test/fixtures/programs/sleeper.mjs", import.meta.url);

// Nothing that sleeps keeps a thread running: this does.
const running = setInterval(() => {}, 1_000);
t.teardown(() => clearInterval(running));

/** Starts a thread that sleeps, and gives by what it is woken. */
async function sleeper(does: "answers" | "throws" | "ends", maker?: Waker): Promise<{ worker: Worker; waker: Waker }> {
  const worker = new Worker(fixture, { workerData: { does, maker } });
  const [waker] = (await once(worker, "message")) as [Waker];
  return { worker, waker };
}

/** A sleeper of this thread, and when it is woken next. */
function sleepsHere(): { waker: Waker; woken: () => Promise<void> } {
  let resolve = () => {};
  const waker = beWoken(() => resolve()) as Waker;
  return { waker, woken: () => new Promise((woken) => (resolve = woken)) };
}

/** Runs `code` in a Node of its own and gives what it prints. */
function inNode(code: string, ...options: string[]): string {
  const env = { ...process.env, COPAL_LINGER: "0", COPAL_TEST: "here" };
  return execFileSync(process.execPath, [...options, "--input-type=module", "-e", code], { encoding: "utf8", env });
}

t.test("a sleeper of another thread is woken, and wakes who made it, again and again", async (t) => {
  const { waker: maker, woken } = sleepsHere();
  const { worker, waker } = await sleeper("answers", maker);
  for (let i = 0; i < 100; i++) {
    const back = woken();
    wake(waker);
    await back;
  }
  letSleep(maker);
  await worker.terminate();
  t.pass("a hundred times");
});

t.test("of two sleepers of a thread the one is woken that was meant", async (t) => {
  const [one, other] = [sleepsHere(), sleepsHere()];
  let isWrong = false;
  void one.woken().then(() => (isWrong = true));
  const back = other.woken();
  wake(other.waker);
  await back;
  t.notOk(isWrong);
  for (const { waker } of [one, other]) letSleep(waker);
});

t.test("a thread is not kept running by what sleeps in it, and to wake it then does nothing", async (t) => {
  const { worker, waker } = await sleeper("ends");
  const [code] = await once(worker, "exit");
  t.equal(code, 0);
  for (let i = 0; i < 1_000; i++) wake(waker);
});

t.test("to wake a sleeper that is gone does nothing", async (t) => {
  const [gone, here] = [sleepsHere(), sleepsHere()];
  let isCalled = false;
  void gone.woken().then(() => (isCalled = true));
  letSleep(gone.waker);
  const woken = here.woken();
  wake(gone.waker);
  wake(here.waker);
  await woken;
  t.notOk(isCalled);
  letSleep(here.waker);
});

t.test("threads may be ended while others wake them", async (t) => {
  for (let i = 0; i < 20; i++) {
    const { worker, waker } = await sleeper("answers");
    let hasEnded = false;
    const end = worker.terminate().then(() => (hasEnded = true));
    while (!hasEnded) {
      for (let j = 0; j < 100; j++) wake(waker);
      await new Promise(setImmediate);
    }
    await end;
  }
  t.pass("this thread lives");
});

t.test("to a thread that sleeps a plain message goes without anything being posted", async (t) => {
  const [near, far] = makeChannel();
  const linger = new Linger(new Int32Array(new SharedArrayBuffer(4)));
  let posted = 0;
  const post = near.port.postMessage.bind(near.port);
  near.port.postMessage = (message: unknown) => {
    posted++;
    post(message);
  };
  const heard = new Promise((resolve) => new ThreadPort(far, linger, resolve));
  const from = new ThreadPort(near, linger, () => {});
  from.post(["handled", 7]);
  t.strictSame(await heard, ["handled", 7]);
  t.equal(posted, 0);
  from.close();
});

t.test("what a sleeper throws is the uncaught exception of its thread", async (t) => {
  const { worker, waker } = await sleeper("throws");
  const failed = once(worker, "error");
  wake(waker);
  t.match(await failed, [{ message: "woken" }]);
});

t.test("who is woken runs in nobody's asynchronous context, also the first who wants to be", async (t) => {
  const code = `import { AsyncLocalStorage } from "node:async_hooks";
    const { beWoken, wake } = await import(${JSON.stringify(import.meta.resolve("#src/threads/native-wake.js"))});
    const running = setInterval(() => {}, 1_000);
    const context = new AsyncLocalStorage();
    const seen = () => { console.log(context.getStore()); clearInterval(running); };
    context.run("a request", () => wake(beWoken(seen)));`;
  t.equal(inNode(code), "undefined\n");
});

t.test("Node ends although somebody sleeps in its main thread", async (t) => {
  const module = JSON.stringify(import.meta.resolve("#src/threads/native-wake.js"));
  const code = `const { beWoken } = await import(${module}); console.log(typeof beWoken(() => {}));`;
  t.equal(inNode(code), "object\n");
  t.equal(inNode(code, "--no-addons"), "undefined\n");
});

t.test("where native modules may not be loaded, threads speak over their ports and processes start", async (t) => {
  const code = `const { run, start } = await import(${JSON.stringify(import.meta.resolve("copal"))});
    const children = [{ actor: "far", module: ${JSON.stringify(`${actorsFolder}/resident.mjs#Resident`)}, thread: "own" }];
    const tree = await start({ supervisor: "app", children });
    let sum = 0;
    for (let i = 0; i < 100; i++) sum += await tree.whereis("far").call.echo(i);
    console.log(sum, (await run("sh", ["-c", "echo $COPAL_TEST"])).stdout.toString());
    await tree.stop();`;
  t.equal(inNode(code, "--no-addons"), "4950 here\n\n");
});
