import fc from "fast-check";
import t from "tap";
import { argsOf, paramsOf, type RpcMessage, readRpc, rpcBytes } from "#src/process/json-rpc.js";

const written = (message: RpcMessage) => rpcBytes(message, "json").toString();

t.test("a message is one line of JSON-RPC 2.0", async (t) => {
  t.equal(
    written({ kind: "request", id: 7, method: "add", params: [1, "two\n"] }),
    '{"jsonrpc":"2.0","id":7,"method":"add","params":[1,"two\\n"]}\n',
  );
  t.equal(written({ kind: "notification", method: "hi", params: undefined }), '{"jsonrpc":"2.0","method":"hi"}\n');
  t.equal(written({ kind: "result", id: 7, result: undefined }), '{"jsonrpc":"2.0","id":7,"result":null}\n');
  t.equal(
    written({ kind: "fault", id: "a", fault: { code: -1, message: "no" } }),
    '{"jsonrpc":"2.0","id":"a","error":{"code":-1,"message":"no"}}\n',
  );
});

t.test("a frame begins with its length in bytes, not in characters", async (t) => {
  const bytes = rpcBytes({ kind: "notification", method: "grüße", params: undefined }, "lengthPrefixed");
  t.equal(bytes.readUInt32BE(), bytes.length - 4);
  t.match(readRpc(JSON.parse(bytes.subarray(4).toString())), { method: "grüße" });
});

t.test("arguments are parameters: one plain object by name, anything else by place", async (t) => {
  t.strictSame(paramsOf([]), undefined);
  t.strictSame(paramsOf([{ a: 1 }]), { a: 1 });
  t.strictSame(paramsOf([[1]]), [[1]]);
  t.strictSame(paramsOf([{ a: 1 }, 2]), [{ a: 1 }, 2]);
  t.strictSame(paramsOf([null]), [null]);
  t.match(paramsOf([new Date(0)]), [Date]);
  for (const args of [[], [{ a: 1 }], [1, 2]]) t.strictSame(argsOf(paramsOf(args)), args);
});

for (const [what, value] of Object.entries({
  "nothing known": { jsonrpc: "2.0" },
  "a batch": [{ jsonrpc: "2.0", method: "a" }],
  "a text": "a",
  "a request with a text as parameters": { id: 1, method: "a", params: "b" },
  "a method that is none": { id: 1, method: 2 },
  "an id that is a map": { id: {}, result: 1 },
  "an answer without an id": { result: 1 },
  "an answer without a result": { id: 1 },
  "an error without a code": { id: 1, error: { message: "x" } },
  "an error that is a text": { id: 1, error: "x" },
})) {
  t.test(`${what} is no message`, async (t) => t.equal(readRpc(value), undefined));
}

t.test("what programs leave out or say beside it does no harm", async (t) => {
  t.strictSame(readRpc({ id: 1, result: 2 }), { kind: "result", id: 1, result: 2 });
  t.strictSame(readRpc({ id: 1, error: null, result: 2 }), { kind: "result", id: 1, result: 2 });
  t.strictSame(readRpc({ method: "a", params: null }), { kind: "notification", method: "a", params: undefined });
});

t.test("whatever JSON can say is read as it was written, and nothing throws", async () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.jsonValue(), { minLength: 2 }), (method, params) => {
      const line = written({ kind: "request", id: 1, method, params: params as unknown[] });
      const read = readRpc(JSON.parse(line));
      return (
        !line.slice(0, -1).includes("\n") &&
        JSON.stringify(read) === JSON.stringify({ kind: "request", id: 1, method, params })
      );
    }),
  );
  fc.assert(fc.property(fc.jsonValue(), (value) => void readRpc(value)));
});
