import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { stopActor, whenEnded } from "#src/actors/exit-actor.js";
import { ProcessActor, type ProcessSpec } from "#src/actors/process-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { processOf } from "../support/proc.js";

const MEBIBYTE = 1024 * 1024;
const hold = (spec: ProcessSpec) =>
  startActor(null, { class: ProcessActor, args: [spec] }) as Promise<ActorRef<ProcessActor>>;

/** Holds a program that reads nothing until it gets SIGCONT, then counts what comes and tells it when that ends. */
async function sleepingReader(spec: Partial<ProcessSpec> = {}) {
  let printed = "";
  const observe = (_stream: string, bytes: Buffer) => {
    printed += bytes;
  };
  const process = await hold({ argv: ["/bin/sh", "-c", "kill -STOP $$; exec wc -c"], observe, ...spec });
  const { osPid } = await process.call.status();
  await eventually(() => processOf(osPid)?.state === "T");
  const counted = async () => {
    await process.call.closeStdin();
    await whenEnded(process);
    return Number(printed);
  };
  return { process, counted };
}

/** Writes one piece after the other, each when the one before it is in the pipe. */
class Writer extends Actor {
  #written = 0;
  async pour(to: ActorRef<ProcessActor>, pieces: number, bytes: number): Promise<void> {
    const reply = this.replyLater<void>();
    const piece = Buffer.alloc(bytes);
    for (let at = 0; at < pieces; at++) {
      await to.within("infinity").call.write(piece);
      this.#written++;
    }
    reply();
  }
  written(): number {
    return this.#written;
  }
}

t.test("a writer that waits for its writes is as fast as the process reads", async (t) => {
  const { process, counted } = await sleepingReader();
  const writer: ActorRef<Writer> = await startActor(null, { class: Writer });
  const poured = writer.within("infinity").call.pour(process, 200, MEBIBYTE);
  await eventually(async () => (await process.call.status()).stdinQueuedBytes > 0);
  t.equal(await writer.call.written(), 0);
  t.ok((await process.call.status()).stdinQueuedBytes <= MEBIBYTE, "one piece waits, whatever is to come");
  await process.call.signal("SIGCONT");
  await poured;
  t.equal(await counted(), 200 * MEBIBYTE);
});

t.test(
  "a writer that does not wait is refused when too much does, and nothing of what was accepted is lost",
  async (t) => {
    const { process, counted } = await sleepingReader({ stdinQueueBytes: 4 * MEBIBYTE });
    const piece = Buffer.alloc(MEBIBYTE);
    const writes = Array.from({ length: 100 }, () => process.within("infinity").call.write(piece));
    const refused = Promise.allSettled(writes).then((all) => all.filter(({ status }) => status === "rejected"));
    await t.rejects(writes[99] as Promise<void>, { code: "ERR_STDIN_FULL", ref: process });
    t.ok((await process.call.status()).stdinQueuedBytes <= 4 * MEBIBYTE);
    await process.call.signal("SIGCONT");
    const { length } = await refused;
    t.equal(await counted(), (100 - length) * MEBIBYTE);
  },
);

t.test("a flood of casts to a process that does not read fills no memory and harms nobody", async (t) => {
  const { process } = await sleepingReader({ stdinQueueBytes: MEBIBYTE });
  for (let at = 0; at < 10_000; at++) process.cast.write("x".repeat(1_000));
  t.ok((await process.call.status()).stdinQueuedBytes <= MEBIBYTE);
  t.equal(await stopActor(process, { shutdown: "brutal_kill" }), "killed");
});

t.test("one write may be larger than the queue", async (t) => {
  const { process, counted } = await sleepingReader({ stdinQueueBytes: 0 });
  const written = process.within("infinity").call.write(Buffer.alloc(MEBIBYTE));
  await eventually(async () => (await process.call.status()).stdinQueuedBytes > 0);
  await t.rejects(process.call.write("more"), { code: "ERR_STDIN_FULL" });
  await process.call.signal("SIGCONT");
  await written;
  t.equal(await counted(), MEBIBYTE);
});

t.test("a method of a subclass that writes answers with its own value", async (t) => {
  class Talker extends ProcessActor {
    async say(text: string): Promise<string> {
      await this.write(text);
      return `said ${text}`;
    }
  }
  const talker: ActorRef<Talker> = await startActor(null, { class: Talker, args: [{ argv: ["cat"] }] });
  t.equal(await talker.call.say("hello"), "said hello");
  await stopActor(talker);
});
