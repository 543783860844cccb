// Writes copal.schema.json, the JSON Schema of the config for editors, from the compiled schema.
import { writeFileSync } from "node:fs";
import { configJsonSchema, jsonSchemaFile } from "../dist/app/json-schema.js";

writeFileSync(new URL(`../${jsonSchemaFile}`, import.meta.url), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
