%% How many restarts a supervisor may make, what counts as one, and what happens when it was one too many.
-module(intensity).

-export([
    s_001_intensity_0_first_crash_kills/0,
    s_002_intensity_boundary_3_of_3_ok_4th_kills/0,
    s_004_intensity_shared_across_children/0,
    s_005_one_for_all_counts_one_restart/0,
    s_007_transient_normal_not_counted_under_one_for_all/0,
    s_008_manual_restart_child_not_counted/0,
    s_010_nested_escalation_product/0,
    s_166_intensity_window_survives_code_change_and_old_restarts_kept/0
]).
-import(scene, [
    alive/1, c/1, c/2, clear/0, die/2, evs/0, pid/2, seq/0, sup/2, up/2, wait_exit/1, wc/1
]).

s_001_intensity_0_first_crash_kills() ->
    {ok, S} = sup(#{intensity => 0}, [c(a), c(b)]),
    P = pid(S, a),
    clear(),
    die(P, boom),
    R = wait_exit(S),
    {R, seq()}.

s_002_intensity_boundary_3_of_3_ok_4th_kills() ->
    {ok, S} = sup(#{intensity => 3, period => 60}, [c(a)]),
    A = [
         begin
             die(pid(S, a), boom),
             timer:sleep(20),
             {I, alive(S)}
         end ||
             I <- [1, 2, 3]
        ],
    die(pid(S, a), boom),
    {A, wait_exit(S)}.

s_004_intensity_shared_across_children() ->
    {ok, S} = sup(#{intensity => 1, period => 60}, [c(a), c(b)]),
    die(pid(S, a), x),
    timer:sleep(20),
    A = alive(S),
    die(pid(S, b), x),
    {A, wait_exit(S)}.

s_005_one_for_all_counts_one_restart() ->
    {ok, S} = sup(#{strategy => one_for_all, intensity => 1, period => 60}, [c(a), c(b), c(c)]),
    die(pid(S, a), x),
    timer:sleep(50),
    {alive(S), wc(S)}.

s_007_transient_normal_not_counted_under_one_for_all() ->
    {ok, S} = sup(#{strategy => one_for_all, intensity => 0}, [c(a, #{restart => transient}), c(b)]),
    P = pid(S, b),
    die(pid(S, a), normal),
    timer:sleep(30),
    {alive(S), wc(S), sibling_same, P == pid(S, b)}.

s_008_manual_restart_child_not_counted() ->
    {ok, S} = sup(#{intensity => 0}, [c(a)]),
    [
     begin
         ok = supervisor:terminate_child(S, a),
         {ok, _} = supervisor:restart_child(S, a)
     end ||
         _ <- [1, 2, 3]
    ],
    {alive(S), wc(S)}.

s_010_nested_escalation_product() ->
    Inner =
        #{id => inner,
          start => {supervisor, start_link, [scene, {ok, {#{intensity => 1, period => 60}, [c(w)]}}]},
          type => supervisor},
    {ok, S} = sup(#{intensity => 1, period => 60}, [Inner]),
    clear(),
    L = [
         begin
             I = pid(S, inner),
             Dn = die(pid(I, w), x),
             timer:sleep(60),
             {Dn, alive(S), alive(I)}
         end ||
             _ <- [1, 2, 3]
        ],
    I2 = pid(S, inner),
    die(pid(I2, w), x),
    {L,
     wait_exit(S),
     length([1 || {started, w, _} <- evs()])}.

s_166_intensity_window_survives_code_change_and_old_restarts_kept() ->
    {ok, S} = sup(#{intensity => 2, period => 60}, [c(a)]),
    die(pid(S, a), x),
    timer:sleep(20),
    die(pid(S, a), x),
    timer:sleep(20),
    up(S, {ok, {#{intensity => 1, period => 60}, [c(a)]}}),
    A = alive(S),
    die(pid(S, a), x),
    {A, wait_exit(S)}.
