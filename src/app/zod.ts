/**
 * zod, loaded as CommonJS: that reads its hundred files one after the other and closes each. An `import` opens many of them at once, and those that a worker
 * thread had asked for when it was ended are never closed. Whoever needs its types alone imports those from zod itself.
 */
import { createRequire } from "node:module";
import type * as Zod from "zod";

/** What `import { z } from "zod"` gives. */
export const { z } = createRequire(import.meta.url)("zod") as typeof Zod;
