%% What a supervisor answers to each request, whatever state the child is in.
-module(requests).

-export([
    s_044_api_returns/0,
    s_046_simple_api/0,
    s_047_temporary_terminate_child_deletes_spec/0,
    s_049_unexpected_message_and_call/0,
    s_050_get_childspec_temporary_hides_args/0,
    s_142_start_blocks_supervisor/0
]).
-import(scene, [
    c/1, c/2, cc/1, clear/0, evs/0, pid/2, plan/2, sup/2, wait_exit/1, wc/1
]).

s_044_api_returns() ->
    {ok, S} = sup(#{}, [c(a)]),
    P = pid(S, a),
    A = [supervisor:start_child(S, c(a)),
         supervisor:restart_child(S, a),
         supervisor:delete_child(S, a),
         supervisor:terminate_child(S, nope),
         supervisor:restart_child(S, nope),
         supervisor:delete_child(S, nope),
         supervisor:terminate_child(S, P)],
    B = [supervisor:terminate_child(S, a),
         supervisor:terminate_child(S, a),
         supervisor:start_child(S, c(a)),
         wc(S),
         cc(S)],
    {ok, _} = supervisor:restart_child(S, a),
    supervisor:terminate_child(S, a),
    C = [supervisor:delete_child(S, a), supervisor:delete_child(S, a), wc(S)],
    {A, B, C}.

s_046_simple_api() ->
    plan(a, [ok, ok, {error, e}, {return, foo}, ignore, extra]),
    {ok, S} = sup(#{strategy => simple_one_for_one}, [c(a)]),
    {ok, P1} = supervisor:start_child(S, [[]]),
    {ok, _} = supervisor:start_child(S, [[]]),
    A = [supervisor:start_child(S, [[]]),
         supervisor:start_child(S, [[]]),
         supervisor:start_child(S, [[]]),
         supervisor:start_child(S, [[]])],
    B = [supervisor:terminate_child(S, a), supervisor:restart_child(S, a), supervisor:delete_child(S, a)],
    C = [supervisor:terminate_child(S, P1), supervisor:terminate_child(S, P1), supervisor:terminate_child(S, self())],
    D = spawn(fun() -> ok end),
    timer:sleep(10),
    E = supervisor:terminate_child(S, D),
    {A, B, C, dead_foreign_pid, E, cc(S), wc(S)}.

s_047_temporary_terminate_child_deletes_spec() ->
    {ok, S} = sup(#{}, [c(a, #{restart => temporary})]),
    T = supervisor:terminate_child(S, a),
    {T, wc(S), supervisor:restart_child(S, a), element(1, supervisor:start_child(S, c(a, #{restart => temporary})))}.

s_049_unexpected_message_and_call() ->
    {ok, S} = sup(#{}, []),
    clear(),
    S ! hello,
    timer:sleep(20),
    E = evs(),
    R = catch gen_server:call(S, bogus),
    X = wait_exit(S),
    {E, element(1, element(1, element(2, R))), element(1, X)}.

s_050_get_childspec_temporary_hides_args() ->
    {ok, S} = sup(#{}, []),
    supervisor:start_child(S, c(a, #{restart => temporary})),
    {ok, #{start := St}} = supervisor:get_childspec(S, a),
    {ok, S2} = sup(#{}, [c(b, #{restart => temporary})]),
    {ok, #{start := St2}} = supervisor:get_childspec(S2, b),
    {St, St2}.

s_142_start_blocks_supervisor() ->
    plan(slow, [{sleep_error, 200, e}]),
    {ok, S} = sup(#{}, [c(a)]),
    Me = self(),
    spawn(fun() ->
                 supervisor:start_child(S, c(slow)),
                 Me ! done
          end),
    timer:sleep(20),
    {T, _} =
        timer:tc(fun() ->
                        supervisor:which_children(S)
                 end),
    T >= 150000.
