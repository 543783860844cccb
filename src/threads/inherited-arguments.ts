/**
 * The arguments of Node's own that a worker thread inherits. Those that say how the main program's text came (`-e`, `-p`, `--input-type`) are not for it: its
 * program is a file.
 */

const withText: ReadonlySet<string> = new Set(["-e", "--eval", "-p", "--print", "-pe", "--input-type"]);

/** What says how modules are loaded, each with a value or without. */
const withValue: ReadonlySet<string> = new Set([
  "--import",
  "-r",
  "--require",
  "--experimental-loader",
  "--loader",
  "-C",
  "--conditions",
]);
const alone = /^--(no-warnings|enable-source-maps|preserve-symlinks|experimental-(strip|transform)-types)$/;

/**
 * Gives what of `execArgv` a worker is to have, or undefined for all of it.
 *
 * A list that is given may not have what counts for the whole process, such as a heap's size, and nobody knows all of that by name; so where there is text to
 * be left out, only what says how modules are loaded is kept.
 */
export function inheritedArguments(execArgv: readonly string[] = process.execArgv): string[] | undefined {
  if (!execArgv.some((argument) => withText.has(nameOf(argument)))) return undefined;
  const kept: string[] = [];
  for (let i = 0; i < execArgv.length; i++) {
    const argument = execArgv[i] as string;
    const name = nameOf(argument);
    const hasNext = name === argument && (withValue.has(name) || withText.has(name));
    if (withValue.has(name)) kept.push(...execArgv.slice(i, hasNext ? i + 2 : i + 1));
    else if (alone.test(argument)) kept.push(argument);
    if (hasNext) i++;
  }
  return kept;
}

function nameOf(argument: string): string {
  return argument.split("=", 1)[0] as string;
}
