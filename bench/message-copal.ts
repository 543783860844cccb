/**
 * Copal's own side of the benchmark `message`: one actor in the main thread, one on a thread of its own.
 */
import { fileURLToPath } from "node:url";
import { type ActorRef, start, transfer } from "copal";
import type { DelaysSeen } from "./message-delays.js";
import type { Echo } from "./message-echo.js";
import type { Peer } from "./message-talk.js";

/** An actor of ours as a contender. */
export interface EchoPeer extends Required<Peer> {
  watchDelays(): Promise<void>;
  delays(): Promise<DelaysSeen>;
}

/** Starts both; the tree ends with the far one. */
export async function startEchoes(): Promise<{ near: EchoPeer; far: EchoPeer }> {
  const module = `${fileURLToPath(new URL("./message-echo.js", import.meta.url))}#Echo`;
  const children = [
    { actor: "near", module },
    { actor: "far", module, thread: "own" as const },
  ];
  const tree = await start({ supervisor: "bench", children });
  const peer = (id: string, end: () => Promise<void>): EchoPeer => {
    const ref = tree.whereis<Echo>(id) as ActorRef<Echo>;
    return {
      call: (value) => ref.call.echo(value),
      pass: (bytes) => ref.call.pass(transfer(bytes, [bytes.buffer])),
      cast: (value) => ref.cast.hear(value),
      heard: () => ref.within("infinity").call.heard(),
      watchDelays: () => ref.call.watchDelays(),
      delays: () => ref.call.delays(),
      end,
    };
  };
  return { near: peer("near", async () => {}), far: peer("far", () => tree.stop()) };
}
