%% Further corners: wrong specifications, ends that come from a link or a parent, starts that say ignore or are dead already, forged exit
%% signals, suspended supervisors, and what is sent to the dead.
-module(corners).

-export([
    s_240_temporary_exits_are_not_counted/0,
    s_241_overflow_stops_the_rest_in_reverse/0,
    s_242_restart_that_says_ignore/0,
    s_243_child_init_failures/0,
    s_244_wrong_child_specs/0,
    s_245_wrong_specs_of_start_child/0,
    s_246_requests_to_a_dead_supervisor/0,
    s_247_brutal_kill_is_no_error/0,
    s_248_child_that_unlinked_itself_is_stopped/0,
    s_249_end_of_the_parent_ends_the_supervisor/0,
    s_250_supervisor_stopped_in_order/0,
    s_251_significant_crash_is_restarted/0,
    s_252_all_significant_waits_for_the_last/0,
    s_253_restarting_significant_counts_as_active/0,
    s_254_link_reason_matrix/0,
    s_255_exit_of_another_is_a_message/0,
    s_256_failed_start_link_of_a_trapping_caller/0,
    s_257_init_ignore_frees_the_name/0,
    s_258_messages_to_the_dead/0,
    s_259_suspended_supervisor/0,
    s_260_unknown_cast/0,
    s_261_child_dead_before_its_start_returns/0,
    s_262_group_events/0,
    s_263_forged_exit_signal/0,
    s_264_killed_inner_supervisor_in_one_for_all/0,
    s_265_exit_signals_to_a_worker/0,
    s_266_call_in_flight_when_stopped/0
]).
-export([dead_once/0]).
-import(scene, [
    alive/1, c/1, c/2, c/3, cc/1, clear/0, die/2, down/1, drain/0, evs/0, gs/1, kill/2, kill_wait/2, loop/0, pid/2, plan/2, seq/0,
    seqn/0, sig/2, strip/1, sup/2, supn/3, wait_exit/1, wc/1
]).

inner(Id, Flags, Specs, More) ->
    maps:merge(#{id => Id, type => supervisor, start => {supervisor, start_link, [scene, {ok, {Flags, Specs}}]}}, More).

s_240_temporary_exits_are_not_counted() ->
    {ok, S} = sup(#{intensity => 0}, [c(a, #{restart => temporary}), c(b, #{restart => transient}), c(d)]),
    die(pid(S, a), x),
    die(pid(S, b), normal),
    timer:sleep(20),
    {alive(S), wc(S)}.

s_241_overflow_stops_the_rest_in_reverse() ->
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 0}, [c(a), c(b), c(t, #{restart => temporary}), c(d)]),
    clear(),
    die(pid(S, b), x),
    {wait_exit(S), seq()}.

s_242_restart_that_says_ignore() ->
    plan(b, [ok, ignore, ok]),
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 1, period => 60}, [c(a), c(b), c(d)]),
    clear(),
    die(pid(S, b), x),
    timer:sleep(40),
    A = {wc(S), cc(S), seqn()},
    {B, _} = supervisor:restart_child(S, b),
    {A, B, wc(S)}.

s_243_child_init_failures() ->
    F = fun(Outcome) ->
        plan(a, [Outcome]),
        {sup(#{}, [c(a)]), length(drain())}
    end,
    [F(O) || O <- [{init_stop, why}, {init_stop, normal}, {init_exit, {a, b}}, {init_stop, {shutdown, z}}, {return, foo}]].

s_244_wrong_child_specs() ->
    Start = {ow, start_link, [#{id => a}]},
    Sig = #{id => a, start => Start, significant => true},
    [
        sup(#{}, [#{start => Start}]),
        sup(#{}, [#{id => a}]),
        sup(#{}, [#{id => a, start => x}]),
        sup(#{}, [#{id => a, start => Start, restart => x}]),
        sup(#{}, [Sig]),
        sup(#{auto_shutdown => any_significant}, [Sig]),
        sup(#{auto_shutdown => any_significant}, [#{id => a, start => Start, restart => transient, significant => x}]),
        sup(#{}, [#{id => a, start => Start, type => x}]),
        sup(#{}, [#{id => a, start => Start, shutdown => x}]),
        sup(#{}, [#{id => a, start => Start, shutdown => -1}]),
        sup(#{}, [#{id => a, start => Start, restart => x, type => y, shutdown => z}]),
        sup(#{}, [c(a), c(b), c(a)]),
        sup(#{}, [x])
    ].

s_245_wrong_specs_of_start_child() ->
    {ok, S} = sup(#{}, [c(a)]),
    Start = {ow, start_link, [#{id => b}]},
    Wrong = [#{}, #{id => b}, #{id => b, start => Start, restart => never}, #{id => b, start => Start, restart => transient, significant => true}],
    {[supervisor:start_child(S, Spec) || Spec <- Wrong], wc(S)}.

s_246_requests_to_a_dead_supervisor() ->
    {ok, S} = sup(#{}, [c(a)]),
    kill_wait(S, shutdown),
    {'EXIT', {A, _}} = (catch supervisor:which_children(S)),
    {'EXIT', {B, _}} = (catch supervisor:start_child(S, c(b))),
    {A, B}.

s_247_brutal_kill_is_no_error() ->
    F = fun(Type) ->
        {ok, S} = sup(#{}, [c(a, #{restart => Type, shutdown => brutal_kill})]),
        M = monitor(process, pid(S, a)),
        clear(),
        supervisor:terminate_child(S, a),
        {Type, receive {'DOWN', M, _, _, R} -> R end, seq()}
    end,
    [F(T) || T <- [permanent, transient, temporary]].

s_248_child_that_unlinked_itself_is_stopped() ->
    {ok, S} = supn(sup248, #{}, []),
    {ok, P} = supervisor:start_child(S, c(a, #{}, #{unlink_from => sup248})),
    M = monitor(process, P),
    clear(),
    A = supervisor:terminate_child(S, a),
    {A, receive {'DOWN', M, _, _, R} -> R end, seq()}.

s_249_end_of_the_parent_ends_the_supervisor() ->
    F = fun(Reason) ->
        Me = self(),
        Parent = spawn(fun() ->
            {ok, S} = sup(#{}, [c(a), c(b)]),
            Me ! {s, S},
            loop()
        end),
        S = receive {s, X} -> X end,
        M = monitor(process, S),
        clear(),
        Parent ! {exit, Reason},
        {receive {'DOWN', M, _, _, R} -> R after 1000 -> alive end, seqn()}
    end,
    [F(R) || R <- [normal, shutdown, crashed]].

s_250_supervisor_stopped_in_order() ->
    {ok, S} = sup(#{}, [c(a), c(b)]),
    clear(),
    A = gen_server:stop(S),
    {A, wait_exit(S), seq()}.

s_251_significant_crash_is_restarted() ->
    {ok, S} = sup(#{auto_shutdown => any_significant, intensity => 5}, [sig(a, transient), c(b)]),
    die(pid(S, a), x),
    timer:sleep(30),
    A = {alive(S), wc(S)},
    die(pid(S, a), {shutdown, done}),
    {A, wait_exit(S)}.

s_252_all_significant_waits_for_the_last() ->
    {ok, S} = sup(#{auto_shutdown => all_significant}, [sig(a, transient), sig(b, temporary), c(d)]),
    die(pid(S, a), normal),
    timer:sleep(30),
    A = {alive(S), wc(S)},
    clear(),
    die(pid(S, b), x),
    {A, wait_exit(S), seq()}.

s_253_restarting_significant_counts_as_active() ->
    plan(a, [ok, {sleep_error, 60, e}]),
    {ok, S} = sup(#{auto_shutdown => all_significant, intensity => 1000, period => 60}, [sig(a, transient), sig(b, transient)]),
    exit(pid(S, a), kill),
    timer:sleep(30),
    die(pid(S, b), normal),
    timer:sleep(80),
    A = {alive(S), wc(S)},
    supervisor:terminate_child(S, a),
    {A, alive(S), wc(S)}.

s_254_link_reason_matrix() ->
    F = fun(Trap, Reason) ->
        Me = self(),
        P = spawn(fun() ->
            process_flag(trap_exit, Trap),
            L = spawn_link(fun() -> loop() end),
            Me ! {l, L},
            receive {'EXIT', L, X} -> exit({trapped, X}) after 50 -> exit(survived) end
        end),
        L = receive {l, X} -> X end,
        M = monitor(process, P),
        L ! {exit, Reason},
        {Trap, Reason, receive {'DOWN', M, _, _, R} -> R end}
    end,
    [F(T, R) || T <- [false, true], R <- [normal, shutdown, kill, killed, foo]].

s_255_exit_of_another_is_a_message() ->
    {ok, P} = gs(#{loginfo => true}),
    Q = spawn(fun() -> loop() end),
    P ! {link_to, Q},
    timer:sleep(10),
    clear(),
    Q ! {exit, x},
    timer:sleep(20),
    {[{K, I, element(1, M), element(3, M)} || {K, I, M} <- evs()], gen_server:call(P, ping)}.

s_256_failed_start_link_of_a_trapping_caller() ->
    F = fun(Init) -> {gen_server:start_link(ow, #{id => g, init => Init}, []), [R || {'EXIT', _, R} <- drain()]} end,
    [F(I) || I <- [{stop, why}, {stop, {shutdown, x}}, {exit, boom}, ignore]].

s_257_init_ignore_frees_the_name() ->
    A = gen_server:start_link({local, nm257}, ow, #{id => g, init => ignore}, []),
    B = whereis(nm257),
    {ok, P} = gen_server:start_link({local, nm257}, ow, #{id => g}, []),
    {A, B, P == whereis(nm257)}.

s_258_messages_to_the_dead() ->
    {ok, P} = gs(#{}),
    kill(P, kill),
    P ! hello,
    A = gen_server:cast(P, hello),
    unlink(P),
    exit(P, foo),
    {A, [R || {'EXIT', _, R} <- drain()], alive(P)}.

s_259_suspended_supervisor() ->
    {ok, S} = sup(#{intensity => 5}, [c(a), c(b)]),
    P = pid(S, a),
    ok = sys:suspend(S),
    clear(),
    die(P, x),
    timer:sleep(30),
    A = seqn(),
    Me = self(),
    spawn(fun() -> Me ! {listed, wc(S)} end),
    timer:sleep(30),
    B = receive {listed, W} -> W after 0 -> waiting end,
    sys:resume(S),
    {A, B, receive {listed, L} -> L end, seqn()}.

s_260_unknown_cast() ->
    {ok, S} = sup(#{}, [c(a)]),
    clear(),
    gen_server:cast(S, bogus),
    timer:sleep(30),
    {alive(S), seqn()}.

dead_once() ->
    P = spawn_link(fun() -> exit(early) end),
    M = monitor(process, P),
    receive {'DOWN', M, _, _, _} -> ok end,
    case get(once) of
        undefined ->
            put(once, 1),
            {ok, P};
        _ ->
            {ok, spawn_link(fun() -> loop() end)}
    end.

s_261_child_dead_before_its_start_returns() ->
    {ok, S} = sup(#{intensity => 5}, [#{id => a, start => {corners, dead_once, []}}, c(b)]),
    timer:sleep(50),
    {wc(S), seq()}.

s_262_group_events() ->
    pg:start_link(sc262),
    P = spawn(fun() -> loop() end),
    {Ref, Before} = pg:monitor(sc262, g),
    pg:join(sc262, g, P),
    pg:join(sc262, g, P),
    pg:leave(sc262, g, P),
    pg:join(sc262, other, P),
    P ! {exit, x},
    timer:sleep(30),
    {Before, [{What, G, length(Ps)} || {R, What, G, Ps} <- drain(), R == Ref], pg:demonitor(sc262, Ref), pg:demonitor(sc262, Ref)}.

s_263_forged_exit_signal() ->
    {ok, S} = sup(#{intensity => 5}, [c(a)]),
    P = pid(S, a),
    clear(),
    P ! {exit_to, S, foo},
    timer:sleep(50),
    {alive(P), P == pid(S, a), cc(S), seq()}.

s_264_killed_inner_supervisor_in_one_for_all() ->
    {ok, S} = sup(#{strategy => one_for_all, intensity => 5}, [c(a), inner(i, #{}, [c(w, #{}, #{trap => false})], #{}), c(z)]),
    W = pid(pid(S, i), w),
    clear(),
    A = kill(pid(S, i), kill),
    timer:sleep(60),
    {A, alive(W), seq(), wc(S)}.

s_265_exit_signals_to_a_worker() ->
    F = fun(Trap, Reason) ->
        {ok, P} = gs(#{trap => Trap, loginfo => true}),
        clear(),
        Other = spawn(fun() -> exit(P, Reason) end),
        down(Other),
        timer:sleep(20),
        R = {Trap, Reason, alive(P), [case E of {info, g, M} -> {info, element(1, M), element(3, M)}; _ -> E end || E <- evs()]},
        unlink(P),
        exit(P, kill),
        R
    end,
    [F(T, R) || T <- [true, false], R <- [normal, foo]].

s_266_call_in_flight_when_stopped() ->
    F = fun(Act) ->
        {ok, P} = gs(#{}),
        unlink(P),
        spawn(fun() ->
            timer:sleep(20),
            Act(P)
        end),
        {'EXIT', {R, _}} = (catch gen_server:call(P, {late, 500})),
        strip(R)
    end,
    [
        F(fun(P) -> gen_server:stop(P) end),
        F(fun(P) -> gen_server:stop(P, {shutdown, z}, 1000) end),
        F(fun(P) -> P ! {die, boom} end),
        F(fun(P) -> exit(P, kill) end)
    ].
