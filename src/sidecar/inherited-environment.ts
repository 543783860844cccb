/**
 * The environment that a process inherits from Node, as the block `execve(2)` takes. Read anew at every start, since programs change it, and made
 * anew only when it has changed. Knows no other environment.
 */
import { isMainThread } from "node:worker_threads";
import { addon } from "./addon.js";

/** The block, each `NAME=value` ended by NUL; `undefined` while it is what was given last. */
type Changed = () => Buffer | undefined;

let changed: Changed | undefined;
let block: Buffer = Buffer.alloc(0);

/** Gives the environment of this thread as it is now. */
export function inheritedEnvironment(): Buffer {
  changed ??= (isMainThread ? addon?.changedEnvironment : undefined) ?? throughProcessEnv();
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

/** For a worker, whose `process.env` is a copy in JavaScript, and where there is no native reader. Reads a variable at a time, each by a call out of JavaScript: tens of microseconds, more than everything else a start costs Node. */
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
