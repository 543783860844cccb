/**
 * Errors of the control interface: what the server answers with and the client throws, in one sentence each.
 * They know no sockets; the status of an answer is all they have of HTTP.
 */

/** Each kind of refusal and the HTTP status it is answered with. */
export const controlStatuses = {
  /** The request is not well-formed, or names an argument that is none. */
  usage: 400,
  /** No child, method or endpoint of that name. */
  notFound: 404,
  /** The id names more than one child. */
  ambiguous: 409,
  /** The child is in no state for it. */
  state: 409,
  /** The call or command itself failed. */
  failed: 422,
  /** The app is ending. */
  ending: 503,
  /** The socket's path cannot be used. */
  path: 500,
  /** The socket's folder cannot be used. */
  folder: 500,
  /** No app runs there. */
  absent: 500,
  /** Another app runs there. */
  running: 500,
} as const;

/** One of the kinds of {@link controlStatuses}. */
export type ControlCode = keyof typeof controlStatuses;

/** A refusal of the control interface. */
export class ControlError extends Error {
  readonly code: ControlCode;
  /** The app that runs already, where that is known. */
  readonly pid: number | undefined;

  constructor(code: ControlCode, message: string, details: { readonly pid?: number } = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ControlError";
    this.code = code;
    this.pid = details.pid;
  }
}
