/**
 * How long timers and I/O of a thread take while something else goes on in it: a timer of a few milliseconds, and a byte that goes through a socket and
 * back, in turns. Knows nothing of what goes on.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** Microseconds: how long a timer took, and a byte there and back. */
export interface DelaysSeen {
  readonly timers: number[];
  readonly io: number[];
}

const EVERY_MS = 2;

/** Looks at the delays of the thread that it lives in. */
export class Delays {
  #looking: Promise<DelaysSeen> | undefined;
  #isOver = false;

  begin(): void {
    this.#isOver = false;
    this.#looking = this.#look();
  }

  end(): Promise<DelaysSeen> {
    this.#isOver = true;
    return this.#looking ?? Promise.resolve({ timers: [], io: [] });
  }

  async #look(): Promise<DelaysSeen> {
    const server = createServer((socket) => {
      socket.setNoDelay();
      socket.on("data", (bytes) => socket.write(bytes));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "connect");
    socket.setNoDelay();
    const timers: number[] = [];
    const io: number[] = [];
    while (!this.#isOver) {
      const set = performance.now();
      await wait(EVERY_MS);
      const began = performance.now();
      timers.push((began - set) * 1_000);
      const back = once(socket, "data");
      socket.write("x");
      await back;
      io.push((performance.now() - began) * 1_000);
    }
    socket.destroy();
    server.close();
    await once(server, "close");
    return { timers, io };
  }
}
