// `copal run` where a person would use it: in a terminal, made by script(1), or by tmux where that is installed.
import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import t, { type Test } from "tap";
import { eventually } from "#src/testing/eventually.js";
import { copalBin } from "../support/copal.js";
import { marked } from "../support/marked.js";
import { privateFolder } from "../support/private-folder.js";
import { requireProgram } from "../support/require-program.js";

t.setTimeout(120_000);

const run = `${process.execPath} ${copalBin} run`;

/** Runs a command line in a terminal; `type` presses keys. */
function inTerminal(t: Test, command: string) {
  const { env, left } = marked(t);
  const child = spawn("script", ["-qec", command, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
  let screen = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    screen += text;
  });
  const shows = (text: string) => eventually(() => screen.includes(text), { timeoutMs: 20_000 });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { shows, type: (keys: string) => child.stdin.write(keys), ended, screen: () => screen, left };
}

t.test("a command in a terminal has one of its own, answers prompts, and its code passes through", async (t) => {
  if (!requireProgram(t, "script", "bsdutils")) return;
  const script = "tty; printf name: >/dev/tty; read name </dev/tty; echo hello $name; exit 7";
  const { shows, type, ended, left } = inTerminal(t, `${run} -- sh -c '${script}'`);
  await shows("name:");
  type("copal\n");
  await shows("hello copal");
  t.equal(await ended, 7);
  t.strictSame(left(), []);
});

t.test("^C is the command's to handle, and its end if it does not", async (t) => {
  if (!requireProgram(t, "script", "bsdutils")) return;
  const script = 'trap "echo caught; trap - INT" INT; echo ready; while :; do sleep 0.05; done';
  const { shows, type, ended, left } = inTerminal(t, `${run} -- sh -c '${script}'`);
  await shows("ready");
  type("\x03");
  await shows("caught");
  type("\x03");
  t.equal(await ended, 130);
  t.strictSame(left(), []);
});

t.test("^D ends the input, and the terminal is as it was afterwards", async (t) => {
  if (!requireProgram(t, "script", "bsdutils")) return;
  const { shows, type, ended, screen } = inTerminal(t, `stty -a; ${run} -- sh -c 'echo READY; cat; echo off'; stty -a`);
  await shows("READY");
  type("line\n");
  await eventually(() => screen().split("line").length > 2);
  type("\x04");
  t.equal(await ended, 0);
  const settings = screen()
    .split("READY")
    .map((part) => part.match(/speed.*?echoke[^\r\n]*/s)?.[0].replace(/\s+/g, " "));
  t.equal(settings[1], settings[0]);
  t.ok(settings[0]);
});

t.test(
  "no byte is changed where the output is no terminal, and --no-pty leaves the caller's terminal to it",
  async (t) => {
    if (!requireProgram(t, "script", "bsdutils")) return;
    const { shows, ended } = inTerminal(
      t,
      `${run} -- printf 'a\\nb' | od -An -c; ${run} --no-pty -- sh -c 'test -t 0 && echo same; tty'`,
    );
    await shows("a  \\n   b");
    await shows("same");
    await ended;
  },
);

t.test("a shell, an editor and top are usable in tmux, follow its size, and go with it", async (t) => {
  const tmux = requireProgram(t, "tmux", "tmux");
  if (!tmux) return;
  const folder = privateFolder(t);
  const socket = join(folder, "tmux");
  const { env, left } = marked(t);
  const ask = (...args: string[]) =>
    execFileSync(tmux, ["-S", socket, "-f", "/dev/null", ...args], { env, encoding: "utf8" });
  ask("new-session", "-d", "-x", "90", "-y", "30", "-c", folder, `${run} -- bash --norc`);
  const shows = (text: RegExp) => eventually(() => text.test(ask("capture-pane", "-p")), { timeoutMs: 20_000 });
  await shows(/[$#]\s*$/m);
  ask("send-keys", "stty size", "Enter");
  await shows(/^30 90$|^29 90$/m);
  ask("resize-window", "-x", "70", "-y", "20");
  const asksSize = () => {
    ask("send-keys", "clear; stty size", "Enter");
    return /^(20|19) 70$/m.test(ask("capture-pane", "-p"));
  };
  await eventually(asksSize, { everyMs: 200, timeoutMs: 20_000 });
  ask("send-keys", "sleep 1000", "Enter");
  await eventually(() => left().some(({ name }) => name === "sleep"));
  ask("send-keys", "C-z");
  await shows(/Stopped/);
  ask("send-keys", "clear; top -d 1", "Enter");
  await shows(/load average/);
  ask("send-keys", "q");
  await eventually(() => !left().some(({ name }) => name === "top"));
  ask("send-keys", "clear; vi -u NONE text", "Enter");
  await shows(/^~$/m);
  await eventually(() => left().some(({ name }) => name.startsWith("vi")));
  ask("send-keys", ":q!", "Enter");
  await eventually(() => !left().some(({ name }) => name.startsWith("vi")));
  // The terminal goes, and everything in it with it.
  ask("kill-server");
  await eventually(() => left().length === 0, { timeoutMs: 20_000 });
  t.strictSame(left(), []);
});
