%% The peer of bench/actors.ts: Erlang/OTP's own supervisors, with one gen_server per child. Reads `KIND COUNT CRASHES` from standard input, a line
%% at a time, and answers each with the microseconds of starting COUNT children, of crashing and restarting CRASHES of them, and of stopping all.
-module(actors_bench).
-behaviour(supervisor).
-export([main/0, init/1, start_child/1]).

main() ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    io:format("ready~n"),
    loop().

loop() ->
    case io:get_line("") of
        eof -> halt(0);
        Line ->
            [Kind, Count, Crashes] = string:lexemes(string:trim(Line), " "),
            {Start, Crash, Stop} = round(list_to_atom(Kind), list_to_integer(Count), list_to_integer(Crashes)),
            io:format("~b ~b ~b~n", [Start, Crash, Stop]),
            loop()
    end.

round(Kind, Count, Crashes) ->
    Started = atomics:new(1, []),
    Last = Count + Crashes,
    {Start, Supervisor} = timed(fun() -> start(Kind, Count, {Started, Last, self()}) end),
    Count = atomics:get(Started, 1),
    First = lists:sublist(running(Supervisor, Count), Crashes),
    {Crash, ok} = timed(fun() ->
        lists:foreach(fun(Child) -> gen_server:cast(Child, crash) end, First),
        receive {started, Last} -> ok end
    end),
    Second = running(Supervisor, Count),
    [] = [Child || Child <- First, is_process_alive(Child)],
    Monitor = monitor(process, Supervisor),
    {Stop, shutdown} = timed(fun() ->
        exit(Supervisor, shutdown),
        receive {'DOWN', Monitor, process, _, Reason} -> Reason end
    end),
    receive {'EXIT', Supervisor, shutdown} -> ok end,
    [] = [Child || Child <- Second, is_process_alive(Child)],
    {Start, Crash, Stop}.

start(supervisor, Count, Plan) ->
    Child = child(Plan),
    {ok, Supervisor} = supervisor:start_link(?MODULE, {one_for_one, Count, [Child#{id => Id} || Id <- lists:seq(1, Count)]}),
    Supervisor;
start(simple_one_for_one, Count, Plan) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, {simple_one_for_one, Count, [(child(Plan))#{id => child}]}),
    lists:foreach(fun(_) -> {ok, _} = supervisor:start_child(Supervisor, []) end, lists:seq(1, Count)),
    Supervisor.

child(Plan) ->
    #{start => {?MODULE, start_child, [Plan]}}.

start_child(Plan) ->
    gen_server:start_link(actors_bench_child, Plan, []).

init({Strategy, Count, Children}) ->
    {ok, {#{strategy => Strategy, intensity => 2 * Count, period => 1}, Children}}.

running(Supervisor, Count) ->
    Pids = [Pid || {_, Pid, _, _} <- supervisor:which_children(Supervisor), is_pid(Pid)],
    Count = length(Pids),
    Pids.

timed(Act) ->
    Begin = erlang:monotonic_time(microsecond),
    Result = Act(),
    {erlang:monotonic_time(microsecond) - Begin, Result}.
