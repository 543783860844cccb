/**
 * Cuts a stream of text into lines of JSON. It knows no meaning of them, and nothing of where the text comes from.
 */

/** One JSON object of a line. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Longest line in characters; a longer one is refused. */
const longestLine = 8_388_608;

/** Puts lines together from pieces of text, cut anywhere, and gives each as the object it says. */
export class JsonLines {
  #partial = "";

  /**
   * Takes the next piece and yields the objects of the lines it completes; empty lines are nothing.
   *
   * @throws {SyntaxError} for a line that is no JSON object, or longer than 8,388,608 characters; the stream cannot be read on after that.
   */
  *push(text: string): Generator<JsonObject> {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    if (this.#partial.length > longestLine) throw new SyntaxError(`a line is longer than ${longestLine} characters`);
    for (const line of lines) if (line.trim() !== "") yield jsonObject(line);
  }

  /** Gives what came after the last newline, and forgets it. */
  rest(): string {
    const rest = this.#partial;
    this.#partial = "";
    return rest;
  }
}

/** Reads one line. @throws {SyntaxError} if it is no JSON object. */
export function jsonObject(line: string): JsonObject {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new SyntaxError(`got ${line.slice(0, 40)}, allowed is a JSON object`);
  return value as JsonObject;
}
