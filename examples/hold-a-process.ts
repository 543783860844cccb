// How do I hold an operating-system process, with everything it starts?
//
//   npx jiti examples/hold-a-process.ts
//
// prints: "it runs, as 4 processes", then "it ended: true", then "its whole tree is gone: true"
import { existsSync } from "node:fs";
import { type ProcessActor, start } from "copal";

// A shell that starts two programs in the background and would leave them behind.
const command = "sleep 1000 & setsid sleep 1000 & cat; exit 0";

const tree = await start({
  supervisor: "app",
  children: [{ process: "shell", command, restart: "temporary", stop: { grace: "1s" } }],
});

const shell = tree.whereis<ProcessActor>("shell");
if (shell === undefined) throw new Error("the shell is not there");

const { osPid } = await shell.call.status();
while ((await shell.call.stats()).processes < 4) await new Promise((resolve) => setTimeout(resolve, 5));
console.log(`it runs, as ${(await shell.call.stats()).processes} processes`);

// Closing its standard input ends `cat` and so the shell. The two sleepers are stopped with it before anybody is told.
shell.cast.closeStdin();
while (tree.whereis("shell") !== undefined) await new Promise((resolve) => setTimeout(resolve, 5));
console.log(`it ended: ${tree.whereis("shell") === undefined}`);
console.log(`its whole tree is gone: ${!existsSync(`/proc/${osPid}`)}`);

await tree.stop();
