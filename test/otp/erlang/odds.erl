%% Odds and ends: a supervisor that is busy when something happens, continuations and time-outs of nothing, children that ask their own
%% supervisor, and what a kill finds half done.
-module(odds).

-export([
    s_280_busy_supervisor_counts_when_it_acts/0,
    s_281_timeout_0/0,
    s_282_continue_from_init/0,
    s_283_stop_in_continue/0,
    s_284_child_asks_its_supervisor_in_init/0,
    s_285_child_terminates_itself_through_its_supervisor/0,
    s_286_requests_wait_for_a_start/0,
    s_287_demonitor_without_flush/0,
    s_288_oneself_is_no_link_and_no_monitor/0,
    s_289_simple_exhaustion/0,
    s_290_simple_failing_restart/0,
    s_291_killed_while_it_stops/0,
    s_292_crash_during_cascade/0,
    s_293_added_child_is_stopped_first/0,
    s_294_exit_while_terminating/0,
    s_295_start_is_called_off_by_shutdown/0
]).
-import(scene, [
    alive/1, c/1, c/2, c/3, cc/1, clear/0, die/2, down/1, drain/0, evs/0, gs/1, kill/2, kill_wait/2, loop/0, pid/2, plan/2, seq/0,
    seqn/0, sup/2, supn/3, wait_exit/1, wc/1
]).

s_280_busy_supervisor_counts_when_it_acts() ->
    Slow = c(b, #{shutdown => infinity}, #{term_delay => 2500}),
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 1, period => 1}, [c(d), c(a), Slow]),
    {A, D} = {pid(S, a), pid(S, d)},
    timer:sleep(1100 - erlang:monotonic_time(millisecond) rem 1000),
    die(A, x),
    timer:sleep(200),
    die(D, y),
    timer:sleep(5500),
    {alive(S), length([1 || {started, _, _} <- evs()])}.

s_281_timeout_0() ->
    {ok, P} = gs(#{loginfo => true}),
    clear(),
    ok = gen_server:call(P, {reply_timeout, 0}),
    timer:sleep(10),
    A = evs(),
    clear(),
    ok = sys:suspend(P),
    Me = self(),
    spawn(fun() -> Me ! {called, gen_server:call(P, {reply_timeout, 0})} end),
    timer:sleep(10),
    P ! waiting,
    ok = sys:resume(P),
    receive {called, ok} -> ok end,
    {A, evs()}.

s_282_continue_from_init() ->
    {ok, P} = gs(#{loginfo => true, continue => {again, last}}),
    P ! first,
    [case E of {started, I, _} -> {up, I}; _ -> E end || E <- evs()].

s_283_stop_in_continue() ->
    {ok, P} = gs(#{continue => {stop, why}}),
    {wait_exit(P), [E || E <- evs(), element(1, E) =/= started]}.

s_284_child_asks_its_supervisor_in_init() ->
    {ok, S} = supn(sup284, #{}, []),
    {A, _} = supervisor:start_child(S, c(a, #{}, #{ask => sup284})),
    {A, [E || {asked, _, _} = E <- evs()], wc(S)}.

s_285_child_terminates_itself_through_its_supervisor() ->
    {ok, S} = sup(#{}, [c(a, #{shutdown => 100}), c(b)]),
    P = pid(S, a),
    clear(),
    P ! {terminate_me, S},
    {down(P), seq(), wc(S)}.

s_286_requests_wait_for_a_start() ->
    plan(a, [{sleep_error, 100, e}, ok]),
    {ok, S} = sup(#{}, []),
    Me = self(),
    Ask = fun(What, F) ->
        spawn(fun() -> Me ! {What, F()} end),
        timer:sleep(10)
    end,
    Ask(first, fun() -> element(1, supervisor:start_child(S, c(a))) end),
    Ask(second, fun() -> element(1, supervisor:start_child(S, c(a))) end),
    Ask(third, fun() -> supervisor:terminate_child(S, a) end),
    Ask(fourth, fun() -> element(1, supervisor:restart_child(S, a)) end),
    timer:sleep(150),
    {drain(), wc(S)}.

s_287_demonitor_without_flush() ->
    P = spawn(fun() -> loop() end),
    M = monitor(process, P),
    P ! {exit, x},
    timer:sleep(20),
    demonitor(M),
    [R || {'DOWN', _, _, _, R} <- drain()].

s_288_oneself_is_no_link_and_no_monitor() ->
    P = spawn(fun() ->
        process_flag(trap_exit, true),
        link(self()),
        monitor(process, self()),
        exit({said, drain()})
    end),
    down(P).

s_289_simple_exhaustion() ->
    {ok, S} = sup(#{strategy => simple_one_for_one, intensity => 1, period => 60}, [c(a)]),
    [P, Q, _] = [begin {ok, X} = supervisor:start_child(S, [[]]), X end || _ <- [1, 2, 3]],
    clear(),
    die(P, x),
    timer:sleep(20),
    A = cc(S),
    die(Q, y),
    {A, wait_exit(S), seq()}.

s_290_simple_failing_restart() ->
    plan(a, [ok, ok, {error, e1}, {error, e2}, ok]),
    {ok, S} = sup(#{strategy => simple_one_for_one, intensity => 5, period => 60}, [c(a, #{restart => transient})]),
    [P, _] = [begin {ok, X} = supervisor:start_child(S, [[]]), X end || _ <- [1, 2]],
    clear(),
    die(P, x),
    timer:sleep(40),
    {cc(S), wc(S), seq(), supervisor:terminate_child(S, P)}.

s_291_killed_while_it_stops() ->
    {ok, S} = sup(#{}, [c(a), c(b, #{shutdown => infinity}, #{term_delay => 300})]),
    Ms = [monitor(process, X) || X <- [S, pid(S, a), pid(S, b)]],
    clear(),
    exit(S, shutdown),
    timer:sleep(50),
    exit(S, kill),
    Downs = [receive {'DOWN', M, _, _, R} -> R end || M <- Ms],
    {Downs, lists:sort(seqn())}.

s_292_crash_during_cascade() ->
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 2, period => 60}, [c(a), c(b), c(d, #{}, #{term_delay => 100})]),
    {A, B} = {pid(S, a), pid(S, b)},
    clear(),
    die(B, x),
    timer:sleep(30),
    die(A, y),
    timer:sleep(300),
    {alive(S), wc(S), seq()}.

s_293_added_child_is_stopped_first() ->
    {ok, S} = sup(#{}, [c(a), c(b)]),
    supervisor:start_child(S, c(d, #{restart => temporary})),
    supervisor:terminate_child(S, a),
    supervisor:restart_child(S, a),
    clear(),
    kill_wait(S, shutdown),
    seqn().

s_294_exit_while_terminating() ->
    {ok, P} = gs(#{term_delay => 100}),
    clear(),
    unlink(P),
    M = monitor(process, P),
    P ! {die, x},
    timer:sleep(30),
    exit(P, other),
    timer:sleep(30),
    A = alive(P),
    {A, receive {'DOWN', M, _, _, R} -> R end, [E || E <- evs(), element(1, E) =/= report]}.

s_295_start_is_called_off_by_shutdown() ->
    plan(a, [ok, {sleep_error, 150, e}]),
    {ok, S} = sup(#{intensity => 1000, period => 60}, [c(b), c(a)]),
    exit(pid(S, a), kill),
    timer:sleep(30),
    clear(),
    R = kill_wait(S, {shutdown, now}),
    {R, [E || E <- seqn(), element(1, E) == term]}.
