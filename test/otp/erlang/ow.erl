%% The scripted worker: a gen_server that does what it is asked, and a start function that plays the outcomes of the plan table one by one.
%% It says what it does to the collector (logger_proc); judging that is the scenarios' business.
-module(ow).
-behaviour(gen_server).
-export([start_link/1, start_link/2, raw/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, handle_continue/2, terminate/2]).

%% The ets table `plan' holds {Id, [Outcome, ...]}; each start takes one, and the last one stays.
next(Id) ->
    case ets:lookup(plan, Id) of
        [] -> ok;
        [{_, [A]}] -> A;
        [{_, [A | T]}] -> ets:insert(plan, {Id, T}), A
    end.

log(E) -> logger_proc ! {ev, E}, ok.

start_link(O) -> start_link(O, []).

start_link(#{id := Id} = O, _Extra) ->
    case next(Id) of
        ok -> gen_server:start_link(?MODULE, O, []);
        extra -> {ok, P} = gen_server:start_link(?MODULE, O, []), {ok, P, extra};
        ignore -> log({start, Id, ignore}), ignore;
        {error, R} -> log({start, Id, {error, R}}), {error, R};
        {init_stop, R} -> log({start, Id, {init_stop, R}}), gen_server:start_link(?MODULE, O#{init => {stop, R}}, []);
        {init_exit, R} -> log({start, Id, {init_exit, R}}), gen_server:start_link(?MODULE, O#{init => {exit, R}}, []);
        init_ignore -> log({start, Id, init_ignore}), gen_server:start_link(?MODULE, O#{init => ignore}, []);
        {return, T} -> log({start, Id, {return, T}}), T;
        {raise, C, R} -> log({start, Id, {raise, C, R}}), erlang:raise(C, R, []);
        {sleep_error, Ms, R} -> log({start, Id, {error, R}}), timer:sleep(Ms), {error, R};
        {crash_after, Ms, R} -> gen_server:start_link(?MODULE, O#{crash_after => {Ms, R}}, [])
    end.

raw(F) -> {ok, proc_lib:spawn_link(F)}.

init(#{init := {stop, R}}) -> {stop, R};
init(#{init := {exit, R}}) -> exit(R);
init(#{init := ignore}) -> ignore;
init(#{id := Id} = O) ->
    case maps:get(trap, O, true) of true -> process_flag(trap_exit, true); false -> ok end,
    case O of #{unlink_from := P} -> unlink(whereis(P)); _ -> ok end,
    log({started, Id, self()}),
    case O of #{crash_after := {Ms, R}} -> erlang:send_after(Ms, self(), {die, R}); _ -> ok end,
    case O of #{ask := S} -> log({asked, Id, asked(S)}); _ -> ok end,
    case O of #{continue := W} -> {ok, O, {continue, W}}; _ -> {ok, O} end.

%% What a supervisor answers that is waiting for us.
asked(S) ->
    try gen_server:call(S, which_children, 50) catch exit:{Reason, _} -> Reason end.

handle_call({stop, R, Reply}, _, S) -> {stop, R, Reply, S};
handle_call({stop, R}, _, S) -> {stop, R, S};
handle_call({crash, C, R}, _, _) -> erlang:raise(C, R, []);
handle_call(bad, _, _) -> badreturn;
handle_call({throw, T}, _, _) -> throw(T);
handle_call({late, Ms}, From, S) -> erlang:send_after(Ms, self(), {reply, From, late}), {noreply, S};
handle_call({reply_twice}, From, S) -> gen_server:reply(From, one), {reply, two, S};
handle_call({timeout_noreply, T}, From, S) -> {noreply, S#{tmo_from => From}, T};
handle_call({cont, What}, _, S) -> self() ! after_cont, {reply, ok, S, {continue, What}};
handle_call(ping, _, S) -> {reply, pong, S};
handle_call({reply_timeout, T}, _, S) -> {reply, ok, S#{tmo => 1}, T}.
handle_cast({stop, R}, S) -> {stop, R, S};
handle_cast(_, S) -> {noreply, S}.

handle_continue({stop, R}, S) -> {stop, R, S};
handle_continue({again, W}, #{id := Id} = S) -> log({continue, Id, again}), {noreply, S, {continue, W}};
handle_continue(W, #{id := Id} = S) -> log({continue, Id, W}), {noreply, S}.

handle_info({die, R}, S) -> {stop, R, S};
handle_info({exit_now, R}, _) -> exit(R);
handle_info({terminate_me, Sup}, #{id := Id} = S) -> supervisor:terminate_child(Sup, Id), {noreply, S};
handle_info({exit_to, P, R}, S) -> exit(P, R), {noreply, S};
handle_info({link_to, P}, S) -> link(P), {noreply, S};
handle_info({reply, From, V}, S) -> gen_server:reply(From, V), {noreply, S};
handle_info(timeout, #{tmo_from := F} = S) -> gen_server:reply(F, timed), {noreply, maps:remove(tmo_from, S)};
handle_info(timeout, #{id := Id} = S) -> log({timeout, Id}), {noreply, S};
handle_info(block, S) -> timer:sleep(infinity), {noreply, S};
handle_info(M, #{id := Id, loginfo := true} = S) -> log({info, Id, M}), {noreply, S};
handle_info(_, S) -> {noreply, S}.

terminate(R, #{id := Id} = S) ->
    log({terminate, Id, R}),
    case S of #{term_delay := D} -> timer:sleep(D); _ -> ok end,
    case S of #{term_exit := X} -> exit(X); _ -> ok end,
    log({terminated, Id}).
