import { createServer, type Socket } from "node:net";
import t from "tap";
import { SidecarError } from "#src/errors.js";
import { startSidecar } from "#src/sidecar/client.js";
import type { SidecarHost } from "#src/sidecar/sidecar-host.js";
import { encodeFrame } from "#src/wire/codec.js";
import { type EventBodies, PROTOCOL_VERSIONS } from "#src/wire/messages.js";
import { privateFolder } from "../support/private-folder.js";

const sink = { output: () => {}, closed: () => {}, exited: () => {} };

t.test("a sidecar that is lost in a start fails it when what it may have started is gone", async (t) => {
  const path = `${privateFolder(t)}/socket`;
  const server = createServer((socket: Socket) => {
    const versions: [number, number] = [...PROTOCOL_VERSIONS];
    const hello = { version: 1, versions, capabilities: 0, sidecarPid: 4_194_000, resin: "test" };
    socket.once("data", () => socket.end(encodeFrame<EventBodies, "hello">("hello", 1, hello)));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  let isSwept = false;
  const host: SidecarHost = {
    path,
    isRunning: true,
    abandon: () => {},
    greeted: () => {},
    swept: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      isSwept = true;
    },
  };
  await t.rejects(startSidecar({ argv: ["true"] }, sink, host), SidecarError);
  t.ok(isSwept);
});
