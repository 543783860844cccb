import { createHash } from "node:crypto";
import t from "tap";
import { open, type Session } from "#src/process/open.js";
import { eventually } from "#src/testing/eventually.js";
import { childrenOf } from "../support/proc.js";

/** Reads on until the terminal has shown `text` since the last time. */
async function shows(session: Session, text: string): Promise<string> {
  let shown = "";
  while (!shown.includes(text)) {
    const bytes = await session.read();
    if (!bytes) throw new Error(`the end came before ${text}: ${shown}`);
    shown += bytes.toString();
  }
  return shown;
}

t.test("a shell has a terminal of the size asked for, and is told when it changes", async (t) => {
  const session = await open("sh", ["-c", "stty size; tty; trap 'stty size' WINCH; while :; do sleep 0.05; done"], {
    pty: { rows: 30, cols: 100 },
  });
  t.match(await shows(session, "/dev/pts"), "30 100\r\n");
  await session.resize(40, 120);
  await shows(session, "40 120\r\n");
  await t.rejects(session.resize(1.5, 1), RangeError);
  t.match(await session.stop(), { signal: "SIGTERM" });
});

t.test("^C ends what runs in the foreground of an interactive shell, and the shell goes on", async (t) => {
  const session = await open("bash", ["--norc", "-i"], { pty: {}, addEnv: { PS1: "ready> " } });
  await shows(session, "ready> ");
  await session.write("sleep 1000\r");
  await shows(session, "sleep 1000\r\n");
  await eventually(() => childrenOf(session.osPid).some(({ name }) => name === "sleep"));
  await session.write("\x03");
  await shows(session, "ready> ");
  await session.write("echo $((6 * 7)) $?\r");
  await shows(session, "42 130\r\n");
  await session.closeStdin();
  t.match(await session.exited, { code: 0, stoppedBy: "itself" });
});

t.test("TERM is what was said, else what was inherited, else one that most programs know", async (t) => {
  const term = async (options: Parameters<typeof open>[2]) => {
    const session = await open("sh", ["-c", "echo TERM=$TERM."], options);
    return /TERM=(.*)\./.exec(await shows(session, ".\r\n"))?.[1];
  };
  t.equal(await term({ pty: { term: "vt100" } }), "vt100");
  t.equal(await term({ pty: {}, addEnv: { TERM: "screen" } }), "screen");
  t.equal(await term({ pty: {}, clearEnv: true, addEnv: { PATH: process.env.PATH } }), "xterm-256color");
});

t.test("stderr comes apart on request", async (t) => {
  const session = await open("sh", ["-c", "echo out; echo err >&2"], { pty: { separateStderr: true } });
  t.equal((await session.read("stderr"))?.toString(), "err\n");
  t.equal((await session.read())?.toString(), "out\r\n");
  await session.exited;
});

t.test("ten megabytes there and back through a raw terminal are the same", async (t) => {
  const session = await open("head", ["-c", String(10_000_000)], { pty: { raw: true } });
  const sent = createHash("sha256");
  const block = Buffer.alloc(
    100_000,
    Uint8Array.from({ length: 256 }, (_, n) => n),
  );
  const writing = (async () => {
    for (let n = 0; n < 100; n++) {
      sent.update(block);
      await session.write(block);
    }
  })();
  const came = createHash("sha256");
  for await (const bytes of session.stdout) came.update(bytes as Buffer);
  await writing;
  t.match(await session.exited, { code: 0 });
  t.equal(came.digest("hex"), sent.digest("hex"));
});

t.test("a process without a terminal has no size", async (t) => {
  const session = await open("sleep", ["1000"]);
  await t.rejects(session.resize(1, 1), { code: "ERR_SIDECAR", osCode: "ERR_STATE" });
  await session.stop({ graceMs: 0 });
});
