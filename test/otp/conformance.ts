/**
 * Compares every scenario on Copal with what OTP makes of it: the recorded result, and the one of a live Erlang if there is one.
 */
import { intended } from "./intended.js";
import { type LiveResults, runOnErlang } from "./live-erlang.js";
import { recordedResults } from "./results.js";
import { runScenario, type Scenarios } from "./scenario.js";

/** A scenario that came to one thing on OTP and to another on Copal. */
export interface Difference {
  readonly scenario: string;
  readonly otp: string;
  readonly copal: string;
}

/** What a comparison came to. */
export interface Conformance {
  /** Scenarios that were run. */
  readonly compared: number;
  /** Those with the same result. */
  readonly same: number;
  /** Differences that are meant, exactly as they are meant. */
  readonly intended: readonly (Difference & { readonly why: string })[];
  /** All others. `source` says which OTP: the recorded one, or the release that is installed. */
  readonly differ: readonly (Difference & { readonly source: string })[];
  /** The release of the live Erlang; null if none was asked. */
  readonly live: string | null;
}

/**
 * Scenarios whose result on OTP itself depends on which of two processes is first: the end of a server's `terminate` against its supervisor's
 * reaction, a failed start against the exit signal that comes with it. Their live result decides nothing.
 */
const racy: ReadonlySet<string> = new Set([
  "s_118_start_link_fail_nontrapping_caller",
  "s_130_report_sequence_permanent_crash",
  "s_131_report_sequence_intensity",
]);

/** Runs all `scenarios` and compares. A `live` result that differs from the recorded one is compared as well, if it is of the same release. */
export async function compare(scenarios: Scenarios, live?: LiveResults): Promise<Conformance> {
  const recorded = recordedResults();
  const report = {
    same: 0,
    intended: [] as Conformance["intended"][number][],
    differ: [] as Conformance["differ"][number][],
  };
  for (const [scenario, run] of Object.entries(scenarios)) {
    const copal = await runScenario(run);
    const otp = recorded.get(scenario) ?? "no recorded result";
    const meant = intended.get(scenario);
    const liveOtp = live?.results.get(scenario) ?? otp;
    if (copal === (meant?.copal ?? otp)) {
      if (meant) report.intended.push({ scenario, why: meant.why, otp, copal });
      else report.same++;
    } else report.differ.push({ scenario, source: "OTP 25.2.3, recorded", otp, copal });
    if (live && liveOtp !== otp && !racy.has(scenario)) {
      report.differ.push({ scenario, source: `OTP ${live.release}, live`, otp: liveOtp, copal });
    }
  }
  for (const scenario of recorded.keys()) {
    if (!(scenario in scenarios))
      report.differ.push({
        scenario,
        source: "OTP 25.2.3, recorded",
        otp: recorded.get(scenario) ?? "",
        copal: "not ported",
      });
  }
  return { compared: Object.keys(scenarios).length, ...report, live: live?.release ?? null };
}

const recordedRelease = "25";

/**
 * Runs the originals on the Erlang that is installed. What differs from the record is run once more: a busy machine delays a process beyond
 * what a scenario waits.
 *
 * Gives undefined for another release than the recorded one: what changed between releases is no matter of Copal's.
 */
export async function liveResults(): Promise<LiveResults | undefined> {
  const recorded = recordedResults();
  const live = await runOnErlang();
  if (live.release !== recordedRelease) return undefined;
  const doubtful = [...live.results.keys()].filter((name) => live.results.get(name) !== recorded.get(name));
  if (doubtful.length === 0) return live;
  const again = await runOnErlang(doubtful);
  return { ...live, results: new Map([...live.results, ...again.results]) };
}
