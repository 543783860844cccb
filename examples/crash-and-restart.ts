// What happens when a child crashes, and when it never stops crashing?
//
//   npx jiti examples/crash-and-restart.ts
//
// prints: "app/shaky was restarted 2 times, its last exit: 3", then "app ended: shutdown"
import { start } from "copal";

const tree = await start({
  supervisor: "app",
  // The third restart within ten seconds is one too many: the supervisor stops its children and ends itself.
  intensity: { max: 2, within: "10s" },
  children: [{ process: "shaky", command: "exit 3" }],
});

// Settles when the root has ended, whyever. Above a root there is nobody to restart it; `copal up` would exit with 1.
const { reason, exhaustion } = await tree.ended;

const exit = exhaustion?.lastExit.reason;
const code = typeof exit === "object" && "exit" in exit ? exit.exit : exit;
console.log(`${exhaustion?.child} was restarted ${exhaustion?.restarts} times, its last exit: ${code}`);
console.log(`app ended: ${reason}`);
