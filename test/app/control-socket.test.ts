import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import { controlSocketPath, SocketPlace } from "#src/app/control-socket.js";
import { privateFolder } from "../support/private-folder.js";

/** Gives a folder with mode 0700 and the path of a socket in it. */
function socketIn(t: Test): { folder: string; path: string } {
  const folder = privateFolder(t);
  return { folder, path: join(folder, "a.sock") };
}

async function taken(t: Test, path: string): Promise<{ place: SocketPlace; server: Server }> {
  const place = await SocketPlace.take(path);
  const server = createServer();
  await place.listen(server);
  t.teardown(() => {
    server.close();
    place.release();
  });
  return { place, server };
}

t.test("the socket has mode 0600 and nothing else is left in its folder", async (t) => {
  const { path } = socketIn(t);
  await taken(t, path);
  t.equal(statSync(path).mode & 0o777, 0o600);
});

t.test("of two that take one place at once exactly one gets it", async (t) => {
  const { path } = socketIn(t);
  for (let round = 0; round < 20; round++) {
    const results = await Promise.allSettled([SocketPlace.take(path), SocketPlace.take(path), SocketPlace.take(path)]);
    const won = results.filter((result) => result.status === "fulfilled");
    t.equal(won.length, 1);
    for (const { value } of won) value.release();
  }
});

t.test("a second taker is told who runs", async (t) => {
  const { path } = socketIn(t);
  await taken(t, path);
  await t.rejects(SocketPlace.take(path), {
    code: "running",
    message: `already running (pid ${process.pid})`,
    pid: process.pid,
  });
});

t.test("a socket file without an owner is replaced", async (t) => {
  const { path } = socketIn(t);
  const killed = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", killed]);
  t.ok(statSync(path).isSocket());
  const { server } = await taken(t, path);
  t.ok(server.listening);
});

t.test("a file that is no socket is left alone", async (t) => {
  const { path } = socketIn(t);
  writeFileSync(path, "mine");
  const place = await SocketPlace.take(path);
  t.teardown(() => place.release());
  await t.rejects(place.listen(createServer()), { code: "folder", message: /is no socket/ });
  t.ok(statSync(path).isFile());
});

t.test("a folder that others can enter is refused", async (t) => {
  const { folder, path } = socketIn(t);
  chmodSync(folder, 0o755);
  await t.rejects(SocketPlace.take(path), { code: "folder", message: /has mode 0755/ });
});

t.test("a folder that is a symbolic link is refused", async (t) => {
  const { folder } = socketIn(t);
  mkdirSync(join(folder, "real"), { mode: 0o700 });
  symlinkSync(join(folder, "real"), join(folder, "link"));
  await t.rejects(SocketPlace.take(join(folder, "link", "a.sock")), { code: "folder", message: /is a symbolic link/ });
});

t.test("a path that the kernel would cut is refused", async (t) => {
  const { folder } = socketIn(t);
  await t.rejects(SocketPlace.take(join(folder, `${"x".repeat(108)}.sock`)), { code: "path", message: /at most 107/ });
});

t.test("a socket that another app has put in our place is not removed", async (t) => {
  const { path } = socketIn(t);
  const { place } = await taken(t, path);
  rmSync(path);
  writeFileSync(path, "theirs");
  place.remove();
  t.ok(existsSync(path));
});

t.test("the place is named after the root, in the runtime folder if there is one", async (t) => {
  const folder = t.testdir();
  t.equal(controlSocketPath("shop", { XDG_RUNTIME_DIR: folder }), join(folder, "copal", "shop.sock"));
  t.equal(controlSocketPath("shop", {}), `/tmp/copal-${process.getuid?.()}/shop.sock`);
});
