/**
 * Files of environment variables, `NAME=value` by line. Knows their spelling; does not know what is done with the variables.
 */
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { StartError } from "../errors.js";

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*?)\s*$/;
const quoted = /^(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?$/;
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/**
 * Reads a file of variables.
 *
 * Empty lines and those that begin with `#` say nothing; `export` in front is allowed. A value in single quotes is taken as it stands, one in double
 * quotes with `\n`, `\r`, `\t`, `\"` and `\\`; any other ends before ` #` and its spaces. Nothing is filled in.
 *
 * @throws {StartError} with stage `envFile`: the system's code if it cannot be read, `EINVAL` with the line if it cannot be understood.
 */
export function readEnvFile(file: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [index, line] of textOf(file).split("\n").entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const value = assignment.exec(line);
    const text = value?.[2] === undefined ? undefined : textAfterEquals(value[2]);
    if (value?.[1] === undefined || text === undefined || text.includes("\0")) {
      throw failed(file, "EINVAL", `line ${index + 1} is no NAME=value`);
    }
    variables[value[1]] = text;
  }
  return variables;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code = "EIO", message } = cause as NodeJS.ErrnoException;
    throw failed(file, code, message, cause);
  }
}

function textAfterEquals(text: string): string | undefined {
  if (!/^['"]/.test(text)) return text.replace(/(^|\s+)#.*$/, "");
  const [found, single, double = ""] = quoted.exec(text) ?? [];
  if (found === undefined) return undefined;
  return single ?? double.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
}

function failed(file: string, code: string, what: string, cause?: unknown) {
  const errno = (constants.errno as Readonly<Record<string, number>>)[code] ?? 0;
  const failure = { stage: "envFile", code, errno, message: `cannot read variables from ${file}: ${what}` };
  return new StartError(failure.message, { reason: { startFailed: failure }, failure }, { cause });
}
