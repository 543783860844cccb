/**
 * The public door of Copal: named exports only.
 */

// Actors
export { Actor, type ActorTimer } from "./actors/actor.js";
export type {
  ClosedInfo,
  DownInfo,
  ExitInfo,
  Info,
  LineInfo,
  OutputInfo,
  OutputStream,
  ProcessExitInfo,
  SentInfo,
} from "./actors/info.js";
export { ProcessActor, type ProcessSpec, type ProcessStatus, type SubscribeOptions } from "./actors/process-actor.js";
export type { Reply } from "./actors/reply.js";
// Trees
export { type RootEnd, type StartTreeOptions, start, type Tree } from "./app/tree.js";
export type { TreeRow } from "./app/tree-rows.js";
export {
  type ActorChild,
  type ActorClass,
  type ChildSpecInput,
  defineTree,
  type OutputTarget,
  type ProcessChild,
  type SupervisorChild,
  type TreeSpec,
} from "./app/tree-spec.js";
// Errors
export { CopalError, type CopalErrorOf, type ErrorCode, isCopalError } from "./errors.js";
export { type ErrorReason, type ExitReason, formatExit, isNormalExit, type StartFailure } from "./exit.js";

// Processes without supervision
export { type OpenOptions, open, Session } from "./process/open.js";
export { ActorRef, isActorRef } from "./ref.js";
export type { Started, TreeStats } from "./sidecar/client.js";
export type { ExitReport, StoppedBy } from "./sidecar/exit-report.js";
export type { OsText } from "./sidecar/os-text.js";
export type { PtyOptions, StdioOption } from "./sidecar/start-options.js";
export type { StopPlan, StopStep } from "./sidecar/stop-plan.js";
