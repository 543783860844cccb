// How do I call a program in another language as if it were an actor?
//
//   npx jiti examples/any-language/ask.ts
//
// prints: "Rome is at 41.9, 12.5", then "near the equator: Quito", then "404: there is no Atlantis, but Quito, Rome, Tokyo"
import { fileURLToPath } from "node:url";
import { isCopalError, type Program, start } from "copal";

// What geo.py answers. A call gives a promise of it, and the compiler knows its type.
interface Geo {
  lookup(place: string): { place: string; lat: number; lon: number };
  nearest(at: { lat: number; lon: number }): string;
}

const tree = await start(
  { supervisor: "world", children: [{ process: "geo", command: ["python3", "geo.py"], stdout: { as: "rpc" } }] },
  { folder: fileURLToPath(new URL(".", import.meta.url)) },
);

const geo = tree.whereis<Program<Geo>>("geo");
if (geo === undefined) throw new Error("the program is not there");

const { place, lat, lon } = await geo.call.lookup("Rome");
console.log(`${place} is at ${lat}, ${lon}`);

// A single object is parameters by name: nearest(lat=…, lon=…).
console.log(`near the equator: ${await geo.call.nearest({ lat: 0, lon: -70 })}`);

// An error of the program's is an error here, with its code, message and data.
await geo.call.lookup("Atlantis").catch((error: unknown) => {
  if (!isCopalError(error, "ERR_PROGRAM")) throw error;
  const { known } = error.data as { known: string[] };
  console.log(`${error.programCode}: ${error.message}, but ${known.join(", ")}`);
});

await tree.stop();
