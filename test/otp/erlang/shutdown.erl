%% How children are stopped: in which time, in which order, with what is reported, and what becomes of a supervisor that is stopped.
-module(shutdown).

-export([
    s_052_timeout_then_kill_report/0,
    s_053_infinity_waits/0,
    s_055_shutdown_error_reports_by_type/0,
    s_056_nontrapping_child_dies_without_terminate/0,
    s_058_naughty_child_unlinked_crash_unnoticed/0,
    s_059_simple_shutdown_parallel/0,
    s_061_simple_shutdown_reports_grouped/0,
    s_062_child_dies_while_sup_stopping_sibling/0,
    s_064_exit_signal_from_nonparent_ignored/0,
    s_065_exit_shutdown_from_parent/0,
    s_067_sup_killed_children_get_killed_reason/0,
    s_158_brutal_killed_supervisor_grandchildren/0,
    s_161_child_not_linked_by_start_fun/0,
    s_163_permanent_shutdown_tuple_stop_by_sup_logs/0,
    s_181_parent_exit2_normal_stops_supervisor/0,
    s_185_brutal_kill_trapping_child_no_terminate/0
]).
-import(scene, [
    alive/1, c/1, c/2, c/3, cc/1, clear/0, die/2, drain/0, evs/0, kill/2, kill_wait/2, pid/2, seq/0, seqn/0,
    sup/2, supn/3, wc/1
]).

s_052_timeout_then_kill_report() ->
    {ok, S} = sup(#{}, [c(a, #{shutdown => 80}, #{term_delay => 10000})]),
    P = pid(S, a),
    M = monitor(process, P),
    clear(),
    {T, R} =
        timer:tc(fun() ->
                        supervisor:terminate_child(S, a)
                 end),
    {R,
     receive
         {'DOWN', M, _, _, X} ->
             X
     end,
     T >= 80000
     andalso
     T < 400000,
     seq()}.

s_053_infinity_waits() ->
    {ok, S} = sup(#{}, [c(a, #{shutdown => infinity}, #{term_delay => 300})]),
    {T, R} =
        timer:tc(fun() ->
                        supervisor:terminate_child(S, a)
                 end),
    {R, T >= 300000}.

s_055_shutdown_error_reports_by_type() ->
    F = fun(Type, X) ->
               {ok, S} = sup(#{}, [c(a, #{restart => Type}, #{term_exit => X})]),
               clear(),
               supervisor:terminate_child(S, a),
               R = [{C, Rr} || {report, C, Rr, _, _} <- evs()],
               {Type, X, R}
        end,
    [
     F(T, X) ||
         T <- [permanent, transient, temporary],
         X <- [normal, shutdown, {shutdown, x}, other]
    ].

s_056_nontrapping_child_dies_without_terminate() ->
    {ok, S} = sup(#{}, [c(a, #{}, #{trap => false})]),
    P = pid(S, a),
    M = monitor(process, P),
    clear(),
    supervisor:terminate_child(S, a),
    {receive
         {'DOWN', M, _, _, X} ->
             X
     end,
     seq()}.

s_058_naughty_child_unlinked_crash_unnoticed() ->
    {ok, S} = supn(nsup2, #{}, []),
    {ok, P} = supervisor:start_child(S, c(a, #{}, #{unlink_from => nsup2})),
    die(P, x),
    timer:sleep(30),
    {wc(S), cc(S)}.

s_059_simple_shutdown_parallel() ->
    {ok, S} = sup(#{strategy => simple_one_for_one}, [c(a, #{shutdown => 2000}, #{term_delay => 200})]),
    [supervisor:start_child(S, [[]]) || _ <- lists:seq(1, 5)],
    {T, R} =
        timer:tc(fun() ->
                        kill_wait(S, shutdown)
                 end),
    {R, T < 600000}.

s_061_simple_shutdown_reports_grouped() ->
    {ok, S} = sup(#{strategy => simple_one_for_one}, [c(a, #{}, #{term_exit => oops})]),
    [supervisor:start_child(S, [[]]) || _ <- lists:seq(1, 3)],
    clear(),
    kill_wait(S, shutdown),
    [{C, R, N} || {report, C, R, _, N} <- evs()].

s_062_child_dies_while_sup_stopping_sibling() ->
    {ok, S} = sup(#{}, [c(a), c(b, #{shutdown => 2000}, #{term_delay => 300})]),
    PA = pid(S, a),
    MA = monitor(process, PA),
    clear(),
    spawn(fun() ->
                 timer:sleep(100),
                 PA ! {die, crashed}
          end),
    R = kill_wait(S, shutdown),
    {R,
     receive
         {'DOWN', MA, _, _, X} ->
             X
     end,
     seq()}.

s_064_exit_signal_from_nonparent_ignored() ->
    {ok, S} = sup(#{}, [c(a)]),
    clear(),
    Pid =
        spawn(fun() ->
                     exit(S, shutdown),
                     exit(S, foo)
              end),
    timer:sleep(50),
    {alive(S), alive(Pid), seq()}.

s_065_exit_shutdown_from_parent() ->
    {ok, S} = sup(#{}, [c(a), c(b)]),
    clear(),
    {kill_wait(S, {shutdown, custom}),
     seqn(),
     [R || {'EXIT', _, R} <- drain()]}.

s_067_sup_killed_children_get_killed_reason() ->
    {ok, S} = sup(#{}, [c(a), c(b, #{}, #{trap => false})]),
    A = pid(S, a),
    B = pid(S, b),
    MA = monitor(process, A),
    MB = monitor(process, B),
    clear(),
    unlink(S),
    exit(S, kill),
    {receive
         {'DOWN', MA, _, _, X} -> X
     after
         1000 -> alive
     end,
     receive
         {'DOWN', MB, _, _, Y} -> Y
     after
         1000 -> alive
     end,
     seqn()}.

s_158_brutal_killed_supervisor_grandchildren() ->
    Inner =
        #{id => inner,
          type => supervisor,
          shutdown => brutal_kill,
          start => {supervisor, start_link, [scene, {ok, {#{}, [c(w1), c(w2)]}}]}},
    {ok, S} = sup(#{}, [Inner]),
    G = pid(pid(S, inner), w1),
    M = monitor(process, G),
    clear(),
    kill_wait(S, shutdown),
    {receive
         {'DOWN', M, _, _, R} -> R
     after
         500 -> alive
     end,
     lists:sort(seqn())}.

s_161_child_not_linked_by_start_fun() ->
    Sp = #{id => u, start => {scene, unlinked, []}},
    {ok, S} = sup(#{}, [Sp]),
    P = pid(S, u),
    K = kill(P, kill),
    timer:sleep(30),
    {K, wc(S), supervisor:count_children(S)}.

s_163_permanent_shutdown_tuple_stop_by_sup_logs() ->
    {ok, S} = sup(#{}, [c(a, #{}, #{term_exit => {shutdown, z}})]),
    clear(),
    kill_wait(S, shutdown),
    [E || {report, _, _, _, _} = E <- evs()].

s_181_parent_exit2_normal_stops_supervisor() ->
    {ok, S} = sup(#{}, [c(a)]),
    clear(),
    M = monitor(process, S),
    exit(S, normal),
    {receive
         {'DOWN', M, _, _, R} -> R
     after
         500 -> alive
     end,
     seqn()}.

s_185_brutal_kill_trapping_child_no_terminate() ->
    {ok, S} = sup(#{}, [c(a, #{shutdown => brutal_kill})]),
    clear(),
    kill_wait(S, shutdown),
    seqn().
