// An HTTP server that says who it is. PORT and NAME come from copal.yaml.
import { createServer } from "node:http";

const { PORT = "8080", NAME = "server" } = process.env;

const server = createServer((_request, response) => {
  response.end(`Hello from ${NAME}, pid ${process.pid}, up ${Math.round(process.uptime())} s\n`);
});
server.on("listening", () => console.log(`${NAME} is at http://127.0.0.1:${server.address().port}/`));
server.on("error", (error) => {
  if (error.code !== "EADDRINUSE") throw error;
  console.error(`port ${error.port} is taken, another one will do`);
  server.listen(0, "127.0.0.1");
});
server.listen(Number(PORT), "127.0.0.1");

process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
