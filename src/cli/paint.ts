// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what this file takes out.
/**
 * The few colours of the command line, and the tree's lines. Colours only where a person reads, and never where NO_COLOR says so.
 */

/** Wraps texts in colours, or leaves them alone. */
export interface Paint {
  readonly isPlain: boolean;
  dim(text: string): string;
  bold(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
}

/** Gives the paint for a stream: colours on a terminal unless NO_COLOR is set or TERM is dumb. */
export function paintFor(stream: { readonly isTTY?: boolean }): Paint {
  const isPlain = stream.isTTY !== true || (process.env.NO_COLOR ?? "") !== "" || process.env.TERM === "dumb";
  const wrap = (open: number, close: number) => (text: string) =>
    isPlain || text === "" ? text : `\x1b[${open}m${text}\x1b[${close}m`;
  return { isPlain, dim: wrap(2, 22), bold: wrap(1, 22), good: wrap(32, 39), warn: wrap(33, 39), bad: wrap(31, 39) };
}

/** Gives the branch lines before each path of a tree whose paths come parents first. */
export function branches(paths: readonly string[]): readonly string[] {
  const lastChild = new Map<string, string>();
  for (const path of paths) lastChild.set(parentOf(path), path);
  const isLast = (path: string) => lastChild.get(parentOf(path)) === path;
  return paths.map((path) => {
    if (parentOf(path) === "") return "";
    let line = isLast(path) ? "└─ " : "├─ ";
    for (let above = parentOf(path); parentOf(above) !== ""; above = parentOf(above))
      line = (isLast(above) ? "   " : "│  ") + line;
    return line;
  });
}

/** Takes out what would move the cursor or ring the bell; colours of the text itself stay when `keepsColours`. */
export function harmless(text: string, keepsColours: boolean): string {
  const controls =
    /\x1b\[[0-9;:]*m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
  return text.replace(controls, (found) => (keepsColours && /^\x1b\[[0-9;:]*m$/.test(found) ? found : ""));
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
