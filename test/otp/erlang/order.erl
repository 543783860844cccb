%% The order in which children start, stop and are started again, and who is touched when a sibling ends.
-module(order).

-export([
    s_022_dynamic_children_order/0,
    s_023_rest_for_one_order/0,
    s_025_rest_for_one_drops_temporary_bystander/0,
    s_026_one_for_all_starts_previously_stopped_transient/0,
    s_028_rest_for_one_terminate_child_api_does_not_cascade/0,
    s_029_restarted_child_keeps_position/0,
    s_151_temporary_crash_in_one_for_all_leaves_siblings/0,
    s_152_permanent_normal_exit_cascades_rest_for_one/0,
    s_154_two_simultaneous_crashes_one_for_one_count_twice/0,
    s_155_simultaneous_rest_for_one_later_first/0,
    s_157_nested_stop_depth_first_reverse/0
]).
-import(scene, [
    c/1, c/2, clear/0, die/2, kill/2, kill_wait/2, pid/2, seq/0, seqn/0, sup/2, wait_exit/1, wc/1
]).

s_022_dynamic_children_order() ->
    {ok, S} = sup(#{}, [c(a)]),
    supervisor:start_child(S, c(b)),
    supervisor:start_child(S, c(c)),
    W = wc(S),
    clear(),
    kill(S, shutdown),
    {W, seqn()}.

s_023_rest_for_one_order() ->
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 5}, [c(a), c(b), c(c), c(d)]),
    clear(),
    die(pid(S, b), x),
    timer:sleep(60),
    {seqn(), wc(S)}.

s_025_rest_for_one_drops_temporary_bystander() ->
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 5}, [c(a), c(t, #{restart => temporary}), c(b)]),
    clear(),
    die(pid(S, a), x),
    timer:sleep(60),
    {seqn(), wc(S)}.

s_026_one_for_all_starts_previously_stopped_transient() ->
    {ok, S} = sup(#{strategy => one_for_all, intensity => 5}, [c(a), c(b, #{restart => transient})]),
    die(pid(S, b), normal),
    timer:sleep(20),
    W = wc(S),
    clear(),
    die(pid(S, a), x),
    timer:sleep(60),
    {W, seqn(), wc(S)}.

s_028_rest_for_one_terminate_child_api_does_not_cascade() ->
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 5}, [c(a), c(b), c(c)]),
    clear(),
    ok = supervisor:terminate_child(S, a),
    {seqn(), wc(S)}.

s_029_restarted_child_keeps_position() ->
    {ok, S} = sup(#{intensity => 5}, [c(a), c(b), c(c)]),
    die(pid(S, b), x),
    timer:sleep(30),
    W = wc(S),
    clear(),
    kill(S, shutdown),
    {W, seqn()}.

s_151_temporary_crash_in_one_for_all_leaves_siblings() ->
    {ok, S} = sup(#{strategy => one_for_all}, [c(a), c(t, #{restart => temporary})]),
    P = pid(S, a),
    die(pid(S, t), x),
    timer:sleep(30),
    {wc(S), same, P == pid(S, a)}.

s_152_permanent_normal_exit_cascades_rest_for_one() ->
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 5}, [c(a), c(b), c(c)]),
    clear(),
    die(pid(S, b), normal),
    timer:sleep(40),
    seqn().

s_154_two_simultaneous_crashes_one_for_one_count_twice() ->
    {ok, S} = sup(#{intensity => 1, period => 60}, [c(a), c(b), c(c)]),
    A = pid(S, a),
    B = pid(S, b),
    ok = sys:suspend(S),
    clear(),
    die(A, x),
    die(B, y),
    sys:resume(S),
    {wait_exit(S), seqn()}.

s_155_simultaneous_rest_for_one_later_first() ->
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 5, period => 60}, [c(a), c(b), c(c)]),
    A = pid(S, a),
    B = pid(S, b),
    ok = sys:suspend(S),
    clear(),
    die(B, y),
    die(A, x),
    sys:resume(S),
    timer:sleep(60),
    {wc(S), seq()}.

s_157_nested_stop_depth_first_reverse() ->
    Inner = #{id => inner, type => supervisor, start => {supervisor, start_link, [scene, {ok, {#{}, [c(w1), c(w2)]}}]}},
    {ok, S} = sup(#{}, [c(a), Inner, c(z)]),
    clear(),
    kill_wait(S, shutdown),
    seqn().
