%% Runs scripts of exit signals, links and monitors between a few bare processes and writes what each came to: after every step its
%% result, and of every process whether it lives and which signals reached it as messages. A script is {Processes, [Step]}; a step begins
%% with what is done and the number of the process that does it.
-module(random_signals).

-export([main/1]).

main([In, Out]) ->
    logger:remove_handler(default),
    {ok, Scripts} = file:consult(In),
    {ok, File} = file:open(Out, [write]),
    [io:format(File, "~0tp~n", [trace(Script)]) || Script <- Scripts],
    halt(0).

trace({Count, Steps}) ->
    Ps = [spawn(fun() -> loop([]) end) || _ <- lists:seq(1, Count)],
    Numbers = maps:from_list(lists:zip(Ps, lists:seq(1, Count))),
    Trace = [step(Step, Ps, Numbers) || Step <- Steps],
    [exit(P, kill) || P <- Ps],
    Trace.

step(Step, Ps, Numbers) ->
    Result = ask(lists:nth(element(2, Step), Ps), {do, self(), act(Step, Ps)}),
    %% A signal that causes the next one is on its way for as long as there are processes between.
    [[ask(P, {ping, self()}) || P <- Ps] || _ <- Ps ++ Ps],
    {said(Step, Result), [state(ask(P, {log, self()}), Numbers) || P <- Ps]}.

act({exit, _, To, Reason}, Ps) -> {exit, lists:nth(To, Ps), Reason};
act({Kind, _, What}, _) when Kind == trap; Kind == die; Kind == error -> {Kind, What};
act({Kind, _, Other}, Ps) -> {Kind, lists:nth(Other, Ps)}.

%% Whether a process that an exit signal of its own comes back to still says so is a race.
said({exit, _, _, _}, {died, _}) -> ok;
said(_, Result) -> Result.

state(dead, _) -> dead;
state(Log, Numbers) -> lists:sort([seen(Message, Numbers) || Message <- Log]).

seen({'EXIT', P, R}, Numbers) -> {exit, maps:get(P, Numbers), reason(R)};
seen({'DOWN', _, _, P, R}, Numbers) -> {down, maps:get(P, Numbers), reason(R)}.

reason({R, [_ | _]}) -> {R, stack};
reason(R) -> R.

ask(P, Message) ->
    M = monitor(process, P),
    P ! Message,
    receive
        {re, P, Answer} ->
            demonitor(M, [flush]),
            Answer;
        {'DOWN', M, _, _, noproc} -> dead;
        {'DOWN', M, _, _, R} -> {died, reason(R)}
    end.

loop(Log) ->
    receive
        {do, From, Act} ->
            From ! {re, self(), do(Act)},
            loop(Log);
        {ping, From} ->
            From ! {re, self(), pong},
            loop(Log);
        {log, From} ->
            From ! {re, self(), Log},
            loop(Log);
        Message ->
            loop([Message | Log])
    end.

do({link, P}) -> try link(P), ok catch error:noproc -> noproc end;
do({unlink, P}) -> unlink(P), ok;
do({monitor, P}) -> put(P, [monitor(process, P) | monitors(P)]), ok;
do({demonitor, P}) ->
    case monitors(P) of
        [] -> none;
        [M | Others] -> put(P, Others), demonitor(M, [flush]), ok
    end;
do({exit, P, R}) -> exit(P, R), ok;
do({trap, Traps}) -> process_flag(trap_exit, Traps), ok;
do({die, R}) -> exit(R);
do({error, R}) -> error(R).

monitors(P) ->
    case get(P) of
        undefined -> [];
        Ms -> Ms
    end.
