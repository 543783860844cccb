// `npm run otp:random -- [--seed N] [--runs N] [--replay SEED:PATH] [--json]`: the set-up, then the comparison in this same process.
import { setup } from "./setup.mjs";

await setup({ tests: true });
await import("../build/test/otp/random/main.js");
