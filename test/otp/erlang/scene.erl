%% What the scenarios have at hand: supervisors of scripted workers, ways to end them and to wait for that, and what was collected.
%% It is the callback module of every supervisor here. The collector and the logger handler are in oracle.erl.
-module(scene).
-behaviour(supervisor).

-export([
    alive/1, c/1, c/2, c/3, cc/1, clear/0, die/2, down/1, drain/0, evs/0, gs/1, init/1, kill/2, kill_wait/2,
    loop/0, pid/2, plan/2, seq/0, seqn/0, sig/2, strip/1, sup/2, supn/3, unlinked/0, up/2, wait_exit/1, wc/1
]).

evs() ->
    timer:sleep(30),
    logger_proc ! {get, self()},
    receive
        {evs, L} ->
            L
    end.

clear() ->
    timer:sleep(30),
    logger_proc ! clear,
    ok.

strip({R, S}) when is_list(S) ->
    case oracle:is_stack(S) of
        true ->
            {R, stack};
        false ->
            {R, S}
    end;
strip(R) ->
    R.

init(X) when is_function(X) ->
    X();
init(slow_init) ->
    timer:sleep(500),
    {ok, s};
init(X) ->
    X.

sup(Flags, Specs) ->
    supervisor:start_link(scene, {ok, {Flags, Specs}}).

supn(Name, Flags, Specs) ->
    supervisor:start_link({local, Name}, scene, {ok, {Flags, Specs}}).

c(Id) ->
    c(Id, #{}).

c(Id, X) ->
    c(Id, X, #{}).

c(Id, X, O) ->
    maps:merge(#{id => Id, start => {ow, start_link, [O#{id => Id}]}, shutdown => 1000}, X).

pid(S, Id) ->
    {_, P, _, _} = lists:keyfind(Id, 1, supervisor:which_children(S)),
    P.

down(P) ->
    M = monitor(process, P),
    receive
        {'DOWN', M, _, _, R} -> R
    after
        8000 -> still_alive
    end.

kill(P, R) ->
    M = monitor(process, P),
    exit(P, R),
    receive
        {'DOWN', M, _, _, R2} -> R2
    after
        3000 -> still_alive
    end.

die(P, R) ->
    M = monitor(process, P),
    P ! {die, R},
    receive
        {'DOWN', M, _, _, R2} -> R2
    after
        3000 -> still_alive
    end.

wc(S) ->
    [
     {I,
      if
          is_pid(P) ->
              running;
          true ->
              P
      end} ||
         {I, P, _, _} <- supervisor:which_children(S)
    ].

cc(S) ->
    [V || {_, V} <- supervisor:count_children(S)].

alive(P) ->
    is_process_alive(P).

plan(Id, L) ->
    ets:insert(plan, {Id, L}).

drain() ->
    receive
        M -> [M | drain()]
    after
        50 -> []
    end.

wait_exit(S) ->
    receive
        {'EXIT', S, R} -> R
    after
        5000 -> no_exit
    end.

seq() ->
    lists:filtermap(fun({started, I, _}) ->
                           {true, {up, I}};
                       ({terminate, I, R}) ->
                           {true, {term, I, R}};
                       ({start, I, R}) ->
                           {true, {start_fail, I, R}};
                       ({report, progress, _}) ->
                           false;
                       ({report, C, R, I, _}) ->
                           {true, {report, C, R, I}};
                       (_) ->
                           false
                    end,
                    evs()).

seqn() ->
    [
     X ||
         X <- seq(),
         element(1, X) =/= report
    ].

kill_wait(P, R) ->
    M = monitor(process, P),
    exit(P, R),
    receive
        {'DOWN', M, _, _, R2} -> R2
    after
        8000 -> still_alive
    end.

sig(Id, T) ->
    c(Id, #{restart => T, significant => true}).

loop() ->
    receive
        stop ->
            ok;
        {exit, R} ->
            exit(R)
    end.

gs(O) ->
    gen_server:start_link(ow, maps:merge(#{id => g}, O), []).

up(S, New) ->
    ok = sys:suspend(S),
    sys:replace_state(S,
                      fun(St) ->
                             setelement(size(St), St, New)
                      end),
    R = sys:change_code(S, gen_server, v, []),
    ok = sys:resume(S),
    R.

unlinked() ->
    {ok,
     spawn(fun() -> loop() end)}.
