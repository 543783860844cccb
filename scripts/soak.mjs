// `npm run soak -- [--minutes N] [--every MS] [--json]`: the set-up, then the soak in this same process.
import { setup } from "./setup.mjs";

await setup({ tests: true });
await import("../build/test/soak/main.js");
