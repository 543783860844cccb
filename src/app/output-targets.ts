/**
 * To whom a process's output goes as messages, read out of its checked fields. It knows no schema, so that it can be had without one.
 */
import type { CheckedTarget } from "./output-fields.js";
import type { CheckedFields } from "./schema.js";

/** Where in a process's map one target stands, and the target. */
export interface PlacedTarget {
  readonly stream: "stdout" | "stderr";
  readonly at: readonly (string | number)[];
  readonly target: CheckedTarget;
}

/** Lists the targets of both streams; a method that is written behind its actor stands in `method`, unless something else does. */
export function targetsOf(fields: CheckedFields<"process">): readonly PlacedTarget[] {
  return (["stdout", "stderr"] as const).flatMap((stream): PlacedTarget[] => {
    const field = fields[stream];
    if (Array.isArray(field))
      return field.map((target, index) => ({ stream, at: [stream, index], target: withMethod(target) }));
    return isTarget(field) ? [{ stream, at: [stream], target: withMethod(field) }] : [];
  });
}

/** Reads `stats.line` as the method `line` of `stats`. No id ends like that: what stands behind the dot of an instance is a number. */
function withMethod(target: CheckedTarget): CheckedTarget {
  const { to, method } = target;
  const [, actor, named] = (typeof to === "string" && /^(.+)\.([A-Za-z$][\w$]*)$/.exec(to)) || [];
  return actor === undefined || method !== undefined ? target : { ...target, to: actor, method: named };
}

/** Whether a stream's field is one target, and neither a word nor a file. */
function isTarget(field: CheckedFields<"process">["stdout"]): field is CheckedTarget {
  return typeof field === "object" && field !== null && !Array.isArray(field) && !("file" in field);
}

/** The target by which the program itself is spoken with, if there is one. */
export function rpcTargetOf(fields: CheckedFields<"process">): PlacedTarget | undefined {
  return targetsOf(fields).find(({ target }) => target.as === "rpc");
}
