/**
 * The arguments of Node's own that a worker thread inherits. Those that say how the main program's text came (`-e`, `-p`, `--input-type`) are not for it: its
 * program is a file.
 */

const withText: ReadonlySet<string> = new Set(["-e", "--eval", "-p", "--print", "-pe", "--input-type"]);

/** Gives what of `execArgv` a worker may have. */
export function inheritedArguments(execArgv: readonly string[] = process.execArgv): string[] {
  const kept: string[] = [];
  for (let i = 0; i < execArgv.length; i++) {
    const argument = execArgv[i] as string;
    const [name = ""] = argument.split("=");
    if (!withText.has(name)) kept.push(argument);
    else if (name === argument) i++;
  }
  return kept;
}
