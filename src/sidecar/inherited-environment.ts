/**
 * The environment that a process inherits from Node, as the block `execve(2)` takes. Read anew at every start, since programs change it, and made
 * anew only when it has changed. Knows no other environment.
 */

import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

/** The block, each `NAME=value` ended by NUL; `undefined` while it is what was given last. */
type Changed = () => Buffer | undefined;

const built = fileURLToPath(new URL("../../native/resin/target/release/libenviron.so", import.meta.url));
let changed: Changed | undefined;
let block: Buffer = Buffer.alloc(0);

/** Gives the environment of this thread as it is now. */
export function inheritedEnvironment(): Buffer {
  changed ??= loaded() ?? throughProcessEnv();
  block = changed() ?? block;
  return block;
}

let named: { readonly block: Buffer; readonly variables: Readonly<Record<string, string>> } | undefined;

/** Gives it by names: the same object as long as it is the same, since to read it takes longer than all else that a start costs. */
export function inheritedVariables(): Readonly<Record<string, string>> {
  const block = inheritedEnvironment();
  if (named?.block !== block)
    named = { block, variables: Object.freeze({ ...(process.env as Record<string, string>) }) };
  return named.variables;
}

/**
 * Loads the native reader. The main thread's `process.env` is the C library's `environ`; a worker has a copy of its own, in JavaScript. Where the
 * reader was not built there is a slower way to the same bytes, as long as they are UTF-8.
 */
function loaded(): Changed | undefined {
  if (!isMainThread) return undefined;
  try {
    const module = { exports: {} };
    process.dlopen(module, built);
    return module.exports as Changed;
  } catch {
    return undefined;
  }
}

/** Reads a variable at a time, each by a call out of JavaScript: tens of microseconds, more than everything else a start costs Node. */
function throughProcessEnv(): Changed {
  let names: string[] = [];
  let values: (string | undefined)[] = [];
  return () => {
    const { env } = process;
    const namesNow = Object.keys(env);
    let isSame = namesNow.length === names.length;
    for (let i = 0; isSame && i < names.length; i++) {
      const name = namesNow[i] as string;
      isSame = name === names[i] && env[name] === values[i];
    }
    if (isSame) return undefined;
    names = namesNow;
    values = names.map((name) => env[name]);
    return Buffer.from(names.map((name, i) => `${name}=${values[i]}\0`).join(""));
  };
}
