/**
 * Listens to the supervisors' channel while something happens.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { SupervisorEvent, SupervisorReport } from "#src/supervisor/reports.js";

/** Everything on the channel while `act` ran. */
export async function heardDuring(act: () => Promise<unknown>): Promise<(SupervisorEvent | SupervisorReport)[]> {
  const heard: (SupervisorEvent | SupervisorReport)[] = [];
  const listen = (message: unknown) => void heard.push(message as SupervisorEvent);
  subscribe("copal:supervisor", listen);
  try {
    await act();
  } finally {
    unsubscribe("copal:supervisor", listen);
  }
  return heard;
}

/** The reports while `act` ran. */
export async function reportsDuring(act: () => Promise<unknown>): Promise<SupervisorReport[]> {
  return (await heardDuring(act)).filter((one) => one.type === "report");
}
