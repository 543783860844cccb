/**
 * The fields that say where a node lives and what its thread may use: their schema.
 * It knows sizes and sentences; what they stand for is `thread-limits.ts`.
 */
import { parseSizeBytes, sizePattern } from "./units.js";
import { z } from "./zod.js";

const bytesPerMb = 1_024 * 1_024;

/** A size between two bounds, in megabytes; what falls outside is refused with `allowed`. */
function sizeMb(allowed: string, leastMb: number, mostMb: number) {
  return z
    .union([z.number(allowed), z.string(allowed).regex(sizePattern, allowed)], allowed)
    .transform((value, context): number => {
      const mb = (parseSizeBytes(value) ?? 0) / bytesPerMb;
      if (mb >= leastMb && mb <= mostMb) return mb;
      context.addIssue({ code: "custom", message: allowed });
      return z.NEVER;
    });
}

const mostMb = 1_024 * 1_024;
const heapAllowed = "a size from 16M, such as 64M or 1G, or a map of `old` and `young`";
/** Memory for JavaScript objects, in megabytes. */
export const heapSizeField = sizeMb("a size from 16M, such as 64M or 1G", 16, mostMb);
const youngField = sizeMb("a size from 1M, such as 8M", 1, mostMb);
const stackField = sizeMb("a size from 1M to 1G, such as 16M", 1, 1_024);
const heapField = z.union(
  [
    sizeMb(heapAllowed, 16, mostMb),
    z.strictObject({ old: heapSizeField.optional(), young: youngField.optional() }, heapAllowed),
  ],
  heapAllowed,
);

/** What the thread of one node may use. */
export const limitFields = { heap: heapField.optional(), stack: stackField.optional() };

/** Where a node lives; where its supervisor does unless given. */
export const threadField = z.enum(["main", "pool", "own"], "main, pool, own").optional();

const poolSizeAllowed = "a whole number from 1 to 64";

/** The shared threads of a tree. */
export const poolField = z
  .strictObject(
    {
      size: z.number(poolSizeAllowed).int(poolSizeAllowed).min(1, poolSizeAllowed).max(64, poolSizeAllowed).optional(),
      ...limitFields,
    },
    "a map of `size`, `heap` and `stack`",
  )
  .optional();
