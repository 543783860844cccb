/**
 * A supervisor of a tree that lives in a worker thread: it is told its plan, and starts its children where they belong. How it supervises is the supervisor's
 * own business.
 */
import { recordOf } from "../actors/actor.js";
import { unwind } from "../actors/instance.js";
import { StartError } from "../errors.js";
import { Supervisor } from "../supervisor/supervisor.js";
import { type BorrowedBook, borrowBook } from "./borrowed-book.js";
import { childSpec, loadClasses } from "./child-specs.js";
import { ownBook } from "./main-loader.js";
import type { PlannedSupervisor } from "./plan.js";
import type { LentTree } from "./tree-book.js";

/** The supervisor that a worker thread is told to start. */
export class ThreadSupervisor extends Supervisor {
  /** Nothing if it lives in the thread that the tree was started in. */
  #book: BorrowedBook | undefined;

  /** Loads the classes of its children, then starts them in order. */
  override async init(given: object, tree?: LentTree): Promise<void> {
    const plan = given as PlannedSupervisor;
    if (tree === undefined) throw new TypeError("a supervisor in a thread needs its tree");
    const own = ownBook(tree.book);
    if (!own) this.#book = borrowBook(tree);
    this.#book?.adopt(plan);
    const book = own ?? borrowBook(tree);
    await loadClasses(plan.children, book, undefined).catch((cause: Error) => {
      const failure = { child: plan.path, stage: "module", message: cause.message };
      throw new StartError(`${plan.path} did not start`, { reason: { startFailed: failure }, failure }, { cause });
    });
    book.note(plan.path, recordOf(this).ref);
    const { path, strategy, intensity, autoShutdown } = plan;
    const children = plan.children.map((child) => childSpec(child, book));
    await super.init({ path, strategy, intensity, autoShutdown, children });
    this.#book?.tellSnapshots();
  }

  /** Stops its children in reverse, and tells what has become of them: nobody can ask any more. */
  override async [unwind](): Promise<void> {
    await super[unwind]();
    this.#book?.tellSnapshots();
  }
}
