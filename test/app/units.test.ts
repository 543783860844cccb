import t from "tap";
import { formatAge, formatBytes, formatDuration, parseDurationMs, parseSizeBytes } from "#src/app/units.js";

t.test("a duration is a number with a unit, or milliseconds", async (t) => {
  const readings: [string | number, number][] = [
    ["200ms", 200],
    ["5s", 5_000],
    ["1m", 60_000],
    ["2h", 7_200_000],
    ["1.5s", 1_500],
    [250, 250],
    ["250", 250],
    [0, 0],
  ];
  for (const [text, durationMs] of readings) t.equal(parseDurationMs(text), durationMs, String(text));
});

t.test("what is no duration is refused, never guessed", async (t) => {
  for (const text of [
    "",
    "5 s",
    "5S",
    "-1s",
    "1d",
    "1m30s",
    ".5s",
    "1e3",
    "infinity",
    "25h0",
    Number.NaN,
    -1,
    "577h",
  ]) {
    t.equal(parseDurationMs(text), undefined, String(text));
  }
});

t.test("a size is a number with K, M or G, or bytes", async (t) => {
  t.equal(parseSizeBytes("64K"), 65_536);
  t.equal(parseSizeBytes("256M"), 268_435_456);
  t.equal(parseSizeBytes("1G"), 1_073_741_824);
  t.equal(parseSizeBytes(512), 512);
  for (const text of ["1k", "1T", "1KB", "G"]) t.equal(parseSizeBytes(text), undefined, text);
});

t.test("durations, ages and sizes are short for people", async (t) => {
  t.equal(formatDuration(5_000), "5s");
  t.equal(formatDuration(1_500), "1500ms");
  t.equal(formatDuration(0), "0ms");
  t.equal(formatDuration(7_200_000), "2h");
  t.equal(formatAge(850), "850ms");
  t.equal(formatAge(185_000), "3m05s");
  t.equal(formatAge(97_200_000), "1d03h");
  t.equal(formatBytes(512), "512");
  t.equal(formatBytes(13_107_200), "12.5M");
});
