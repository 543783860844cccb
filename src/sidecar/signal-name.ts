/**
 * Signals by name and by number, as this machine counts them (signal(7)).
 */
import { constants } from "node:os";

const numbers = constants.signals as Readonly<Record<string, number>>;
const names = new Map<number, string>();
// Aliases (SIGIOT, SIGPOLL) come after the name people know.
for (const [name, number] of Object.entries(numbers)) if (!names.has(number)) names.set(number, name);

/** Lowest and highest real-time signal the kernel takes; glibc keeps 32 and 33 for itself. */
const REALTIME = { min: 34, max: 64 } as const;

/** Gives the number of a signal's name (`SIGTERM`, `TERM`, `SIGRTMIN+2`) or number, or undefined where there is no such signal. */
export function signalNumber(signal: string | number): number | undefined {
  if (Object.hasOwn(numbers, signal)) return numbers[signal];
  if (typeof signal === "number") return names.has(signal) || isRealtime(signal) ? signal : undefined;
  const name = signal.toUpperCase().replace(/^(?!SIG)/, "SIG");
  if (Object.hasOwn(numbers, name)) return numbers[name];
  const [, base, sign = "+", offset = "0"] = /^SIGRT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name) ?? [];
  if (base === undefined) return undefined;
  const number = (base === "MIN" ? REALTIME.min : REALTIME.max) + Number(`${sign}${offset}`);
  return isRealtime(number) ? number : undefined;
}

/** Gives the name of a signal's number; `SIG` and the number where it has none. */
export function signalName(number: number): string {
  return names.get(number) ?? (isRealtime(number) ? `SIGRTMIN+${number - REALTIME.min}` : `SIG${number}`);
}

function isRealtime(number: number): boolean {
  return Number.isInteger(number) && number >= REALTIME.min && number <= REALTIME.max;
}
