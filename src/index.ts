/**
 * The public door of Copal: named exports only.
 */

export type { Remote } from "comlink";
// Actors
export { Actor, type ActorTimer } from "./actors/actor.js";
export type { ComputeFunction, ComputeOptions, ComputeTask, ProgressOf } from "./actors/compute-task.js";
export type { CrashReport } from "./actors/crash-report.js";
export type { Statistics, TraceEvent, TraceSink } from "./actors/debug.js";
export { exitActor as exit } from "./actors/exit-actor.js";
export type {
  ClosedInfo,
  DownInfo,
  ExitInfo,
  FrameInfo,
  HandedOverInfo,
  Info,
  JsonInfo,
  LineInfo,
  MalformedInfo,
  OutputInfo,
  OutputStream,
  ProcessExitInfo,
  SentInfo,
  TimeoutInfo,
} from "./actors/info.js";
export { localNames, nameOf, register, unregister, whereis } from "./actors/local-names.js";
export type { DeadLetter, MailboxLimit } from "./actors/mailbox-bound.js";
export type { MessageView } from "./actors/message-view.js";
export type { SubscribeOptions } from "./actors/output-sinks.js";
export { ProcessActor, type ProcessSpec, type ProcessStatus } from "./actors/process-actor.js";
export { type GroupEvent, ProcessGroups, processGroups } from "./actors/process-groups.js";
export { type Program, ProgramActor, type ProgramSpec, type ProgramStatus } from "./actors/program-actor.js";
export { type ProxyOptions, proxy, releaseProxy } from "./actors/proxy.js";
export { Registry, type RegistryEntry, type RegistryEvent, type RegistryOptions } from "./actors/registry.js";
export type { Reply } from "./actors/reply.js";
export type { RpcOptions } from "./actors/rpc-channel.js";
export { StateMachine, type StateMethods, type StateResult } from "./actors/state-machine.js";
export {
  type Action,
  action,
  type CallEvent,
  type CastEvent,
  type EnterEvent,
  type MachineEvent,
  type QueuedEvent,
  type TimeoutKey,
  type Transition,
} from "./actors/state-machine-event.js";
export { stop } from "./actors/stop.js";
export * as sys from "./actors/sys.js";
export type { Task, TaskOutcome, TaskWork } from "./actors/task.js";
export { startTaskSupervisor, TaskSupervisor, type TaskSupervisorOptions } from "./actors/task-supervisor.js";
export { type AsyncStreamOptions, type TaskMessage, Tasks } from "./actors/tasks.js";
export { type Transferable, transfer } from "./actors/transfer.js";
export { type ActorName, Via, type ViaRegistry, via } from "./actors/via.js";
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
  type RpcOutput,
  type SupervisorChild,
  type TreeSpec,
} from "./app/tree-spec.js";
// Functions on other threads
export type { Computation } from "./compute/computation.js";
// Errors
export { CopalError, type CopalErrorOf, type ErrorCode, isCopalError } from "./errors.js";
export { type ErrorReason, type ExitReason, formatExit, isNormalExit, type StartFailure } from "./exit.js";
// Processes without supervision
export type { Input } from "./process/feed.js";
export type { LimitOptions } from "./process/life-limits.js";
export { type Lines, type LinesOptions, lines } from "./process/lines.js";
export { type OpenOptions, open, Session } from "./process/open.js";
export { type OutputObserver, type RunOptions, type RunResult, run } from "./process/run.js";
export type { WebStreams } from "./process/web-streams.js";
export { ActorRef, type Calls, isActorRef } from "./ref.js";
export type { TreeStats } from "./sidecar/client.js";
export type { ExitReport, Limit, StepTaken, StoppedBy } from "./sidecar/exit-report.js";
export type { UnkeptLimit } from "./sidecar/limits-warning.js";
export type { OsText } from "./sidecar/os-text.js";
export type { IoLimit, LimitMissing, ResourceLimits } from "./sidecar/resource-limits.js";
export type { PtyOptions, StdinOption, StdioOption } from "./sidecar/start-options.js";
export type { Started } from "./sidecar/started.js";
export type { StopPlan, StopStep } from "./sidecar/stop-plan.js";
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
// Actors for code that is none
export { type PortOptions, portTo, remoteOf } from "./threads/facade.js";
export type { StuckReport } from "./threads/stuck-report.js";
