%% What message_bench speaks to: it answers what it is sent, and counts what it is told.
-module(message_bench_echo).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2]).

init([]) -> {ok, 0}.

handle_call(heard, _, Heard) -> {reply, Heard, Heard};
handle_call({echo, Value}, _, Heard) -> {reply, Value, Heard}.

handle_cast({hear, _}, Heard) -> {noreply, Heard + 1}.
