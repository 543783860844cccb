// `npm run otp:conformance [-- --json]`: the set-up, then the comparison in this same process.
import { setup } from "./setup.mjs";

await setup({ tests: true });
await import("../build/test/otp/main.js");
