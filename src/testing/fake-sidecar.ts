/**
 * One connection to a sidecar that is none: speaks the sidecar's side of the protocol for one fake process, so that the owner's code is the real one
 * from the socket up. Knows frames and messages; how the process behaves is `fake-process.ts`.
 */
import type { Socket } from "node:net";
import type { Clock } from "../actors/clock.js";
import { signalName } from "../sidecar/signal-name.js";
import { commandShapes, decodePayload, encodeFrame } from "../wire/codec.js";
import { FrameReader } from "../wire/frame.js";
import { type Command, type CommandBodies, type EventBodies, PROTOCOL_VERSIONS, STREAM } from "../wire/messages.js";
import type { StopWire } from "../wire/start.js";
import { type FakeExit, type FakeOwner, FakeProcess, outputOf } from "./fake-process.js";

/** How a start fails, as the wire tells it. */
export type FakeStartFailure = EventBodies["startFailed"];

/** What a connection needs of whoever listens for it. */
export interface FakeSidecarHost {
  readonly clock: Clock;
  /** A number for the next fake process or sidecar. */
  nextPid(): number;
  /** Finds how the process of this start fails; nothing if it starts. */
  failureOf(process: FakeProcess): FakeStartFailure | undefined;
  /** A process runs: its script may begin. */
  started(process: FakeProcess): void;
  /** Something was sent or has arrived. */
  stirred(): void;
}

/** The sidecar's side of one connection; its process's way to speak. */
export class FakeSidecar implements FakeOwner {
  readonly #host: FakeSidecarHost;
  readonly #socket: Socket;
  readonly #sidecarPid: number;
  #orphanGraceMs = 0;
  #stop: CommandBodies["stop"] = { signal: 15, graceMs: 0 };
  #process: FakeProcess | undefined;

  constructor(host: FakeSidecarHost, socket: Socket) {
    this.#host = host;
    this.#socket = socket;
    this.#sidecarPid = host.nextPid();
    const reader = new FrameReader((payload) => this.#received(decodePayload(commandShapes, payload)));
    socket.on("data", (chunk) => {
      host.stirred();
      try {
        reader.push(chunk);
      } catch (error) {
        this.#send("error", 0, { code: "ERR_WIRE", errno: null, message: (error as Error).message });
        socket.end();
      }
    });
    // An owner that has gone away is told apart by `close` alone.
    socket.on("error", () => {});
    socket.on("close", () => {
      host.stirred();
      this.#process?.stop("ownerGone", { signal: this.#stop.signal, graceMs: this.#orphanGraceMs });
    });
  }

  get clock(): Clock {
    return this.#host.clock;
  }

  output(stream: "stdout" | "stderr", bytes: Buffer): void {
    this.#send("output", 0, { stream: STREAM[stream], bytes });
  }

  closed(stream: "stdin" | "stdout" | "stderr"): void {
    this.#send("closed", 0, { stream: STREAM[stream] });
  }

  exited(report: FakeExit): void {
    this.#process = undefined;
    this.#send("exited", 0, report);
  }

  lose(): void {
    this.#process = undefined;
    this.#host.stirred();
    this.#socket.destroy();
  }

  /** Ends the connection, and with it whatever its process still does. */
  end(): void {
    this.#socket.destroy();
  }

  #received(command: Command): void {
    const process = this.#process;
    if (command.name === "hello") return this.#greet(command.id);
    if (command.name === "start") return this.#start(command.id, command.body);
    if (command.name === "credit") return process?.credit(outputOf(command.body.stream), command.body.bytes);
    if (!process) {
      const message = `no process is held, got ${command.name}`;
      return this.#send("error", command.id, { code: "ERR_STATE", errno: null, message });
    }
    switch (command.name) {
      case "write":
        if (process.take(command.body.data)) return this.#send("wrote", command.id, {});
        return this.#send("error", command.id, { code: "EPIPE", errno: 32, message: "nobody reads standard input" });
      case "closeStdin":
        process.stdinClosed();
        return this.#send("ok", command.id, {});
      case "signal":
        this.#send("ok", command.id, {});
        return process.receive(signalName(command.body.signal));
      case "stop":
        this.#send("ok", command.id, {});
        return process.stop("owner", this.#order(command.body));
      case "stats":
        return this.#send("stats", command.id, { processes: 1, rssBytes: 0, userUs: 0, systemUs: 0 });
    }
  }

  /** A stop that says so takes the steps of the start. */
  #order({ planned, ...order }: CommandBodies["stop"]): StopWire {
    return planned && this.#stop.steps ? { ...order, steps: this.#stop.steps } : order;
  }

  #greet(id: number): void {
    const [, version] = PROTOCOL_VERSIONS;
    const sidecarPid = this.#sidecarPid;
    this.#send("hello", id, { version, versions: [...PROTOCOL_VERSIONS], capabilities: 0, sidecarPid, resin: "fake" });
  }

  #start(id: number, body: CommandBodies["start"]): void {
    const process = new FakeProcess(body, this.#host.nextPid(), this);
    const failure = this.#host.failureOf(process);
    if (failure) return this.#send("startFailed", id, failure);
    this.#process = process;
    this.#stop = body.stop;
    this.#orphanGraceMs = body.orphanGraceMs;
    this.#send("started", id, { pid: process.osPid, startTime: 1, containment: "tree", cgroup: null });
    this.#host.started(process);
  }

  #send<Name extends keyof EventBodies & string>(name: Name, id: number, body: EventBodies[Name]): void {
    this.#host.stirred();
    if (this.#socket.writable) this.#socket.write(encodeFrame<EventBodies, Name>(name, id, body));
  }
}
