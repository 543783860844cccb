/**
 * Finds a TCP port that nobody uses at the moment. Somebody else may take it before the test does.
 */
import { type AddressInfo, createServer } from "node:net";

/** Gives a free port of the loopback address. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
