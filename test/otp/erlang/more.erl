%% Corners that the other scenarios do not reach: requests while a child is restarting, cascades over children added later, significance
%% across levels, exit signals to oneself, and servers that end while somebody waits for them.
-module(more).

-export([
    s_201_requests_while_restarting/0,
    s_202_count_children_while_restarting/0,
    s_203_rest_for_one_over_added_children/0,
    s_204_one_for_all_brings_back_terminated/0,
    s_205_significant_escalates/0,
    s_206_exhausted_significant_supervisor/0,
    s_207_delete_and_start_moves_to_the_end/0,
    s_208_extra_is_returned/0,
    s_209_start_child_that_fails/0,
    s_210_temporary_is_gone/0,
    s_211_always_failing_restart_exhausts/0,
    s_212_dead_on_arrival/0,
    s_213_call_by_name_across_restarts/0,
    s_214_caller_dies_before_the_reply/0,
    s_215_silence_answers/0,
    s_216_monitors_are_independent/0,
    s_217_link_unlink_link/0,
    s_218_exit_to_oneself/0,
    s_219_trapping_counts_at_reception/0,
    s_220_parent_exit_reaches_a_suspended_server/0,
    s_221_reply_after_terminate/0,
    s_222_error_in_a_callback/0,
    s_223_static_children_stop_one_by_one/0,
    s_224_shutdown_0_kills/0,
    s_225_window_in_whole_seconds/0,
    s_226_transient_supervisor_swallows_exhaustion/0,
    s_227_simultaneous_crashes_one_for_all/0,
    s_228_simple_restart_types/0,
    s_229_nested_start_failure/0,
    s_230_terminate_of_restarting_in_cascade/0
]).
-import(scene, [
    alive/1, c/1, c/2, c/3, cc/1, clear/0, die/2, down/1, drain/0, evs/0, gs/1, kill_wait/2, loop/0, pid/2, plan/2, seq/0, seqn/0,
    sig/2, strip/1, sup/2, wait_exit/1, wc/1
]).

inner(Id, Flags, Specs, More) ->
    maps:merge(#{id => Id, type => supervisor, start => {supervisor, start_link, [scene, {ok, {Flags, Specs}}]}}, More).

%% Ids and reasons alone: the child's record that OTP wraps a failed start in is nobody's business.
reason({error, {R, Record}}) when element(1, Record) == child -> {error, R};
reason(R) -> R.

s_201_requests_while_restarting() ->
    plan(a, [ok, {sleep_error, 100, e}]),
    {ok, S} = sup(#{intensity => 1000, period => 60}, [c(a), c(b)]),
    exit(pid(S, a), kill),
    timer:sleep(50),
    A = [supervisor:start_child(S, c(a)), supervisor:restart_child(S, a), supervisor:delete_child(S, a)],
    {ok, #{restart := R}} = supervisor:get_childspec(S, a),
    T = supervisor:terminate_child(S, a),
    {A, R, T, wc(S), supervisor:delete_child(S, a), wc(S)}.

s_202_count_children_while_restarting() ->
    plan(a, [ok, {sleep_error, 100, e}]),
    {ok, S} = sup(#{intensity => 1000, period => 60}, [c(a), c(b), inner(i, #{}, [], #{})]),
    exit(pid(S, a), kill),
    timer:sleep(50),
    A = {wc(S), cc(S)},
    supervisor:terminate_child(S, a),
    B = {wc(S), cc(S)},
    {A, B, supervisor:restart_child(S, a), wc(S)}.

s_203_rest_for_one_over_added_children() ->
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 5}, [c(a), c(b)]),
    [supervisor:start_child(S, Spec) || Spec <- [c(t, #{restart => temporary}), c(r, #{restart => transient}), c(p)]],
    die(pid(S, r), normal),
    timer:sleep(20),
    clear(),
    die(pid(S, b), x),
    timer:sleep(60),
    {seqn(), wc(S)}.

s_204_one_for_all_brings_back_terminated() ->
    {ok, S} = sup(#{strategy => one_for_all, intensity => 5}, [c(a), c(b), c(c)]),
    supervisor:terminate_child(S, b),
    clear(),
    die(pid(S, c), x),
    timer:sleep(60),
    {seqn(), wc(S)}.

s_205_significant_escalates() ->
    Inner = inner(i, #{auto_shutdown => any_significant}, [sig(w, transient), c(v)], #{restart => transient, significant => true}),
    {ok, S} = sup(#{auto_shutdown => all_significant}, [c(a), Inner, c(b)]),
    clear(),
    die(pid(pid(S, i), w), normal),
    {wait_exit(S), seq()}.

s_206_exhausted_significant_supervisor() ->
    Inner = inner(i, #{intensity => 0}, [c(w)], #{restart => temporary, significant => true}),
    {ok, S} = sup(#{auto_shutdown => any_significant}, [c(a), Inner]),
    clear(),
    die(pid(pid(S, i), w), x),
    {wait_exit(S), seq()}.

s_207_delete_and_start_moves_to_the_end() ->
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 5}, [c(a), c(b), c(c)]),
    supervisor:terminate_child(S, a),
    supervisor:delete_child(S, a),
    supervisor:start_child(S, c(a)),
    W = wc(S),
    clear(),
    die(pid(S, c), x),
    timer:sleep(50),
    {W, seqn(), wc(S)}.

s_208_extra_is_returned() ->
    plan(x, [extra]),
    {ok, S} = sup(#{}, []),
    {ok, _, A} = supervisor:start_child(S, c(x)),
    supervisor:terminate_child(S, x),
    {ok, _, B} = supervisor:restart_child(S, x),
    {A, B, wc(S), cc(S)}.

s_209_start_child_that_fails() ->
    [plan(Id, [Outcome]) || {Id, Outcome} <- [{a, {error, bad}}, {b, {init_stop, why}}, {d, {init_exit, normal}}, {e, ignore}, {f, ignore}, {g, init_ignore}]],
    {ok, S} = sup(#{}, []),
    clear(),
    A = [reason(supervisor:start_child(S, c(Id))) || Id <- [a, b, d, e]],
    B = [supervisor:start_child(S, c(Id, #{restart => temporary})) || Id <- [f, g]],
    {A, B, wc(S), supervisor:start_child(S, c(e)), [E || {report, C, _, _, _} = E <- evs(), C == start_error]}.

s_210_temporary_is_gone() ->
    {ok, S} = sup(#{}, [c(a, #{restart => temporary}), c(b, #{restart => temporary})]),
    die(pid(S, a), x),
    timer:sleep(20),
    supervisor:terminate_child(S, b),
    {
        [F(S, Id) || F <- [fun supervisor:restart_child/2, fun supervisor:delete_child/2, fun supervisor:get_childspec/2], Id <- [a, b]],
        wc(S)
    }.

s_211_always_failing_restart_exhausts() ->
    plan(a, [ok, {error, e}]),
    {ok, S} = sup(#{intensity => 3, period => 60}, [c(a), c(b)]),
    clear(),
    die(pid(S, a), x),
    {wait_exit(S), seq()}.

s_212_dead_on_arrival() ->
    plan(a, [{crash_after, 0, early}, ok]),
    {ok, S} = sup(#{intensity => 5}, [c(a), c(b)]),
    timer:sleep(50),
    {seq(), wc(S)}.

s_213_call_by_name_across_restarts() ->
    Named = #{id => w, start => {gen_server, start_link, [{local, nm213}, ow, #{id => w}, []]}},
    {ok, S} = sup(#{intensity => 5}, [Named]),
    P = whereis(nm213),
    A = gen_server:call(nm213, ping),
    die(P, x),
    timer:sleep(30),
    B = gen_server:call(nm213, ping),
    C = whereis(nm213) =/= P,
    supervisor:terminate_child(S, w),
    {A, B, C, (catch gen_server:call(nm213, ping)), whereis(nm213)}.

s_214_caller_dies_before_the_reply() ->
    {ok, P} = gs(#{}),
    Caller = spawn(fun() -> gen_server:call(P, {late, 60}) end),
    timer:sleep(20),
    exit(Caller, kill),
    timer:sleep(80),
    {alive(Caller), gen_server:call(P, ping), drain()}.

s_215_silence_answers() ->
    {ok, P} = gs(#{}),
    A = gen_server:call(P, {timeout_noreply, 30}),
    Me = self(),
    spawn(fun() -> Me ! {answer, (catch gen_server:call(P, {timeout_noreply, 50}, 120))} end),
    timer:sleep(30),
    P ! anything,
    {A, receive {answer, {'EXIT', {R, _}}} -> R end, gen_server:call(P, ping)}.

s_216_monitors_are_independent() ->
    P = spawn(fun() -> loop() end),
    [M1, M2, M3] = [monitor(process, P) || _ <- [1, 2, 3]],
    demonitor(M2, [flush]),
    P ! {exit, x},
    timer:sleep(20),
    A = [{M == M1, M == M3, R} || {'DOWN', M, process, _, R} <- drain()],
    Q = spawn(fun() -> loop() end),
    M4 = monitor(process, Q),
    Q ! {exit, y},
    timer:sleep(20),
    demonitor(M4, [flush]),
    {lists:sort(A), drain()}.

s_217_link_unlink_link() ->
    P = spawn(fun() -> loop() end),
    link(P),
    link(P),
    unlink(P),
    link(P),
    P ! {exit, x},
    timer:sleep(20),
    A = [R || {'EXIT', _, R} <- drain()],
    unlink(P),
    {A, drain()}.

s_218_exit_to_oneself() ->
    F = fun(Trap, R) ->
        P = spawn(fun() ->
            process_flag(trap_exit, Trap),
            exit(self(), R),
            receive
                {'EXIT', _, X} -> exit({trapped, X})
            after 50 -> exit(nothing)
            end
        end),
        {Trap, R, down(P)}
    end,
    [F(T, R) || T <- [false, true], R <- [normal, foo, kill]].

s_219_trapping_counts_at_reception() ->
    Me = self(),
    P = spawn(fun() ->
        process_flag(trap_exit, true),
        Me ! go,
        receive continue -> ok end,
        process_flag(trap_exit, false),
        receive {'EXIT', _, R} -> exit({still_there, R}) after 50 -> exit(nothing) end
    end),
    receive go -> ok end,
    exit(P, foo),
    P ! continue,
    down(P).

s_220_parent_exit_reaches_a_suspended_server() ->
    Me = self(),
    Parent = spawn(fun() ->
        {ok, P} = gs(#{loginfo => true}),
        Me ! {p, P},
        loop()
    end),
    P = receive {p, X} -> X end,
    ok = sys:suspend(P),
    clear(),
    P ! lost,
    Parent ! {exit, shutdown},
    {down(P), evs()}.

s_221_reply_after_terminate() ->
    {ok, P} = gs(#{term_delay => 50}),
    clear(),
    A = gen_server:call(P, {stop, normal, bye}),
    {A, alive(P), evs()}.

s_222_error_in_a_callback() ->
    {ok, P} = gs(#{}),
    clear(),
    {'EXIT', {A, _}} = (catch gen_server:call(P, {crash, error, oops})),
    {ok, Q} = gs(#{}),
    {'EXIT', {B, _}} = (catch gen_server:call(Q, {crash, exit, {shutdown, quiet}})),
    Said = [case E of {terminate, g, {oops, _}} -> {terminate, g, oops}; _ -> E end || E <- evs(), element(1, E) =/= started],
    {strip(A), strip(wait_exit(P)), B, wait_exit(Q), Said}.

s_223_static_children_stop_one_by_one() ->
    {ok, S} = sup(#{}, [c(Id, #{}, #{term_delay => 100}) || Id <- [a, b, c]]),
    clear(),
    {T, R} = timer:tc(fun() -> kill_wait(S, shutdown) end),
    {R, T >= 300000, [{K, I} || E <- evs(), K <- [element(1, E)], I <- [element(2, E)], K == terminate orelse K == terminated]}.

s_224_shutdown_0_kills() ->
    {ok, S} = sup(#{}, [c(a, #{shutdown => 0}, #{term_delay => 1000}), c(b, #{shutdown => 0, restart => transient}, #{term_delay => 1000})]),
    Ms = [monitor(process, pid(S, Id)) || Id <- [a, b]],
    clear(),
    supervisor:terminate_child(S, a),
    supervisor:terminate_child(S, b),
    {[receive {'DOWN', M, _, _, R} -> R end || M <- Ms], [E || {report, _, _, _, _} = E <- evs()]}.

s_225_window_in_whole_seconds() ->
    F = fun(Ms) ->
        {ok, S} = sup(#{intensity => 1, period => 1}, [c(a)]),
        timer:sleep(1100 - erlang:monotonic_time(millisecond) rem 1000),
        die(pid(S, a), x),
        timer:sleep(Ms),
        die(pid(S, a), x),
        timer:sleep(50),
        {Ms, alive(S)}
    end,
    [F(Ms) || Ms <- [500, 1700, 2100]].

s_226_transient_supervisor_swallows_exhaustion() ->
    Inner = inner(i, #{intensity => 0}, [c(w)], #{restart => transient}),
    {ok, S} = sup(#{}, [Inner, c(b)]),
    clear(),
    die(pid(pid(S, i), w), x),
    timer:sleep(50),
    {alive(S), wc(S), seq()}.

s_227_simultaneous_crashes_one_for_all() ->
    {ok, S} = sup(#{strategy => one_for_all, intensity => 1, period => 60}, [c(a), c(b), c(c)]),
    {A, C} = {pid(S, a), pid(S, c)},
    ok = sys:suspend(S),
    clear(),
    die(A, x),
    die(C, y),
    sys:resume(S),
    timer:sleep(60),
    {alive(S), wc(S), seq()}.

s_228_simple_restart_types() ->
    F = fun(Type, Reason) ->
        {ok, S} = sup(#{strategy => simple_one_for_one, intensity => 5}, [c(a, #{restart => Type})]),
        {ok, P} = supervisor:start_child(S, [[]]),
        clear(),
        die(P, Reason),
        timer:sleep(20),
        R = {Type, Reason, counts, cc(S), [C || {report, C, _, _, _} <- evs()]},
        kill_wait(S, shutdown),
        R
    end,
    [F(T, R) || T <- [permanent, transient, temporary], R <- [normal, {shutdown, x}, other]].

s_229_nested_start_failure() ->
    plan(w, [{error, bad}]),
    Inner = inner(i, #{}, [c(v), c(w)], #{}),
    R = sup(#{}, [c(a), Inner]),
    {R, seq()}.

s_230_terminate_of_restarting_in_cascade() ->
    plan(b, [ok, {sleep_error, 50, e}]),
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 100, period => 60}, [c(a), c(b), c(d)]),
    clear(),
    exit(pid(S, b), kill),
    timer:sleep(80),
    W = wc(S),
    T = supervisor:terminate_child(S, b),
    plan(b, [ok]),
    N = length([1 || {start, b, _} <- evs()]),
    timer:sleep(120),
    Same = N == length([1 || {start, b, _} <- evs()]),
    W2 = wc(S),
    die(pid(S, a), x),
    timer:sleep(50),
    {W, T, Same, W2, wc(S)}.
