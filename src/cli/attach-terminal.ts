/**
 * The caller's terminal while it is attached: raw where keys go to another terminal, else as it is, but for Ctrl-Q. It knows the settings of one
 * terminal and nothing of what is typed.
 */
import { spawnSync } from "node:child_process";

/**
 * Prepares the terminal on stdin, if there is one, and gives what puts it back as it was.
 *
 * Raw, every key goes through as it is, and what is written is not changed either. Else lines are edited and sent whole, as always; Ctrl-Q, which would
 * start a screen again that Ctrl-S stopped, sends what stands in the line at once, so that the keys that detach need no Enter behind them.
 */
export function prepareTerminal(isRaw: boolean): () => void {
  if (!process.stdin.isTTY) return () => {};
  const saved = stty("-g").trim();
  stty(...(isRaw ? ["raw", "-echo"] : ["-ixon", "eol", "^Q"]));
  return () => {
    if (saved !== "") stty(saved);
  };
}

function stty(...words: readonly string[]): string {
  return spawnSync("stty", words, { stdio: ["inherit", "pipe", "ignore"], encoding: "utf8" }).stdout ?? "";
}
