/**
 * The `copal` command: its words, options and exit codes. It parses and hands over; each command's work is imported only
 * when it is asked for, since most of them are over before a config reader would be loaded.
 */

import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { nearest } from "../app/config-problem.js";
import { fail, UsageError } from "./fail.js";
import { runUsage } from "./run-words.js";

/** What every command that talks to a running app takes. */
export interface AppOptions {
  readonly socket?: string;
  readonly config?: string;
}

/** Copal's version, from its package. */
export function copalVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}

/**
 * Runs the command that `args` (without program names) say and sets the exit code: 0 done, 1 it failed, 2 wrong usage or config.
 *
 * Never rejects: whatever goes wrong is one sentence on stderr.
 */
export async function main(args: readonly string[]): Promise<void> {
  // The streams are the command's there, and looking at them would make them nonblocking for it.
  if (args[0] !== "run") watchOutput(args[0]);
  try {
    await program().parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    fail(error instanceof CommanderError ? new UsageError(usageSentence(error), { cause: error }) : error);
  }
}

/** A reader that has gone away, such as `head`, is no failure of ours; `up` has its own rule. */
function watchOutput(command: string | undefined): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" && command !== "up") process.exit(0);
  });
  process.stderr.on("error", () => {});
}

function program(): Command {
  const copal = new Command("copal");
  copal
    .description("Supervision trees of actors and operating-system processes.")
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .enablePositionalOptions()
    .helpCommand("help [command]", "says how a command is used")
    .option("-V, --version", "says the version")
    .argument("[command]")
    .usage("[options] COMMAND")
    .action((name: string | undefined, options: { version?: true }) => {
      if (name !== undefined) throw unknownCommand(copal, name);
      if (options.version) process.stdout.write(`copal ${copalVersion()}\n`);
      else copal.outputHelp();
    });
  ownCommands(copal);
  appCommands(copal);
  notYetCommands(copal);
  return copal;
}

function ownCommands(copal: Command): void {
  add(copal, "up", "starts the tree and runs it in the foreground until Ctrl-C")
    .option("-c, --config <file>", "the config (default: found upwards)")
    .option("--socket <path>", "where the control socket stands")
    .option("--detach", "not supported yet")
    .option("--observe <port>", "not supported yet")
    .action(async (options: AppOptions & { detach?: boolean; observe?: string }) => {
      if (options.detach !== undefined) throw new UsageError("`--detach` is not supported yet");
      if (options.observe !== undefined) throw new UsageError("`--observe` is not supported yet");
      await (await import("./up.js")).up(options, copalVersion());
    });
  add(copal, "check", "checks the config without starting anything")
    .option("-c, --config <file>", "the config (default: found upwards)")
    .option("--json", "as JSON")
    .action(async (options: AppOptions & { json?: boolean }) => (await import("./check.js")).check(options));
  // Its words are its own to read: what stands behind the first that is no option belongs to the command it runs.
  add(copal, "run", "runs one command contained and ends as it does; nothing of it is left behind")
    .argument("[words...]")
    .allowUnknownOption()
    .helpOption(false)
    .passThroughOptions()
    .configureHelp({ formatHelp: () => runUsage })
    .action(async (words: string[]) => (await import("./run.js")).run(words));
  add(copal, "sidecar", "speaks a sidecar's protocol by hand: commands as JSON lines, events as JSON lines")
    .option("--record <file>", "writes every frame with its direction and time")
    .option("--replay <file>", "sends a record's commands again and says where the events differ")
    .action(async (options: { record?: string; replay?: string }) => (await import("./sidecar.js")).sidecar(options));
  add(copal, "version", "says the version")
    .option("--json", "as JSON")
    .action((options: { json?: boolean }) => {
      const version = copalVersion();
      process.stdout.write(
        options.json ? `${JSON.stringify({ copal: version, node: process.version })}\n` : `copal ${version}\n`,
      );
    });
}

function appCommands(copal: Command): void {
  app(copal, "ps", "lists the tree: states, restarts, memory")
    .option("--json", "as JSON")
    .action(async (options: AppOptions & { json?: boolean }) => (await import("./ps.js")).ps(options));
  app(copal, "tree", "draws the tree")
    .option("--json", "as JSON")
    .action(async (options: AppOptions & { json?: boolean }) => (await import("./ps.js")).tree(options));
  app(copal, "logs", "shows the last output of all children, or of those named")
    .argument("[id...]")
    .option("-f, --follow", "goes on with what comes")
    .option("-n, --lines <count>", "how many lines", "100")
    .option("--json", "as JSON, an object on each line")
    .action(async (ids: string[], options: AppOptions & { follow?: boolean; lines: string; json?: boolean }) =>
      (await import("./logs.js")).logs(ids, options),
    );
  for (const [name, text] of [
    ["start", "starts a stopped child"],
    ["stop", "stops a child in order; it stays stopped"],
    ["restart", "stops a child in order and starts it again"],
  ] as const) {
    app(copal, name, text)
      .argument("<id>")
      .action(async (id: string, options: AppOptions) => (await import("./ask.js")).changeChild(name, id, options));
  }
  app(copal, "signal", "sends a signal to a process")
    .argument("<id>")
    .argument("<signal>")
    .action(async (id: string, signal: string, options: AppOptions) =>
      (await import("./ask.js")).signal(id, signal, options),
    );
  app(copal, "send", "writes a text and a newline to a process's standard input")
    .argument("<id>")
    .argument("<text>")
    .option("-n, --no-newline", "without the newline")
    .action(async (id: string, text: string, options: AppOptions & { newline: boolean }) =>
      (await import("./ask.js")).send(id, text, options),
    );
  app(copal, "call", "calls a method of an actor and prints its answer as JSON")
    .argument("<id>")
    .argument("<method>")
    .argument("[args...]", "each is JSON, or a text where it is not JSON")
    .action(async (id: string, method: string, args: string[], options: AppOptions) =>
      (await import("./ask.js")).call(id, method, args, options),
    );
  app(copal, "inspect", "shows an actor, a process or a supervisor from within: what it does, its links, its state")
    .argument("<id>")
    .option("--json", "as JSON")
    .action(async (id: string, options: AppOptions & { json?: boolean }) =>
      (await import("./inspect.js")).inspect(id, options),
    );
  app(copal, "attach", "joins this terminal with a running process; Ctrl-P Ctrl-Q detaches")
    .argument("<id>")
    .option("-n, --lines <count>", "how many of its last lines come first", "10")
    .action(async (id: string, options: AppOptions & { lines: string }) =>
      (await import("./attach.js")).attach(id, options),
    );
  app(copal, "down", "stops the app in order and waits for its end").action(async (options: AppOptions) =>
    (await import("./ask.js")).down(options),
  );
}

function notYetCommands(copal: Command): void {
  for (const name of ["reload", "top", "init", "import", "export", "doctor"]) {
    add(copal, name, "not supported yet", { hidden: true })
      .argument("[words...]")
      .allowUnknownOption()
      .helpOption(false)
      .passThroughOptions()
      .action(() => {
        throw new UsageError(`\`copal ${name}\` is not supported yet`);
      });
  }
}

function add(copal: Command, name: string, text: string, options: { readonly hidden?: boolean } = {}): Command {
  return copal.command(name, options).description(text).allowExcessArguments(false);
}

function app(copal: Command, name: string, text: string): Command {
  return add(copal, name, text)
    .option("-c, --config <file>", "the app's config (default: found upwards)")
    .option("--socket <path>", "the app's control socket");
}

function unknownCommand(copal: Command, name: string): UsageError {
  const near = nearest(
    name,
    copal.commands.map((command) => command.name()),
  );
  const hint = near === undefined ? "" : `, did you mean \`${near}\`?`;
  return new UsageError(`there is no command \`${name}\`${hint}; \`copal help\` lists the commands`);
}

function usageSentence(error: CommanderError): string {
  const sentence = error.message
    .replace(/^error: /, "")
    .split("\n")
    .join(" ")
    .trim();
  return `${sentence}; \`copal help\` lists the commands`;
}
