%% Restart type against exit reason: which ends are followed by a restart, and which are reported.
-module(restart_type).

-export([
    s_020_matrix/0,
    s_164_restart_extra_pid_updates/0,
    s_167_kill_child_reason_reported_as_killed/0,
    s_169_failed_restart_child_api_keeps_spec/0
]).
-import(scene, [
    alive/1, c/1, c/2, clear/0, die/2, evs/0, pid/2, plan/2, sup/2, wc/1
]).

s_020_matrix() ->
    F = fun(Type, Reason) ->
               {ok, S} = sup(#{intensity => 5}, [c(a, #{restart => Type})]),
               P = pid(S, a),
               clear(),
               die(P, Reason),
               timer:sleep(30),
               Res =
                   case wc(S) of
                       [{a, running}] ->
                           restarted;
                       [{a, undefined}] ->
                           kept_stopped;
                       [] ->
                           removed
                   end,
               Rep =
                   [C || {report, C, _, _, _} <- evs()],
               unlink(S),
               exit(S, kill),
               {Type, Reason, Res, Rep}
        end,
    [
     F(T, R) ||
         T <- [permanent, transient, temporary],
         R <- [normal, shutdown, {shutdown, x}, other, kill, killed, noproc]
    ].

s_164_restart_extra_pid_updates() ->
    plan(a, [ok, extra]),
    {ok, S} = sup(#{}, [c(a)]),
    P = pid(S, a),
    die(P, x),
    timer:sleep(30),
    {wc(S), P =/= pid(S, a)}.

s_167_kill_child_reason_reported_as_killed() ->
    {ok, S} = sup(#{}, [c(a)]),
    clear(),
    exit(pid(S, a), kill),
    timer:sleep(40),
    [
     E ||
         {report, C, _, _, _} = E <- evs(),
         C == child_terminated
    ].

s_169_failed_restart_child_api_keeps_spec() ->
    plan(a, [ok, {error, e}, ok]),
    {ok, S} = sup(#{intensity => 0}, [c(a)]),
    supervisor:terminate_child(S, a),
    {supervisor:restart_child(S, a), wc(S), element(1, supervisor:restart_child(S, a)), alive(S)}.
