/**
 * The scenarios in which Copal means to differ from OTP: what it comes to instead, and why. Everything that is not here is to be the same;
 * what is here is to be exactly so.
 */

/** One intended difference. */
export interface Intention {
  /** What the scenario comes to on Copal. */
  readonly copal: string;
  readonly why: string;
}

const unknownIsRefused =
  "a request that a supervisor does not know ends it in OTP, and so the tree below it; here it is refused, or dropped if nobody waits for an answer";

const countsAreNeverNegative =
  "OTP forgets to take a child off its count of restarting ones when it is terminated while its restart fails, and then counts less than nobody";

/** By the scenario's name. */
export const intended: ReadonlyMap<string, Intention> = new Map([
  [
    "s_017_simple_restart_loop_pid_lookup",
    { copal: "{[{undefined,restarting}],[1,0,0,1],ok,[],[1,0,0,0]}", why: countsAreNeverNegative },
  ],
  [
    "s_179_count_children_negative_active_BUG",
    { copal: "[{specs,1},{active,0},{supervisors,0},{workers,0}]", why: countsAreNeverNegative },
  ],
  [
    "s_019_simple_restart_returns_ignore_BUG8215",
    {
      copal: "{[],[1,0,0,0],sup_exit,shutdown}",
      why: "OTP 25 lists an instance whose restart said ignore as one without a pid and crashes over it when it stops, leaving the others without an orderly end; here, as in later releases, it is forgotten",
    },
  ],
  [
    "s_049_unexpected_message_and_call",
    { copal: "{[{report,sup_unexpected,hello}],no_method,no_exit}", why: unknownIsRefused },
  ],
  ["s_260_unknown_cast", { copal: "{true,[]}", why: unknownIsRefused }],
  [
    "s_263_forged_exit_signal",
    {
      copal: "{true,true,[1,1,0,1],[]}",
      why: "an exit signal that a child sends to its supervisor looks like its end in OTP: a second instance is started and the first runs on untracked; here a supervisor believes only ends",
    },
  ],
  [
    "s_050_get_childspec_temporary_hides_args",
    {
      copal: "{undefined,{ow,start_link,[#{id => b}]}}",
      why: "OTP forgets the arguments of a start that it will never make again and keeps the function's name; a start function here is one thing, and is forgotten as a whole",
    },
  ],
  [
    "s_161_child_not_linked_by_start_fun",
    {
      copal: "{killed,[{u,running}],[{specs,1},{active,1},{supervisors,0},{workers,1}]}",
      why: "a child whose start function did not link it dies unnoticed in OTP and stays listed as running; a supervisor here links it, and starts it again",
    },
  ],
  [
    "s_106_throw_is_return_value",
    {
      copal: "{{'EXIT',{{{nocatch,thrown},stack},{gen_server,call,[p1,{throw,thrown}]}}},false}",
      why: "to throw is to fail in JavaScript, whatever is thrown; it is no second way to return",
    },
  ],
  [
    "s_107_bad_return",
    { copal: "{badreturn,no_exit}", why: "a method returns its answer and nothing else, so no value is a wrong one" },
  ],
]);
