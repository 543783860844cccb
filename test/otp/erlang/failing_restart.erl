%% Restarts whose start fails: tried again through the supervisor's own mailbox, counted each time, and open to requests in between.
-module(failing_restart).

-export([
    s_011_restart_fails_then_succeeds/0,
    s_013_rest_for_one_later_sibling_fails_restart_keeps_earlier/0,
    s_014_one_for_all_sibling_fails_restart_restarts_all/0,
    s_016_supervisor_shutdown_during_restart_loop/0,
    s_017_simple_restart_loop_pid_lookup/0,
    s_019_simple_restart_returns_ignore_BUG8215/0,
    s_179_count_children_negative_active_BUG/0,
    s_187_stop_reports_for_shutdown_of_restarting_child/0
]).
-import(scene, [
    alive/1, c/1, cc/1, clear/0, die/2, evs/0, kill/2, kill_wait/2, pid/2, plan/2, seq/0, seqn/0, sup/2, wc/1
]).

s_011_restart_fails_then_succeeds() ->
    plan(a, [ok, {error, e1}, {error, e2}, ok]),
    {ok, S} = sup(#{intensity => 5, period => 60}, [c(a)]),
    clear(),
    die(pid(S, a), x),
    timer:sleep(60),
    {alive(S), wc(S), seq()}.

s_013_rest_for_one_later_sibling_fails_restart_keeps_earlier() ->
    plan(b, [ok, {error, e1}, ok]),
    {ok, S} = sup(#{strategy => rest_for_one, intensity => 5, period => 60}, [c(a), c(b), c(c)]),
    clear(),
    die(pid(S, a), x),
    timer:sleep(80),
    {wc(S), seqn()}.

s_014_one_for_all_sibling_fails_restart_restarts_all() ->
    plan(b, [ok, {error, e1}, ok]),
    {ok, S} = sup(#{strategy => one_for_all, intensity => 5, period => 60}, [c(a), c(b), c(c)]),
    clear(),
    die(pid(S, a), x),
    timer:sleep(80),
    {wc(S), seqn()}.

s_016_supervisor_shutdown_during_restart_loop() ->
    plan(a, [ok, {sleep_error, 100, e}]),
    {ok, S} = sup(#{intensity => 1000, period => 60}, [c(a), c(b)]),
    exit(pid(S, a), kill),
    timer:sleep(150),
    {T, R} =
        timer:tc(fun() ->
                        kill(S, shutdown)
                 end),
    {R, T < 600000}.

s_017_simple_restart_loop_pid_lookup() ->
    plan(a, [ok, {sleep_error, 100, e}]),
    {ok, S} = sup(#{strategy => simple_one_for_one, intensity => 1000, period => 60}, [c(a)]),
    {ok, P} = supervisor:start_child(S, [[]]),
    exit(P, kill),
    timer:sleep(150),
    W = wc(S),
    C = cc(S),
    T = supervisor:terminate_child(S, P),
    {W, C, T, wc(S), cc(S)}.

s_019_simple_restart_returns_ignore_BUG8215() ->
    plan(a, [ok, ignore]),
    {ok, S} = sup(#{strategy => simple_one_for_one, intensity => 5}, [c(a)]),
    {ok, P} = supervisor:start_child(S, [[]]),
    die(P, x),
    timer:sleep(40),
    W = supervisor:which_children(S),
    C = cc(S),
    {R, _} =
        case kill(S, shutdown) of
            {A, _} = _X ->
                {A, stack};
            O ->
                {O, none}
        end,
    {W, C, sup_exit, R}.

s_179_count_children_negative_active_BUG() ->
    plan(a, [ok, {sleep_error, 100, e}]),
    {ok, S} = sup(#{strategy => simple_one_for_one, intensity => 1000, period => 60}, [c(a)]),
    {ok, P} = supervisor:start_child(S, [[]]),
    exit(P, kill),
    timer:sleep(150),
    supervisor:terminate_child(S, P),
    timer:sleep(150),
    supervisor:count_children(S).

s_187_stop_reports_for_shutdown_of_restarting_child() ->
    plan(a, [ok, {sleep_error, 80, e}]),
    {ok, S} = sup(#{intensity => 1000, period => 60}, [c(a)]),
    exit(pid(S, a), kill),
    timer:sleep(120),
    clear(),
    R = kill_wait(S, shutdown),
    {R,
     [
      E ||
          {report, C, _, _, _} = E <- evs(),
          C == shutdown_error
     ]}.
