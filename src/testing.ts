/**
 * The door of `copal/testing`: what tests of actors and trees need, named exports only. Nothing of Copal itself comes through here.
 */
export type { Clock, Timer } from "./actors/clock.js";
export type { Runtime, RuntimeOptions } from "./actors/runtime.js";
export type { ActorQueue, Scheduler } from "./actors/scheduler.js";
export { type EventuallyOptions, eventually } from "./testing/eventually.js";
export { type ExploreOptions, explore } from "./testing/explore.js";
export type { FakeProcess, SignalHandler } from "./testing/fake-process.js";
export {
  type FakeFailure,
  type FakeMatch,
  FakeProcesses,
  type FakeScript,
  fakeProcesses,
} from "./testing/fake-processes.js";
export {
  type RecordedChannel,
  type RecordedEvent,
  Recorder,
  type RecorderOptions,
  recorder,
} from "./testing/recorder.js";
export { SeededScheduler, seededScheduler } from "./testing/seeded-scheduler.js";
export { VirtualClock } from "./testing/virtual-clock.js";
export { VirtualTime, type VirtualTimeOptions, virtualTime } from "./testing/virtual-time.js";
