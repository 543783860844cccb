%% What the supervisors of actors_bench supervise: it counts its start, tells when the last one of a round has started, and crashes when asked.
-module(actors_bench_child).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2]).

init({Started, Last, Bench}) ->
    case atomics:add_get(Started, 1, 1) of
        Last -> Bench ! {started, Last};
        _ -> ok
    end,
    {ok, 0}.

handle_call(_, _, State) -> {reply, State, State}.

handle_cast(crash, _) -> error(crashed_on_request).
