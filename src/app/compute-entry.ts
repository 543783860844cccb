/**
 * What a thread of the compute pool runs: its functions are loaded here as actors' modules are elsewhere. It loads none of Copal's actors.
 */
import { type ComputeWork, type FunctionLoader, runComputation } from "../compute/computation.js";
import { ComputeModuleError } from "../errors.js";
import { describeValue } from "./config-problem.js";
import { findExport, shownModule } from "./module-export.js";

/** Runs one function; what piscina calls. */
export function compute(work: ComputeWork): Promise<void> {
  return runComputation(work, load);
}

const load: FunctionLoader = async ({ module, exportName, folder }) => {
  const found = await findExport(module, exportName, folder);
  if ("value" in found && typeof found.value === "function") return found.value as Awaited<ReturnType<FunctionLoader>>;
  const { problem, cause } =
    "problem" in found
      ? found
      : {
          problem: `\`${exportName}\` of ${shownModule(module, folder)} is ${describeValue(found.value)}; allowed is a function`,
          cause: undefined,
        };
  throw new ComputeModuleError(problem, { module, exportName }, cause === undefined ? undefined : { cause });
};
