import { join } from "node:path";
import t from "tap";
import { computeModule, loadedFrom } from "#src/compute/compute-module.js";

class Loaded {}
class Extends extends Loaded {}
class Other {}
loadedFrom(Loaded, "/app/actors");

const cwd = process.cwd();
const spellings: [written: string | URL, type: object, module: string, exportName: string][] = [
  ["./f.ts#primes", Loaded, "/app/actors/f.ts", "primes"],
  ["../f.ts", Extends, "/app/f.ts", "default"],
  ["./f.ts", Other, join(cwd, "f.ts"), "default"],
  ["/x/a#b.js#f", Loaded, "/x/a#b.js", "f"],
  ["file:///x/f%20g.js#f", Loaded, "/x/f g.js", "f"],
  [new URL("file:///x/f.js?v=1#für"), Loaded, "/x/f.js", "für"],
  ["some-package/part#f", Loaded, "some-package/part", "f"],
  ["node:zlib#gzipSync", Loaded, "node:zlib", "gzipSync"],
];
for (const [written, type, module, exportName] of spellings) {
  t.test(`${written} is ${exportName} of ${module.replace(cwd, ".")}`, async (t) => {
    t.match(computeModule(written, type), { module, exportName });
  });
}

t.test(
  "packages are looked for from where the actor's class was loaded, else from the working directory",
  async (t) => {
    t.equal(computeModule("some-package", Extends).folder, "/app/actors");
    t.equal(computeModule("some-package", Other).folder, cwd);
  },
);

t.test("what names no module or no export is refused", async (t) => {
  for (const written of ["", "#f", "./f.js#"]) t.throws(() => computeModule(written, Other), TypeError);
});
