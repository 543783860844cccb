/**
 * The short way to read an event: the same as the long one wherever it is taken, and taken for what every start brings.
 */
import { readFileSync } from "node:fs";
import t from "tap";
import { decodePayload, encodeFrame, eventShapes } from "#src/wire/codec.js";
import { frequentEvent } from "#src/wire/frequent-events.js";
import type { EventBodies, WireEvent } from "#src/wire/messages.js";

const vectors = JSON.parse(readFileSync(new URL("../../../test/vectors/frames.json", import.meta.url), "utf8")) as {
  name: string;
  kind: string;
  hex: string;
}[];
const payloads = vectors.filter(({ kind }) => kind === "event").map(({ hex }) => Buffer.from(hex, "hex").subarray(4));
const frequent = payloads.filter((payload) => frequentEvent(payload) !== undefined);

/** Reads by the general way; undefined for what is no event. */
function general(payload: Uint8Array): WireEvent | undefined {
  try {
    return decodePayload(eventShapes, payload) as WireEvent;
  } catch {
    return undefined;
  }
}

t.test("golden starts and ends are read the short way, and as the same", async (t) => {
  const names = frequent.map((payload) => frequentEvent(payload)?.name);
  t.strictSame([...new Set(names)].sort(), ["exited", "started"]);
  for (const payload of frequent) t.same(frequentEvent(payload), general(payload));
});

t.test("every byte that is changed or cut off is read as by the general way, or left to it", async (t) => {
  for (const payload of frequent) {
    for (let at = 0; at < payload.length; at++) {
      const cut = payload.subarray(0, at);
      t.equal(frequentEvent(cut), undefined);
      for (const value of [0, 1, 0x7f, 0x80, 0xc0, 0xc2, 0xc4, 0xcc, 0xcf, 0xff, (payload[at] as number) ^ 1]) {
        const changed = Buffer.from(payload);
        changed[at] = value;
        const short = frequentEvent(changed);
        if (short !== undefined) t.same(short, general(changed));
      }
    }
    t.equal(frequentEvent(Buffer.concat([payload, Buffer.from([0])])), undefined, "a byte left over");
  }
});

t.test("numbers of every width are read alike", async (t) => {
  for (const wallUs of [0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffff_ffff, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const counts = { leftBehind: 0, wallUs, userUs: 1, systemUs: wallUs, maxRssBytes: wallUs };
    const ends = { code: 255, signal: null, core: false, stoppedBy: "itself", killed: false } as const;
    const payload = encodeFrame<EventBodies, "exited">("exited", 0, { ...ends, ...counts }).subarray(4);
    t.same(frequentEvent(payload)?.body, { ...ends, ...counts });
  }
});
