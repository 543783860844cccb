%% New flags and specifications for a supervisor that runs.
-module(code_change).

-export([
    s_140_code_change/0
]).
-import(scene, [
    c/1, c/2, pid/2, sup/2, up/2, wc/1
]).

s_140_code_change() ->
    {ok, S} = sup(#{}, [c(a), c(b)]),
    P = pid(S, a),
    R1 = up(S, {ok, {#{intensity => 9}, [c(a, #{shutdown => 7}), c(n)]}}),
    W = wc(S),
    {ok, #{shutdown := Sh}} = supervisor:get_childspec(S, a),
    R2 = up(S, {ok, {#{intensity => -1}, []}}),
    R3 = up(S, {ok, {#{}, [#{id => q}]}}),
    R4 = up(S, ignore),
    {R1, W, pid_same, P == pid(S, a), Sh, R2, R3, R4}.
