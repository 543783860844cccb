/**
 * Answers the control interface of a running app: HTTP with JSON over its unix socket, the same calls for the command line
 * and for other programs. It knows requests and the tree; where the socket stands is decided elsewhere.
 */

import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Attachments } from "./attachments.js";
import { ControlError, controlStatuses } from "./control-error.js";
import { ControlRequests } from "./control-requests.js";
import type { LogLine } from "./output-log.js";
import type { Tree } from "./tree.js";

/** The largest body of a request. */
const largestBodyBytes = 4_194_304;

/** A reader of followed logs that is this far behind loses lines, which are counted. */
const followBufferBytes = 1_048_576;

/** What a control server serves. */
export interface ControlledApp {
  readonly tree: Tree;
  /** What `version` answers. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Asks the app to stop in order. */
  down(): void;
}

/** Serves the control interface of one app. */
export class ControlServer {
  readonly http: Server;
  readonly #app: ControlledApp;
  readonly #requests: ControlRequests;
  readonly #attachments: Attachments;
  readonly #waitingForEnd = new Set<ServerResponse>();

  constructor(app: ControlledApp) {
    this.#app = app;
    this.#requests = new ControlRequests(app.tree);
    this.#attachments = new Attachments(app.tree);
    this.http = createServer((request, response) => void this.#answer(request, response));
    this.http.on("upgrade", (request, socket, head) => void this.#upgrade(request, socket, head));
    // A client that holds its connection for long, such as `logs -f`, is no reason to end it.
    this.http.requestTimeout = 0;
    this.http.keepAliveTimeout = 1;
  }

  /**
   * Tells those who asked for the end that everything has stopped, and resolves when the kernel has it or they are gone.
   * Their connections end with this process.
   */
  async announceStopped(): Promise<void> {
    const told = [...this.#waitingForEnd].map(
      (response) =>
        new Promise<void>((done) => {
          response.once("close", done);
          response.write(`${JSON.stringify({ stopped: true })}\n`, () => done());
        }),
    );
    await Promise.all(told);
  }

  /** Takes no more connections and ends those that are not waiting for the end of this process. */
  close(): void {
    this.http.close();
    this.#attachments.close();
    this.http.closeIdleConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    try {
      const url = new URL(request.url ?? "/", "http://copal");
      const endpoint = url.pathname.startsWith("/v1/") ? url.pathname.slice(4) : undefined;
      if (endpoint === undefined)
        throw new ControlError("notFound", `there is no ${url.pathname}; endpoints begin with /v1/`);
      const result =
        request.method === "POST"
          ? await this.#post(endpoint, request, response)
          : await this.#get(endpoint, url, request, response);
      if (result !== answered) sendJson(response, 200, result ?? null);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else sendRefusal(response, error);
    }
  }

  async #get(endpoint: string, url: URL, request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    if (request.method !== "GET") throw new ControlError("usage", `got ${request.method}, allowed are GET and POST`);
    switch (endpoint) {
      case "ps":
        return this.#requests.ps();
      case "tree":
        return this.#requests.tree();
      case "version":
        return this.#app.about;
      case "logs":
        return this.#logs(url.searchParams, request, response);
      case "attach":
        throw new ControlError("usage", "`attach` needs the header `Upgrade: copal-attach`");
      default:
        throw new ControlError(
          "notFound",
          `there is no GET /v1/${endpoint}; there are ps, tree, logs, attach and version`,
        );
    }
  }

  async #post(endpoint: string, request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const body = await bodyOf(request);
    switch (endpoint) {
      case "start":
      case "stop":
      case "restart":
        return this.#attachments.through(() => this.#requests[endpoint](body));
      case "signal":
      case "send":
      case "call":
      case "inspect":
        return this.#requests[endpoint](body);
      case "down":
        this.#waitingForEnd.add(response);
        response.on("close", () => this.#waitingForEnd.delete(response));
        response.writeHead(200, { "content-type": "application/x-ndjson" });
        response.write(`${JSON.stringify({ stopping: true })}\n`);
        this.#app.down();
        return answered;
      default:
        throw new ControlError(
          "notFound",
          `there is no POST /v1/${endpoint}; there are start, stop, restart, signal, send, call, inspect and down`,
        );
    }
  }

  /** Attaches a connection to a process; from then on it speaks JSON lines both ways. */
  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    let isAccepted = false;
    try {
      const url = new URL(request.url ?? "/", "http://copal");
      if (url.pathname !== "/v1/attach") throw new ControlError("notFound", `there is no upgrade at ${url.pathname}`);
      if (request.headers.upgrade?.toLowerCase() !== "copal-attach")
        throw new ControlError("usage", `got \`Upgrade: ${request.headers.upgrade}\`, allowed is \`copal-attach\``);
      await this.#attachments.add(socket, head, this.#requests.attachQuery(url.searchParams), () => {
        isAccepted = true;
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: copal-attach\r\n\r\n");
      });
    } catch (error) {
      if (isAccepted) {
        socket.destroy();
        return;
      }
      const response = new ServerResponse(request);
      response.assignSocket(socket as Socket);
      response.on("finish", () => socket.end());
      response.shouldKeepAlive = false;
      sendRefusal(response, error);
    }
  }

  /** Writes the last lines and, when following, every line after them, one JSON object each. */
  #logs(query: URLSearchParams, request: IncomingMessage, response: ServerResponse): typeof answered {
    const { paths, count, isFollowing } = this.#requests.logQuery(query);
    const { log } = this.#app.tree;
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    for (const line of log.last(paths.known, count)) response.write(`${JSON.stringify(wireLine(line))}\n`);
    if (!isFollowing) {
      response.end();
      return answered;
    }
    response.flushHeaders();
    let droppedLines = 0;
    const unfollow = log.follow((line) => {
      if (!paths.includes(line.path)) return;
      if (response.writableLength > followBufferBytes) {
        droppedLines++;
        return;
      }
      if (droppedLines > 0) response.write(`${JSON.stringify({ droppedLines })}\n`);
      droppedLines = 0;
      response.write(`${JSON.stringify(wireLine(line))}\n`);
    });
    response.on("close", unfollow);
    request.on("error", unfollow);
    return answered;
  }
}

const answered = Symbol("answered");

function wireLine(line: LogLine): Record<string, unknown> {
  return { at: new Date(line.atMs).toISOString(), path: line.path, stream: line.stream, line: line.line };
}

function sendRefusal(response: ServerResponse, error: unknown): void {
  const code = error instanceof ControlError ? error.code : "failed";
  const message = error instanceof Error ? error.message : String(error);
  sendJson(response, controlStatuses[code], { error: { code, message } });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(value)}\n`);
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > largestBodyBytes)
      throw new ControlError("usage", `the request is larger than ${largestBodyBytes} bytes`);
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  let body: unknown;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new ControlError("usage", "the request's body is not valid JSON", {}, error);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new ControlError("usage", "the request's body is no JSON object");
  }
  return body as Readonly<Record<string, unknown>>;
}
