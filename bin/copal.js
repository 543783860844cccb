#!/usr/bin/env node
const [command, ...words] = process.argv.slice(2);

// `run` stands where a short command stood: it does not load the command line's library for its own few words.
if (command === "run") await (await import("../dist/cli/run.js")).run(words);
else await (await import("../dist/cli/main.js")).main(process.argv.slice(2));
