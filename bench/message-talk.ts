/**
 * How the benchmark `message` talks with whoever answers: one call at a time, many in flight, casts. Every count is of messages that were answered, or that
 * the receiver says it has heard. Knows no contender.
 */

/** Somebody to talk with. */
export interface Peer {
  /** Sends `value` and resolves with what comes back, which is the same. */
  call(value: unknown): Promise<unknown>;
  /** The same with a buffer that moves there and back. */
  pass?(bytes: Uint8Array): Promise<Uint8Array>;
  cast?(value: number): void;
  /** How many casts have been heard, those that were just sent included. */
  heard?(): Promise<number>;
  end?(): unknown;
}

/** Sends so many messages; gives microseconds: of each, or of one on average. */
export type Talk = (messages: number) => Promise<number[]>;

/** Calls one at a time, each timed. */
export const eachCall =
  (peer: Peer, value?: unknown): Talk =>
  async (messages) => {
    const samples: number[] = [];
    for (let i = 0; i < messages; i++) {
      const began = performance.now();
      const answer = await peer.call(value ?? i);
      samples.push((performance.now() - began) * 1_000);
      if (value === undefined && answer !== i) throw new Error(`${String(answer)} came back for ${i}`);
    }
    return samples;
  };

/** Calls with so many in flight, timed together: for what takes less time than a look at the clock, or has no one time. */
export const allCalls =
  (peer: Peer, inFlight: number): Talk =>
  (messages) =>
    onAverage(messages, async () => {
      const chain = async (): Promise<void> => {
        for (let i = 0; i < messages / inFlight; i++) await peer.call(i);
      };
      await Promise.all(Array.from({ length: inFlight }, chain));
    });

/** Casts, so many without a pause, timed until all are heard. */
export const allCasts =
  ({ cast, heard }: Required<Pick<Peer, "cast" | "heard">>, atOnce = Number.POSITIVE_INFINITY): Talk =>
  async (messages) => {
    const before = await heard();
    return onAverage(messages, async () => {
      for (let sent = 0; sent < messages; ) {
        const until = Math.min(messages, sent + atOnce);
        while (sent < until) cast(sent++);
        const now = (await heard()) - before;
        if (now !== sent) throw new Error(`${now} of ${sent} casts were heard`);
      }
    });
  };

/** Passes one buffer there and back again and again, each time timed. */
export const eachPass =
  (pass: (bytes: Uint8Array) => Promise<Uint8Array>, size: number): Talk =>
  async (messages) => {
    let bytes = new Uint8Array(size).fill(7);
    const samples: number[] = [];
    for (let i = 0; i < messages; i++) {
      const began = performance.now();
      const passed = pass(bytes);
      if (bytes.byteLength > 0) throw new Error("the buffer was not transferred");
      bytes = (await passed) as Uint8Array<ArrayBuffer>;
      samples.push((performance.now() - began) * 1_000);
      if (bytes.byteLength !== size || bytes[size - 1] !== 7) throw new Error("another buffer came back");
    }
    return samples;
  };

/** Microseconds of one of `messages`, of which `work` handles all. */
export async function onAverage(messages: number, work: () => Promise<unknown>): Promise<number[]> {
  const began = performance.now();
  await work();
  return [((performance.now() - began) * 1_000) / messages];
}
