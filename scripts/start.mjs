// `npm start`: the set-up, then `copal up` in this same process, so that a signal to npm's child is a signal to Copal.
import { setup } from "./setup.mjs";

await setup();
// A later -c, from `npm start -- -c FILE`, wins.
process.argv.splice(2, 0, "up", "-c", new URL("../examples/shop/copal.yaml", import.meta.url).pathname);
await import("../bin/copal.js");
