// `npm run bench -- NAME [--json]`: the set-up, then the benchmark in this same process.
import { setup } from "./setup.mjs";

await setup({ tests: true });
await import("../build/bench/main.js");
