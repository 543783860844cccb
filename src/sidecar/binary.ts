/**
 * Finds the `resin` executable. Knows where a build leaves it and the one variable that overrides this; does not start it.
 */
import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { SidecarError } from "../errors.js";

const built = fileURLToPath(new URL("../../native/resin/target/release/resin", import.meta.url));

/**
 * Gives the absolute path of the `resin` executable: `COPAL_RESIN` where it is set, else the one built in this package. An override that does
 * not hold never falls back to the built one.
 *
 * @throws {SidecarError} stage `find` if the path is not absolute, not a regular file, or not executable.
 */
export function resinPath(): string {
  const override = process.env.COPAL_RESIN;
  const path = override || built;
  const from = override ? "COPAL_RESIN" : "the built resin";
  if (!isAbsolute(path))
    throw new SidecarError(`${from} must be an absolute path, got ${path}`, { stage: "find", path });
  try {
    if (!statSync(path).isFile())
      throw new SidecarError(`${from} must be a regular file, got ${path}`, { stage: "find", path });
    accessSync(path, constants.X_OK);
  } catch (cause) {
    if (cause instanceof SidecarError) throw cause;
    const { code = "EIO", errno = -5 } = cause as NodeJS.ErrnoException;
    const advice = override ? "" : "; `npm run setup` builds it";
    throw new SidecarError(
      `${from} cannot be used: ${code} ${path}${advice}`,
      { stage: "find", path, code, errno: -errno },
      { cause },
    );
  }
  return path;
}
