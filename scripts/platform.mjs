// Says at once, and in one sentence, where Copal does not run. Imported before anything that would fail with a stack trace there.
const [major, minor] = process.versions.node.split(".").map(Number);
const problem =
  process.platform !== "linux"
    ? `runs on Linux only, this is ${process.platform}`
    : major < 20 || (major === 20 && minor < 4)
      ? `needs Node.js 20.4 or later, this is ${process.versions.node}`
      : undefined;
if (problem) {
  process.stderr.write(`copal: Copal ${problem}\n`);
  process.exit(1);
}
