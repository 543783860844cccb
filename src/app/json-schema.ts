/**
 * The JSON Schema of the config, for editors: made from the same fields that the checker uses.
 * It describes what is allowed and knows nothing of the sentences for what is not.
 */

import type { z as Zod } from "zod";
import { moduleText, nodeFields } from "./schema.js";
import { z } from "./zod.js";

/** Where the published schema is found inside the package. */
export const jsonSchemaFile = "copal.schema.json";

/** Makes the JSON Schema (draft 2020-12) of a `copal.yaml` or `copal.config.json`; fields that are refused are not in it. */
export function configJsonSchema(): Record<string, unknown> {
  const { class: _classes, ...actorFields } = nodeFields.actor;
  const ref = (name: string) => ({ $ref: `#/$defs/${name}` });
  const supervisor = objectSchema(nodeFields.supervisor, ["supervisor", "children"]);
  const children = supervisor.properties as Record<string, Record<string, unknown>>;
  children.children = {
    description: "Started in this order, each when the one before it is up; stopped in reverse.",
    type: "array",
    items: { oneOf: [ref("supervisor"), ref("process"), ref("actor")] },
  };
  children.$schema = { type: "string" };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Copal supervision tree",
    ...ref("supervisor"),
    $defs: {
      supervisor,
      process: objectSchema(nodeFields.process, ["process", "command"]),
      actor: objectSchema({ ...actorFields, module: moduleText }, ["actor", "module"]),
    },
  };
}

function objectSchema(fields: Zod.ZodRawShape, required: readonly string[]): Record<string, unknown> {
  const { $schema: _dialect, ...made } = z.toJSONSchema(z.strictObject(fields), {
    io: "input",
    unrepresentable: "any",
  }) as Record<string, unknown>;
  return { ...made, required, patternProperties: { "^x-": {} } };
}
