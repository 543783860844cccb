/**
 * The tests that docs/testing.md shows, as a user of Copal would write them.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Actor, type ProcessActor, start } from "copal";
import { explore, fakeProcesses, recorder, virtualTime } from "copal/testing";
import t from "tap";

class Cache extends Actor {
  #entries = new Map<string, string>();

  put(key: string, value: string): void {
    this.#entries.set(key, value);
    this.after(60_000, key);
  }

  get(key: string): string | undefined {
    return this.#entries.get(key);
  }

  override handleInfo(message: { type: string; message?: unknown }): void {
    if (message.type === "info") this.#entries.delete(String(message.message));
  }
}

t.test("an entry is forgotten after a minute", async () => {
  const time = virtualTime();
  const tree = await start(
    { supervisor: "app", children: [{ actor: "cache", class: Cache }] },
    { runtime: time.runtime },
  );
  const cache = tree.whereis<Cache>("cache");
  await cache?.call.put("a", "1");
  await time.advance(59_999);
  assert.equal(await cache?.call.get("a"), "1");
  await time.advance(1);
  assert.equal(await cache?.call.get("a"), undefined);
  await tree.stop();
});

t.test("a server that crashes four times within five seconds takes the tree down", async () => {
  await using processes = fakeProcesses();
  processes.on("server", (server) => server.after(1_000, () => server.exit(1)));
  const time = virtualTime({ processes });
  using record = recorder({ under: "app" });
  const tree = await start(
    { supervisor: "app", children: [{ process: "web", command: ["server", "--port", 8080] }] },
    { runtime: time.runtime },
  );
  await time.advance(4_000);
  assert.equal((await tree.ended).reason, "shutdown");
  assert.equal(processes.started.length, 4);
  assert.equal(record.events.filter(({ type }) => type === "exited").length, 4);
});

t.test("a reload is a SIGHUP, and a stop waits for the answer", async () => {
  await using processes = fakeProcesses();
  processes.on("server", (server) => {
    server.onSignal("SIGHUP", () => server.stdout("reloaded\n"));
    server.onSignal("SIGTERM", () => server.after(200, () => server.exit(0)));
  });
  const time = virtualTime({ processes });
  const tree = await start(
    { supervisor: "app", children: [{ process: "web", command: ["server"] }] },
    { runtime: time.runtime },
  );
  await tree.whereis<ProcessActor>("web")?.call.signal("SIGHUP");
  const stopped = tree.stop();
  await time.advance(200);
  await stopped;
  assert.deepEqual(processes.latest("server").signals, ["SIGHUP", "SIGTERM"]);
});

t.test("two writers never lose an update, whoever goes first", async () => {
  class Account extends Actor {
    #balance = 0;
    async deposit(amount: number): Promise<void> {
      const before = this.#balance;
      await Promise.resolve();
      this.#balance = before + amount;
    }
    balance(): number {
      return this.#balance;
    }
  }
  await explore(
    async (time) => {
      const children = [{ actor: "account", class: Account }];
      const tree = await start({ supervisor: "app", children }, { runtime: time.runtime });
      const account = tree.whereis<Account>("account");
      await Promise.all([account?.call.deposit(1), account?.call.deposit(2)]);
      assert.equal(await account?.call.balance(), 3);
      await tree.stop();
    },
    { seeds: 50 },
  );
});

t.test("docs/testing.md shows these tests", async (t) => {
  const page = readFileSync(join(process.cwd(), "docs/testing.md"), "utf8");
  const own = readFileSync(join(process.cwd(), "test/examples/testing-a-tree.test.ts"), "utf8");
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code as string);
  t.ok(blocks.length >= 3);
  for (const block of blocks) t.ok(own.includes(block), block);
});
