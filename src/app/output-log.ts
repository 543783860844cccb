/**
 * Keeps the last output of every child in memory, line by line, and lets others follow it.
 * It is bounded per child and counts what it had to forget; it knows children by their path alone, and no file.
 */

import { StringDecoder } from "node:string_decoder";

/** One line of a child's output. */
export interface LogLine {
  /** Milliseconds since 1970, when the end of the line arrived. */
  readonly atMs: number;
  /** The child's path in the tree. */
  readonly path: string;
  readonly stream: "stdout" | "stderr";
  readonly line: string;
}

/** Sees output as it comes, chunk by chunk; the bytes are not its to keep. */
export type OutputWatcher = (path: string, stream: "stdout" | "stderr", bytes: Buffer) => void;

/** Bytes that are kept for each child. */
export const logBytesPerChild = 1_048_576;

/** A line longer than this is cut into several. */
export const longestLineBytes = 65_536;

/** What a line costs besides its text: the object, its time and its place in the list. */
const lineOverheadBytes = 64;

/** The output of all children: bounded, in memory. */
export class OutputLog {
  readonly #children = new Map<string, ChildLog>();
  readonly #followers = new Set<(line: LogLine) => void>();
  readonly #watchers: OutputWatcher[] = [];
  readonly #bytesPerChild: number;
  readonly #nowMs: () => number;

  constructor(options: { readonly bytesPerChild?: number; readonly nowMs?: () => number } = {}) {
    this.#bytesPerChild = options.bytesPerChild ?? logBytesPerChild;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /** Adds a chunk of a child's output; what is not ended by a newline waits for the rest of its line. Never throws. */
  append(path: string, stream: "stdout" | "stderr", bytes: Buffer): void {
    this.#child(path).append(stream, bytes);
    for (const watcher of this.#watchers) watcher(path, stream, bytes);
  }

  /** Ends the last lines of a child that has ended without a newline. */
  flush(path: string): void {
    this.#children.get(path)?.flush();
  }

  /** Gives the last `count` lines of the given children together, oldest first. */
  last(paths: ReadonlySet<string>, count: number): readonly LogLine[] {
    const logs = [...this.#children.entries()].filter(([path]) => paths.has(path)).map(([, log]) => log);
    const lines = logs.flatMap((log) => log.last(count));
    // Lines of one child are in order already, and the sort is stable.
    if (logs.length > 1) lines.sort((a, b) => a.atMs - b.atMs);
    return count >= lines.length ? lines : lines.slice(lines.length - count);
  }

  /** How many lines of a child were forgotten because they no longer fit. */
  dropped(path: string): number {
    return this.#children.get(path)?.droppedLines ?? 0;
  }

  /** Calls `follower` with every line from now on, of every child; the result ends it. `follower` must not throw. */
  follow(follower: (line: LogLine) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Calls `watcher` with all output from now on. `watcher` must not throw. */
  watch(watcher: OutputWatcher): void {
    this.#watchers.push(watcher);
  }

  /** What stands behind the last newline of each of a child's streams, where there is anything: a prompt, mostly. */
  unfinished(path: string): { readonly stream: "stdout" | "stderr"; readonly text: string }[] {
    return this.#children.get(path)?.unfinished() ?? [];
  }

  #child(path: string): ChildLog {
    let log = this.#children.get(path);
    if (log === undefined) {
      log = new ChildLog(this.#bytesPerChild, (stream, text) => {
        const line = { atMs: this.#nowMs(), path, stream, line: text };
        for (const follower of this.#followers) follower(line);
        return line;
      });
      this.#children.set(path, log);
    }
    return log;
  }
}

/** The lines of one child, a list whose head is forgotten when it grows beyond its bytes. */
class ChildLog {
  readonly #limitBytes: number;
  readonly #make: (stream: "stdout" | "stderr", text: string) => LogLine;
  readonly #streams = { stdout: new LineCutter(), stderr: new LineCutter() };
  #lines: LogLine[] = [];
  #head = 0;
  #bytes = 0;
  droppedLines = 0;

  constructor(limitBytes: number, make: (stream: "stdout" | "stderr", text: string) => LogLine) {
    this.#limitBytes = limitBytes;
    this.#make = make;
  }

  append(stream: "stdout" | "stderr", bytes: Buffer): void {
    for (const text of this.#streams[stream].push(bytes)) this.#add(stream, text);
  }

  flush(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = this.#streams[stream].end();
      if (rest !== "") this.#add(stream, rest);
    }
  }

  last(count: number): LogLine[] {
    return this.#lines.slice(Math.max(this.#head, this.#lines.length - count));
  }

  unfinished(): { readonly stream: "stdout" | "stderr"; readonly text: string }[] {
    return (["stdout", "stderr"] as const)
      .map((stream) => ({ stream, text: this.#streams[stream].partial }))
      .filter(({ text }) => text !== "");
  }

  #add(stream: "stdout" | "stderr", text: string): void {
    this.#lines.push(this.#make(stream, text));
    this.#bytes += cost(text);
    while (this.#bytes > this.#limitBytes && this.#head < this.#lines.length) {
      this.#bytes -= cost(this.#lines[this.#head]?.line ?? "");
      this.#head++;
      this.droppedLines++;
    }
    // The forgotten head is cut off once it is half of the list, so that a line costs constant time on average.
    if (this.#head > 1_024 && this.#head * 2 > this.#lines.length) {
      this.#lines = this.#lines.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** Cuts a stream of bytes into lines of text; a line that grows too long is cut where it stands. */
class LineCutter {
  readonly #decoder = new StringDecoder("utf8");
  #partial: string[] = [];
  #partialLength = 0;

  /** What has come of the line that is not ended; a character of several bytes that is not whole yet is left out. */
  get partial(): string {
    return this.#partial.join("");
  }

  *push(bytes: Buffer): Generator<string> {
    const text = this.#decoder.write(bytes);
    let from = 0;
    for (;;) {
      const newline = text.indexOf("\n", from);
      const to = newline < 0 ? text.length : newline;
      for (; to - from + this.#partialLength > longestLineBytes; ) {
        const cut = from + longestLineBytes - this.#partialLength;
        yield this.#take(text.slice(from, cut));
        from = cut;
      }
      if (newline < 0) {
        if (from < to) {
          this.#partial.push(text.slice(from, to));
          this.#partialLength += to - from;
        }
        return;
      }
      yield this.#take(text.slice(from, newline));
      from = newline + 1;
    }
  }

  end(): string {
    return this.#take(this.#decoder.end());
  }

  #take(last: string): string {
    const whole = this.#partialLength === 0 ? last : this.#partial.join("") + last;
    this.#partial = [];
    this.#partialLength = 0;
    return whole.endsWith("\r") ? whole.slice(0, -1) : whole;
  }
}

function cost(text: string): number {
  return text.length + lineOverheadBytes;
}
