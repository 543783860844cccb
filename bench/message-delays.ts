/**
 * How late timers and I/O of a thread are while something else goes on in it: a timer every few milliseconds, and a byte that goes through a socket and
 * back. Knows nothing of what goes on.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

/** Microseconds: how much later than due timers came, and how long a byte took there and back. */
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
      timers.push(await lateness());
      const began = performance.now();
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

function lateness(): Promise<number> {
  const due = performance.now() + EVERY_MS;
  return new Promise((resolve) => {
    setTimeout(() => resolve(Math.max(0, (performance.now() - due) * 1_000)), EVERY_MS);
  });
}
