/**
 * Asks a running app through its control socket. Knows the requests and turns refusals into errors of one sentence;
 * how an answer is shown is the command line's business.
 */

import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import { type ControlCode, ControlError, controlStatuses } from "./control-error.js";
import { checkSocketFolder } from "./control-socket.js";

/** A client of one app's control interface. */
export class ControlClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /**
   * Asks `GET /v1/endpoint` and gives the answer.
   *
   * @throws {ControlError} `absent` if no app runs there, else what the app refused with.
   */
  async get(endpoint: string): Promise<unknown> {
    return wholeJson(await this.#ask("GET", endpoint));
  }

  /** Asks `POST /v1/endpoint` with a JSON body and gives the answer. @throws {ControlError} as {@link get}. */
  async post(endpoint: string, body: Readonly<Record<string, unknown>>): Promise<unknown> {
    return wholeJson(await this.#ask("POST", endpoint, body));
  }

  /** Gives the answer's JSON lines as they come, until the app ends them or is gone. @throws {ControlError} as {@link get}. */
  async *lines(
    method: "GET" | "POST",
    endpoint: string,
    body?: Readonly<Record<string, unknown>>,
  ): AsyncGenerator<Readonly<Record<string, unknown>>> {
    const response = await this.#ask(method, endpoint, body);
    response.setEncoding("utf8");
    let partial = "";
    try {
      for await (const text of response as AsyncIterable<string>) {
        const lines = (partial + text).split("\n");
        partial = lines.pop() ?? "";
        for (const line of lines) yield JSON.parse(line) as Readonly<Record<string, unknown>>;
      }
    } catch (error) {
      // The app ended in the middle of its answer, as it does after `down`: the end of what it had to say.
      if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    }
  }

  /** Turns `GET /v1/endpoint` into a connection that speaks `protocol` both ways, and gives it. @throws {ControlError} as {@link get}. */
  upgrade(endpoint: string, protocol: string): Promise<Duplex> {
    return new Promise((answer, refuse) => {
      const asking = this.#request("GET", endpoint, { connection: "Upgrade", upgrade: protocol }, refuse);
      asking.on("upgrade", (_response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        answer(socket);
      });
      asking.on("response", (response) => refusalOf(response).then(refuse, refuse));
      asking.end();
    });
  }

  #ask(method: "GET" | "POST", endpoint: string, body?: Readonly<Record<string, unknown>>): Promise<IncomingMessage> {
    return new Promise((answer, refuse) => {
      const asking = this.#request(method, endpoint, { "content-type": "application/json" }, refuse);
      asking.on("response", (response) => {
        if (response.statusCode === 200) answer(response);
        else refusalOf(response).then(refuse, refuse);
      });
      asking.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  #request(
    method: "GET" | "POST",
    endpoint: string,
    headers: Readonly<Record<string, string>>,
    refuse: (error: ControlError) => void,
  ): ClientRequest {
    // A folder that somebody else could write to could hold somebody else's socket.
    checkSocketFolderOrAbsent(this.#socketPath);
    const asking = request({ socketPath: this.#socketPath, method, path: `/v1/${endpoint}`, headers });
    return asking.on("error", (error: NodeJS.ErrnoException) => refuse(this.#failure(error)));
  }

  #failure(error: NodeJS.ErrnoException): ControlError {
    const isAbsent = error.code === "ENOENT" || error.code === "ECONNREFUSED";
    const message = isAbsent
      ? `nothing is running at ${this.#socketPath}; \`copal up\` starts it`
      : `cannot talk to ${this.#socketPath}: ${error.message}`;
    return new ControlError(isAbsent ? "absent" : "failed", message, {}, error);
  }
}

function checkSocketFolderOrAbsent(path: string): void {
  try {
    checkSocketFolder(path);
  } catch (error) {
    if (!(error instanceof ControlError) || error.code !== "absent") throw error;
    throw new ControlError("absent", `nothing is running at ${path}; \`copal up\` starts it`, {}, error);
  }
}

async function wholeJson(response: IncomingMessage): Promise<unknown> {
  try {
    return JSON.parse(await wholeText(response));
  } catch (error) {
    throw new ControlError("failed", "the app went away before it had answered", {}, error);
  }
}

async function wholeText(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk;
  return text;
}

async function refusalOf(response: IncomingMessage): Promise<ControlError> {
  const text = await wholeText(response).catch(() => "");
  try {
    const { error } = JSON.parse(text) as { readonly error: { readonly code: string; readonly message: string } };
    const code = Object.hasOwn(controlStatuses, error.code) ? (error.code as ControlCode) : "failed";
    return new ControlError(code, error.message);
  } catch {
    return new ControlError("failed", `the app answered with status ${response.statusCode}`);
  }
}
