/**
 * The terminal of a `copal run`: a terminal of the command's own behind the caller's, with the caller's keys, screen and size. It knows two
 * terminals; what runs between them is the session's business.
 */
import { spawnSync } from "node:child_process";
import type { OpenOptions, Session } from "../process/open.js";

/** What the command is to be opened with, so that it has a terminal of the size of ours. Its stderr goes past it where ours is no terminal. */
export function terminalOptions(hasErrorTerminal: boolean): OpenOptions {
  return { pty: sizeOfOurs(), ...(!hasErrorTerminal && { stderr: "inherit" as const }) };
}

/**
 * Joins the caller's terminal, or whatever its standard streams are, with the session's. Keys go through as they are, ^C included.
 *
 * @returns a function that waits for the last output and puts the caller's terminal back as it was.
 */
export function joinTerminals(session: Session): () => Promise<void> {
  const { stdin, stdout } = process;
  const wasRaw = stdin.isTTY === true && stdin.isRaw;
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    // Node leaves on that a line feed also returns the carriage, which is the inner terminal's business now; its way back restores this as well.
    spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
  }
  session.stdin.on("error", () => {});
  stdin.on("error", () => {}).pipe(session.stdin);
  const written = new Promise<void>((resolve) => session.stdout.once("close", resolve));
  // A caller's screen that is gone takes nothing any more, and holds nothing up.
  stdout.on("error", () => session.stdout.destroy());
  session.stdout.pipe(stdout, { end: false });
  const resize = () => {
    const { rows, cols } = sizeOfOurs();
    void session.resize(rows, cols).catch(() => {});
  };
  process.on("SIGWINCH", resize);
  return async () => {
    await written;
    process.off("SIGWINCH", resize);
    stdin.unpipe(session.stdin).pause();
    if (stdin.isTTY) stdin.setRawMode(wasRaw);
  };
}

function sizeOfOurs(): { rows: number; cols: number } {
  const { rows, columns } = process.stdout;
  return { rows: rows || 24, cols: columns || 80 };
}
