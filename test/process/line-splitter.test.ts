import fc from "fast-check";
import t from "tap";
import { LineSplitter } from "#src/process/line-splitter.js";

function split(chunks: readonly Buffer[], maxBytes?: number): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line), maxBytes);
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

const texts = (...chunks: string[]) => chunks.map((chunk) => Buffer.from(chunk));

for (const [what, chunks, lines] of [
  ["nothing", [], []],
  ["lines in one chunk", ["a\nb\n"], ["a", "b"]],
  ["a line over three chunks", ["a", "b", "c\n"], ["abc"]],
  ["a last line without an end", ["a\nb"], ["a", "b"]],
  ["empty lines", ["\n\na\n"], ["", "", "a"]],
  ["an end cut in two", ["a\r", "\nb"], ["a", "b"]],
  ["a carriage return inside a line", ["a\rb\n"], ["a\rb"]],
] as const) {
  t.test(`${what}: gives its lines`, async (t) => {
    t.strictSame(split(texts(...chunks)), lines);
  });
}

t.test("a character cut in two comes out whole", async (t) => {
  const bytes = Buffer.from("grün\n");
  t.strictSame(split([bytes.subarray(0, 3), bytes.subarray(3)]), ["grün"]);
});

t.test("a line longer than the limit comes in pieces, and nothing of it is lost", async (t) => {
  t.strictSame(split(texts("abcdefg", "hij\nk\n"), 4), ["abcd", "efgh", "ij", "k"]);
});

t.test("any cut of any text gives the same lines", async () => {
  const text = fc.stringMatching(/^[ab\n]{0,40}$/);
  fc.assert(
    fc.property(text, fc.array(fc.nat(40), { maxLength: 4 }), (whole, cuts) => {
      const bytes = Buffer.from(whole);
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
      return JSON.stringify(split(chunks)) === JSON.stringify(split([bytes]));
    }),
  );
});
