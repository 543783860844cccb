import {
  Actor,
  type ActorRef,
  DynamicSupervisor,
  PartitionSupervisor,
  type ProcessActor,
  partition,
  type StartContext,
  start,
} from "copal";
import t from "tap";
import { whenEnded } from "#src/actors/exit-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import { eventually } from "../support/eventually.js";
import { isRunning } from "../support/proc.js";

class Session extends Actor {
  #user = "";

  override init(user: string): void {
    this.#user = user;
  }

  user(): string {
    return this.#user;
  }

  crash(): never {
    throw new Error("as asked");
  }
}

/** A tree with one dynamic supervisor of sessions. */
function pool(template: object) {
  const child = { actor: "pool", class: DynamicSupervisor, args: [{ template }] };
  return start({ supervisor: "app", children: [child] });
}

t.test("a dynamic supervisor is an actor of a tree, and its children go by their refs", async (t) => {
  const tree = await pool({ actor: "session", class: Session });
  const { call } = tree.whereis<DynamicSupervisor>("pool") as ActorRef<DynamicSupervisor>;
  const ada = (await call.startChild("ada")) as ActorRef<unknown> as ActorRef<Session>;
  const bob = (await call.startChild("bob")) as ActorRef<unknown> as ActorRef<Session>;
  t.strictSame(await Promise.all([ada.call.user(), bob.call.user()]), ["ada", "bob"]);
  await t.rejects(ada.call.crash(), { code: "ERR_ACTOR_EXIT" });
  await eventually(async () => (await call.countChildren()).active === 2);
  const refs = (await call.whichChildren()).map(({ child }) => child as unknown as ActorRef<Session>);
  t.strictSame((await Promise.all(refs.map((ref) => ref.call.user()))).sort(), ["ada", "bob"]);
  await tree.stop();
});

t.test("it is a supervisor to its own: it has the time that its children need", async (t) => {
  const tree = await pool({ actor: "session", class: Session });
  const root = tree.supervisorOf("app/pool") as ActorRef<{ getChildSpec(id: string): object }>;
  t.match(await root.call.getChildSpec("pool"), { type: "supervisor", shutdown: "infinity" });
  t.match(tree.snapshot(), [
    { path: "app" },
    { path: "app/pool", kind: "actor", state: "running", budget: { max: 3 } },
  ]);
  await tree.stop();
});

t.test("processes can be its children, and none outlives the tree", async (t) => {
  const tree = await pool({ process: "job", command: "sleep 1000 & sleep 1000", restart: "temporary" });
  const { call } = tree.whereis<DynamicSupervisor>("pool") as ActorRef<DynamicSupervisor>;
  const jobs = [await call.startChild(), await call.startChild()] as unknown as ActorRef<ProcessActor>[];
  const pids = await Promise.all(jobs.map(async (job) => (await job.call.status()).osPid));
  t.ok(pids.every(isRunning));
  await tree.stop();
  t.notOk(pids.some(isRunning));
});

t.test("its children end with it, however it ends", async (t) => {
  const tree = await pool({ actor: "session", class: Session });
  const { call } = tree.whereis<DynamicSupervisor>("pool") as ActorRef<DynamicSupervisor>;
  const session = (await call.startChild("ada")) as ActorRef;
  await tree.kill();
  t.equal(await whenEnded(session), "killed");
});

t.test("a partition supervisor is an actor of a tree too", async (t) => {
  const child = () => ({
    start: async ({ parent, path }: StartContext) =>
      (await startActor(parent, { class: Session, args: [path], id: path })) as ActorRef<unknown> as ActorRef,
  });
  const parts = { actor: "parts", class: PartitionSupervisor, args: [{ partitions: 2, child }] };
  const tree = await start({ supervisor: "app", children: [parts] });
  const ref = tree.whereis<PartitionSupervisor>("parts") as ActorRef<PartitionSupervisor>;
  t.equal(await (partition(ref, 1) as unknown as ActorRef<Session>).call.user(), "app/parts/1");
  t.match(
    tree.snapshot().map(({ path }) => path),
    ["app", "app/parts", "app/parts/0", "app/parts/1"],
  );
  await tree.stop();
});
