import { readFileSync } from "node:fs";
import t from "tap";
import { configJsonSchema, jsonSchemaFile } from "#src/app/json-schema.js";

t.test("the published JSON Schema is the one that the schema makes", async (t) => {
  const published = JSON.parse(readFileSync(jsonSchemaFile, "utf8"));
  t.same(published, JSON.parse(JSON.stringify(configJsonSchema())));
});
