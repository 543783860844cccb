/**
 * The public door of Copal: named exports only.
 */

// Actors
export { Actor, type ActorTimer } from "./actors/actor.js";
export type { CrashReport } from "./actors/crash-report.js";
export type { Statistics, TraceEvent, TraceSink } from "./actors/debug.js";
export { exitActor as exit } from "./actors/exit-actor.js";
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
  TimeoutInfo,
} from "./actors/info.js";
export type { MessageView } from "./actors/message-view.js";
export { ProcessActor, type ProcessSpec, type ProcessStatus, type SubscribeOptions } from "./actors/process-actor.js";
export type { Reply } from "./actors/reply.js";
export { stop } from "./actors/stop.js";
export * as sys from "./actors/sys.js";
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
export type { OsText, StopPlan } from "./sidecar/start-options.js";
// Supervisors
export type { Backoff } from "./supervisor/backoff.js";
export type { ChildSpec, Restart, StartContext, StartedWithInfo, StartResult } from "./supervisor/child-spec.js";
export type { DynamicChildInput, DynamicSupervisorSpec, DynamicTemplate } from "./supervisor/dynamic-spec.js";
export { DynamicSupervisor, startDynamicSupervisor } from "./supervisor/dynamic-supervisor.js";
export {
  PartitionSupervisor,
  type PartitionSupervisorSpec,
  partition,
  startPartitionSupervisor,
} from "./supervisor/partition-supervisor.js";
export type { Offender, SupervisorEvent, SupervisorReport } from "./supervisor/reports.js";
export type { Intensity } from "./supervisor/restart-window.js";
export { type Exhaustion, type SupervisorSnapshot, supervisorSnapshot } from "./supervisor/snapshot.js";
export type { AutoShutdown, Strategy } from "./supervisor/strategy.js";
export { type ChildCount, type ListedChild, Supervisor, startSupervisor } from "./supervisor/supervisor.js";
export type { SupervisorSpec } from "./supervisor/supervisor-spec.js";
