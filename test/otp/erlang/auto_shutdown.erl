%% Significant children: whose end ends the supervisor, and whose does not.
-module(auto_shutdown).

-export([
    s_068_any_significant_transient_normal/0,
    s_070_any_significant_temporary_crash/0,
    s_071_any_significant_terminate_child_does_not_trigger/0,
    s_073_all_significant_last_stopped_by_api_no_trigger/0,
    s_074_all_significant_api_first_then_normal_triggers/0,
    s_076_simple_all_significant/0,
    s_077_significant_bystander/0
]).
-import(scene, [
    alive/1, c/1, clear/0, die/2, pid/2, seqn/0, sig/2, sup/2, wait_exit/1, wc/1
]).

s_068_any_significant_transient_normal() ->
    {ok, S} = sup(#{auto_shutdown => any_significant}, [sig(a, transient), c(b)]),
    clear(),
    die(pid(S, a), normal),
    {wait_exit(S), seqn()}.

s_070_any_significant_temporary_crash() ->
    {ok, S} = sup(#{auto_shutdown => any_significant}, [sig(a, temporary), c(b)]),
    die(pid(S, a), x),
    wait_exit(S).

s_071_any_significant_terminate_child_does_not_trigger() ->
    {ok, S} = sup(#{auto_shutdown => any_significant}, [sig(a, transient), c(b)]),
    supervisor:terminate_child(S, a),
    timer:sleep(30),
    {alive(S), wc(S)}.

s_073_all_significant_last_stopped_by_api_no_trigger() ->
    {ok, S} = sup(#{auto_shutdown => all_significant}, [sig(a, transient), sig(b, transient), c(c)]),
    die(pid(S, a), normal),
    timer:sleep(20),
    supervisor:terminate_child(S, b),
    timer:sleep(30),
    {alive(S), wc(S)}.

s_074_all_significant_api_first_then_normal_triggers() ->
    {ok, S} = sup(#{auto_shutdown => all_significant}, [sig(a, transient), sig(b, transient), c(c)]),
    supervisor:terminate_child(S, b),
    die(pid(S, a), normal),
    wait_exit(S).

s_076_simple_all_significant() ->
    {ok, S} = sup(#{strategy => simple_one_for_one, auto_shutdown => all_significant}, [sig(a, temporary)]),
    {ok, P1} = supervisor:start_child(S, [[]]),
    {ok, P2} = supervisor:start_child(S, [[]]),
    die(P1, x),
    timer:sleep(20),
    A = alive(S),
    die(P2, x),
    {A, wait_exit(S)}.

s_077_significant_bystander() ->
    {ok, S} =
        sup(#{strategy => one_for_all, intensity => 5, auto_shutdown => any_significant}, [sig(a, transient), c(b)]),
    die(pid(S, b), x),
    timer:sleep(50),
    {alive(S), wc(S)}.
