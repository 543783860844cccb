%% Runs scenarios and prints what each came to, in two lines: its name, and the term it returned with pids, references and stack traces made
%% alike (pids to p1, p2 …, references to ref, stack traces to stack). A scenario is an exported function s_NNN_… without arguments.
%%
%%     erlc *.erl && erl +S 1 -noshell -s oracle main intensity order …
%%
%% ONLY=s_001_…,s_002_… in the environment selects. The events a scenario reads come from one collector, which its workers and the logger
%% handler below send to.
-module(oracle).

-export([is_stack/1, log/2, main/1]).
-import(scene, [strip/1]).

main(Modules) ->
    logger:set_primary_config(level, all),
    logger:remove_handler(default),
    logger:add_handler(cap, oracle, #{level => all}),
    Only = [list_to_atom(Name) || Name <- string:tokens(os:getenv("ONLY", ""), ",")],
    [run(Module, Name) || Module <- Modules, Name <- scenarios(Module), Only == [] orelse lists:member(Name, Only)],
    halt(0).

scenarios(Module) ->
    lists:sort([Name || {Name, 0} <- Module:module_info(exports), lists:prefix("s_", atom_to_list(Name))]).

run(Module, Name) ->
    ets:new(plan, [named_table, public]),
    Collector = spawn(fun() -> col([]) end),
    register(logger_proc, Collector),
    Me = self(),
    {P, M} = spawn_monitor(fun() ->
        process_flag(trap_exit, true),
        Me ! {res, self(), Module:Name()}
    end),
    R =
        receive
            {res, P, X} -> X;
            {'DOWN', M, _, _, Why} -> {scenario_crashed, Why}
        after 25000 ->
            exit(P, kill),
            scenario_timeout
        end,
    demonitor(M, [flush]),
    io:format("~s~n    ~0tp~n", [Name, norm(R)]),
    exit(P, kill),
    unregister(logger_proc),
    exit(Collector, kill),
    timer:sleep(20),
    ets:delete(plan).

col(L) ->
    receive
        {ev, E} ->
            col([E | L]);
        {get, P} ->
            P ! {evs, lists:reverse(L)},
            col(L);
        clear ->
            col([])
    end.

log(#{msg := {report, #{label := {supervisor, L}, report := R}}}, _) ->
    catch
        case L of
            progress ->
                logger_proc ! {ev, {report, progress, proplists:get_value(id, proplists:get_value(started, R))}};
            _ ->
                Off = proplists:get_value(offender, R),
                Context = proplists:get_value(errorContext, R),
                Reason = strip(proplists:get_value(reason, R)),
                Count = [{nb_children, N} || {nb_children, N} <- Off],
                logger_proc ! {ev, {report, Context, Reason, proplists:get_value(id, Off), Count}}
        end;
log(#{msg := {report, #{label := {proc_lib, crash}}}}, _) ->
    catch logger_proc ! {ev, {report, crash_report}};
log(#{msg := {report, #{label := {gen_server, terminate}}}}, _) ->
    catch logger_proc ! {ev, {report, gen_server_terminate}};
log(#{msg := {report, #{label := {gen_server, no_handle_info}}}}, _) ->
    catch logger_proc ! {ev, {report, no_handle_info}};
log(#{msg := {"Supervisor received unexpected message" ++ _, [M]}}, _) ->
    catch logger_proc ! {ev, {report, sup_unexpected, M}};
log(_, _) ->
    ok.

norm(T) ->
    {R, _} = n(T, #{}),
    R.

n(P, M) when is_pid(P) ->
    case M of
        #{P := N} ->
            {N, M};
        _ ->
            N = list_to_atom("p" ++ integer_to_list(maps:size(M) + 1)),
            {N, M#{P => N}}
    end;
n(R, M) when is_reference(R) ->
    {ref, M};
n(L, M) when is_list(L) ->
    case is_stack(L) of
        true ->
            {stack, M};
        false ->
            nl(L, M)
    end;
n(T, M) when is_tuple(T) ->
    {L, M1} = nl(tuple_to_list(T), M),
    {list_to_tuple(L), M1};
n(T, M) when is_map(T) ->
    {L, M1} = nl(maps:to_list(T), M),
    {maps:from_list(L), M1};
n(F, M) when is_function(F) ->
    {'fun', M};
n(X, M) ->
    {X, M}.

nl([H | T], M) ->
    {H1, M1} = n(H, M),
    {T1, M2} = nl(T, M1),
    {[H1 | T1], M2};
nl([], M) ->
    {[], M};
nl(X, M) ->
    n(X, M).

is_stack([{M, F, A, L} | _]) when is_atom(M), is_atom(F), (is_list(A) orelse is_integer(A)), is_list(L) -> true;
is_stack(_) -> false.
