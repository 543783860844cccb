%% The peer of bench/message.ts: gen_server:call and gen_server:cast, to a server on the caller's scheduler or, where there are two, on another. Reads
%% `WHAT COUNT` from standard input, a line at a time. Answers `each` with the nanoseconds of every call, anything else with those of all.
-module(message_bench).
-export([main/0]).

main() ->
    {ok, Server} = gen_server:start(message_bench_echo, [], [{spawn_opt, [{scheduler, 1}]}]),
    Mine = erlang:system_info(schedulers),
    Main = self(),
    spawn_opt(fun() -> io:format("ready~n"), loop(Server), Main ! done end, [{scheduler, Mine}]),
    receive done -> halt(0) end.

loop(Server) ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            [What, Number] = string:lexemes(string:trim(Line), " "),
            Nanoseconds = run(What, list_to_integer(Number), Server),
            io:format("~s~n", [lists:join(" ", [integer_to_list(One) || One <- Nanoseconds])]),
            loop(Server)
    end.

run("each", Count, Server) -> each(Count, Server);
run("calls", Count, Server) -> timed(fun() -> calls(Count, Server) end);
run("flight", Count, Server) -> timed(fun() -> flight(64, Count, Server) end);
run("casts", Count, Server) -> timed(fun() -> heard_casts(Count, Count, Server) end);
run("batches", Count, Server) -> timed(fun() -> heard_casts(Count, 1000, Server) end).

each(0, _) -> [];
each(Count, Server) ->
    Begin = erlang:monotonic_time(nanosecond),
    Count = gen_server:call(Server, {echo, Count}),
    [erlang:monotonic_time(nanosecond) - Begin | each(Count - 1, Server)].

calls(0, _) -> ok;
calls(Count, Server) ->
    Count = gen_server:call(Server, {echo, Count}),
    calls(Count - 1, Server).

flight(Callers, Count, Server) ->
    Scheduler = erlang:system_info(schedulers),
    Main = self(),
    [spawn_opt(fun() -> calls(Count div Callers, Server), Main ! called end, [{scheduler, Scheduler}]) || _ <- lists:seq(1, Callers)],
    [receive called -> ok end || _ <- lists:seq(1, Callers)].

heard_casts(0, _, _) -> ok;
heard_casts(Count, AtOnce, Server) ->
    Before = gen_server:call(Server, heard),
    casts(AtOnce, Server),
    AtOnce = gen_server:call(Server, heard, infinity) - Before,
    heard_casts(Count - AtOnce, AtOnce, Server).

casts(0, _) -> ok;
casts(Count, Server) ->
    gen_server:cast(Server, {hear, Count}),
    casts(Count - 1, Server).

timed(Act) ->
    Begin = erlang:monotonic_time(nanosecond),
    Act(),
    [erlang:monotonic_time(nanosecond) - Begin].
