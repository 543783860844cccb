/**
 * Where sidecars come from, as far as a connection and its client need to know: the fork server, or what stands in for it. Knows
 * neither how they are made nor what they hold.
 */

/** Makes a sidecar for each connection. */
export interface SidecarHost {
  /** What `net.connect` takes. */
  readonly path: string;
  /** Whether a sidecar of it that has become idle may serve another life. */
  readonly isRunning: boolean;
  /** Nobody listens there any more: it is not to be asked again. */
  abandon(): void;
  /** A sidecar of this pid lives. */
  greeted(sidecarPid: number): void;
  /** Resolves when everything that a lost sidecar left behind is dead. */
  swept(sidecarPid: number): Promise<void>;
}
