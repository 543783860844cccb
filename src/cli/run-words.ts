/**
 * The words behind `copal run`, read without the command line's library: half of what a short command costs would be the loading of it. Knows
 * spelling only.
 */
import { parseDurationMs, parseSizeBytes } from "../app/units.js";
import type { ResourceLimits } from "../sidecar/resource-limits.js";
import type { StartOptions } from "../sidecar/start-options.js";
import { MAX_GRACE_MS } from "../sidecar/stop-plan.js";
import { UsageError } from "./fail.js";

/** What is to be run, and how. */
export interface RunWords {
  readonly command: readonly string[];
  readonly timeoutMs?: number;
  readonly graceMs?: number;
  readonly requireCgroup?: boolean;
  readonly contain?: Containment;
  readonly user?: string;
  /** What the whole tree may use. */
  readonly limits?: ResourceLimits;
  /** Whether the command gets a terminal of its own; where nothing is said, it does if the caller has one. */
  readonly pty?: boolean;
}

type Containment = NonNullable<StartOptions["contain"]>;

/** What `copal run --help` says. */
export const runUsage = `Usage: copal run [options] -- COMMAND [ARGUMENT...]

Runs one command contained and ends as it does; nothing of it is left behind.

Options:
  --timeout <duration>  stops it after this time; exit code 124
  --grace <duration>    the time from a stop signal to SIGKILL (default: 5s)
  --memory <size>       the memory of all its processes together, such as 64M; exit code 137 beyond it
  --cpu <number>        processors, such as 0.5
  --pids <number>       processes and threads together
  --contain <how>       what holds the tree: auto (default), cgroup, pidns or tree
  --require-cgroup      fails where no cgroup can hold the tree or a limit cannot be kept
  --user <name>         runs it as this user, with that user's groups (needs root)
  --pty, --no-pty       gives it a terminal of its own, or not (default: if stdin and stdout are one)
  -h, --help            says this

Exit code: the command's own; 128 + n for signal n; 124 time-out; 125 copal failed; 126 not executable; 127 not found;
137 out of memory.
`;

const TAKES_VALUE = ["--timeout", "--grace", "--memory", "--cpu", "--pids", "--contain", "--user"];
const FLAGS = ["--require-cgroup", "--pty", "--no-pty"];

/**
 * Reads the words; undefined if they ask for help.
 *
 * @throws {UsageError} for an option that is unknown or wrong, and where no command is named.
 */
export function parseRunWords(words: readonly string[]): RunWords | undefined {
  const options = new Map<string, string>();
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] as string;
    if (!word.startsWith("-") || word === "-") break;
    if (word === "--") {
      at++;
      break;
    }
    if (word === "-h" || word === "--help") return undefined;
    const [name = word, ...rest] = word.split("=");
    const takesValue = TAKES_VALUE.includes(name);
    if (!takesValue && !FLAGS.includes(word)) throw new UsageError(`unknown option \`${word}\` of \`copal run\``);
    const value = rest.length > 0 ? rest.join("=") : takesValue ? words[++at] : "";
    if (value === undefined) throw new UsageError(`\`${name}\` needs a value`);
    options.set(name, value);
  }
  const command = words.slice(at);
  if (command.length === 0) throw new UsageError("`copal run` needs a command: `copal run [options] -- COMMAND`");
  const user = options.get("--user");
  const pty = options.has("--no-pty") ? false : options.has("--pty") || undefined;
  const timeoutMs = durationOf("--timeout", options.get("--timeout"));
  const graceMs = durationOf("--grace", options.get("--grace"));
  if (graceMs !== undefined && graceMs > MAX_GRACE_MS)
    throw new UsageError(`\`--grace\` must be at most 24h, got ${options.get("--grace")}`);
  const limits = limitsOf(options);
  const contain = containmentOf(options.get("--contain"));
  if (contain === "tree" && (limits || options.has("--require-cgroup")))
    throw new UsageError("`--contain tree` goes with no limits and no `--require-cgroup`: only a cgroup keeps them");
  return {
    command,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(graceMs !== undefined && { graceMs }),
    ...(options.has("--require-cgroup") && { requireCgroup: true }),
    ...(contain && { contain }),
    ...(user !== undefined && { user }),
    ...(limits && { limits }),
    ...(pty !== undefined && { pty }),
  };
}

function containmentOf(text: string | undefined): Containment | undefined {
  if (text === undefined || text === "auto" || text === "cgroup" || text === "pidns" || text === "tree") return text;
  throw new UsageError(`\`--contain\` must be auto, cgroup, pidns or tree, got ${text}`);
}

function limitsOf(options: ReadonlyMap<string, string>): ResourceLimits | undefined {
  const [memory, cpu, pids] = [options.get("--memory"), options.get("--cpu"), options.get("--pids")];
  if (memory === undefined && cpu === undefined && pids === undefined) return undefined;
  const checked = (option: string, text: string, value: number | undefined, isRight: boolean, allowed: string) => {
    if (value === undefined || !isRight) throw new UsageError(`\`${option}\` must be ${allowed}, got ${text}`);
    return value;
  };
  const bytes = memory === undefined ? 0 : parseSizeBytes(memory);
  const size = "a size such as 512K, 64M or 1G";
  const number = "a number of processors from 0.01 to 10000, such as 0.5";
  const whole = "a whole number from 1 to 4294967295";
  const isCount = (text: string) => /^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= 0xffff_ffff;
  const isShare = (text: string) => /^\d+(\.\d+)?$/.test(text) && Number(text) >= 0.01 && Number(text) <= 10_000;
  return {
    ...(memory !== undefined && { memory: checked("--memory", memory, bytes, bytes !== 0, size) }),
    ...(cpu !== undefined && { cpu: checked("--cpu", cpu, Number(cpu), isShare(cpu), number) }),
    ...(pids !== undefined && { pids: checked("--pids", pids, Number(pids), isCount(pids), whole) }),
  };
}

function durationOf(option: string, text: string | undefined): number | undefined {
  const durationMs = text === undefined ? undefined : parseDurationMs(text);
  if (text !== undefined && durationMs === undefined)
    throw new UsageError(`\`${option}\` must be a duration such as 500ms, 5s or 2m, got ${text}`);
  return durationMs;
}
