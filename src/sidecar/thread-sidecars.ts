/**
 * Where the sidecars of this thread come from: the fork server of the process, which the main thread runs; a worker thread is lent it. Knows neither how
 * threads talk nor what becomes of the sidecars.
 */
import { forkServer } from "./fork-server.js";
import type { SidecarHost } from "./sidecar-host.js";

let lender: (() => Promise<SidecarHost>) | undefined;

/** Lets the sidecars of this thread come from what `lend` gives, asked again for each; for worker threads, once, before the first process. */
export function borrowSidecars(lend: () => Promise<SidecarHost>): void {
  lender = lend;
}

/** Gives what makes sidecars. @throws {SidecarError} as `forkServer`. */
export function sidecarHost(): Promise<SidecarHost> {
  return lender === undefined ? forkServer() : lender();
}
