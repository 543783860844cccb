/**
 * Signals by name and by number, as this machine counts them (signal(7)).
 */
import { constants } from "node:os";

const numbers = new Map<string | number, number>(Object.entries(constants.signals));
const names = new Map<number, string>();
// Aliases (SIGIOT, SIGPOLL) come after the name people know.
for (const [name, number] of Object.entries(constants.signals)) if (!names.has(number)) names.set(number, name);

/** Lowest and highest real-time signal the kernel takes; glibc keeps 32 and 33 for itself. */
const REALTIME = { min: 34, max: 64 } as const;

/** Gives the number of a signal's name (`SIGTERM`, `TERM`, `SIGRTMIN+2`) or number, or undefined where there is no such signal. */
export function signalNumber(signal: string | number): number | undefined {
  const known = numbers.get(signal);
  if (known !== undefined) return known;
  if (typeof signal === "number") return names.has(signal) || isRealtime(signal) ? signal : undefined;
  const name = signal.toUpperCase().replace(/^(?!SIG)/, "SIG");
  const knownInFull = numbers.get(name);
  if (knownInFull !== undefined) return knownInFull;
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
