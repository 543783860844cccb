%% Runs random trees: reads a list of runs, makes each happen on a live system and writes what came of it, one line for each thing
%% that happened. No run waits for a clock: the next event begins when every supervisor has nothing left to do.
-module(random_trees).
-behaviour(supervisor).
-export([main/1, init/1, watch/3, is_up/1, log/2]).
-import(scripted_child, [log/1, name/1, reason/1, text/1]).

%% main([In, Out]): files of the runs, in the external term format, and of the traces.
main([In, Out]) ->
    logger:set_primary_config(level, all),
    logger:remove_handler(default),
    ok = logger:add_handler(trace, ?MODULE, #{level => all, filter_default => log}),
    ets:new(random_trees, [named_table, public]),
    ets:new(random_trace, [named_table, public, ordered_set]),
    Me = self(),
    register(random_watcher, spawn_link(fun() -> Me ! ready, watcher() end)),
    receive ready -> ok end,
    spawn(fun alone/0),
    {ok, Bytes} = file:read_file(In),
    {ok, File} = file:open(Out, [write, raw, {delayed_write, 1 bsl 20, 1000}]),
    [ok = file:write(File, ["= ", integer_to_list(length(Lines)), $\n, [[Line, $\n] || Line <- Lines]])
        || Run <- binary_to_term(Bytes), Lines <- [one(Run)]],
    ok = file:close(File),
    halt(0).

%% Whoever started this has ended.
alone() -> case io:get_line("") of eof -> halt(1); {error, _} -> halt(1); _ -> alone() end.

%% Each run has a process of its own, the parent of its root.
one(Run) ->
    ets:delete_all_objects(random_trees),
    ets:delete_all_objects(random_trace),
    {Pid, Monitor} = spawn_monitor(fun() -> process_flag(trap_exit, true), run(Run) end),
    receive
        {'DOWN', Monitor, _, _, normal} -> ok;
        {'DOWN', Monitor, _, _, Why} -> log(io_lib:format("run failed ~0p", [Why]))
    after 40000 ->
        exit(Pid, kill),
        receive {'DOWN', Monitor, _, _, _} -> ok end,
        log("run stuck")
    end,
    [exit(P, kill) || {{pid, P}, _, _, _} <- ets:tab2list(random_trees), is_process_alive(P)],
    [Line || {_, Line} <- ets:tab2list(random_trace)].

run(#{root := Root, events := Events}) ->
    log("> begin"),
    Started = scripted_child:start_body(Root, {r, 1}),
    settle(["= ", result(Started)]),
    [event(Event) || Event <- Events],
    event(#{do => exit, reason => shutdown}).

%% ---- events

event(Event) ->
    case pid(r) of
        none -> ok;
        Root -> log(["> ", describe(Event)]), settle([["= ", R] || R <- [perform(Event, Root)], R =/= none])
    end.

perform(#{do := exit, reason := R}, Root) -> exit(Root, reason(R)), await_end(Root), none;
perform(#{do := call, to := To} = Request, _) ->
    case supervisor(To) of none -> "skipped"; Sup -> request(Sup, Request) end;
perform(#{do := together, to := To, steps := Steps, last := Last}, Root) ->
    case supervisor(To) of none -> "skipped"; Sup -> together(Sup, Steps, Last, Sup =:= Root) end;
perform(#{do := change, to := To, spec := Spec}, _) ->
    case supervisor(To) of
        none -> "skipped";
        Sup -> case is_simple(Sup) of true -> "skipped"; false -> change(Sup, Spec) end
    end;
perform(Blow, _) -> strike(Blow).

%% What the supervisor's init will say from now on is the last element of its state.
change(Sup, Spec) ->
    ok = sys:suspend(Sup),
    sys:replace_state(Sup, fun(State) -> setelement(tuple_size(State), State, Spec) end),
    Result = sys:change_code(Sup, ?MODULE, undefined, []),
    ok = sys:resume(Sup),
    case Result of ok -> "ok"; {error, R} -> ["failed with ", text(R)] end.

strike(#{do := Do, id := Id, reason := R0}) ->
    R = reason(R0),
    case pid(Id) of
        none -> "skipped";
        Pid ->
            Kind = kind(Pid),
            Monitor = monitor(process, Pid),
            case Do of
                signal -> exit(Pid, R);
                _ when Kind =:= worker -> gen_server:cast(Pid, {Do, R});
                stop -> catch gen_server:stop(Pid, R, infinity);
                raise -> ok
            end,
            %% Whether it ends or takes the signal as a message: either way it is past it then.
            case Kind of
                worker -> catch gen_server:call(Pid, ping, infinity);
                supervisor -> catch supervisor:count_children(Pid)
            end,
            Ends = not is_process_alive(Pid),
            Ends andalso receive {'DOWN', Monitor, _, _, _} -> ok end,
            demonitor(Monitor, [flush]),
            none
    end.

%% The supervisor stands still until every step is in its mailbox.
together(Sup, Steps, Last, IsRoot) ->
    ok = sys:suspend(Sup),
    Answers = [queue(Sup, Step) || Step <- Steps],
    Last =:= none orelse exit(Sup, reason(Last)),
    Last =/= none andalso (IsRoot orelse Last =:= kill) andalso await_end(Sup),
    catch sys:resume(Sup),
    lists:join(" | ", [case Answer of
        Ref when is_reference(Ref) -> receive {Ref, Result} -> Result end;
        none -> "none";
        Text -> Text
    end || Answer <- Answers]).

queue(Sup, #{do := call} = Request) ->
    {Me, Ref} = {self(), make_ref()},
    {message_queue_len, Before} = process_info(Sup, message_queue_len),
    spawn(fun() -> Me ! {Ref, request(Sup, Request)} end),
    until(fun() -> {message_queue_len, Now} = process_info(Sup, message_queue_len), Now > Before end, Ref),
    Ref;
queue(Sup, #{id := Id} = Blow) ->
    Pid = pid(Id),
    {links, Linked} = process_info(Sup, links),
    case lists:member(Pid, Linked) of
        true ->
            Done = strike(Blow),
            is_process_alive(Pid) orelse until(fun() ->
                {messages, Messages} = process_info(Sup, messages),
                lists:any(fun({'EXIT', P, _}) -> P =:= Pid; (_) -> false end, Messages)
            end, ok),
            Done;
        %% Another supervisor, of which this one's twin has a child of that id, would act meanwhile.
        false -> "skipped"
    end.

%% Not every request becomes a message: one that is answered in the caller has sent its result instead.
until(Holds, Ref) ->
    case Holds() of
        true -> ok;
        false when is_reference(Ref) -> receive {Ref, _} = Result -> self() ! Result, ok after 0 -> erlang:yield(), until(Holds, Ref) end;
        false -> erlang:yield(), until(Holds, Ref)
    end.

%% An id may be a simple_one_for_one now and something else later: what the one has and the other has not is not asked.
request(Sup, #{call := Call} = Request) ->
    Both = [terminate_child, which_children, count_children],
    case lists:member(Call, Both) orelse is_simple(Sup) =:= (Call =:= start_instance) of
        true -> try result(ask(Sup, Request)) catch exit:_ -> "gone" end;
        false -> "skipped"
    end.

ask(Sup, #{call := start_child, child := Child}) -> supervisor:start_child(Sup, spec(Child));
ask(Sup, #{call := start_instance, child := Instance}) -> supervisor:start_child(Sup, [Instance]);
ask(Sup, #{call := which_children}) -> {list, shown(Sup, supervisor:which_children(Sup))};
ask(Sup, #{call := count_children}) -> {list, counts(Sup, "any")};
ask(Sup, #{call := Call, id := Id}) ->
    case {is_simple(Sup), Call} of
        {true, terminate_child} -> case last_pid(Id) of none -> {error, not_found}; Pid -> supervisor:terminate_child(Sup, Pid) end;
        _ -> supervisor:Call(Sup, Id)
    end.

result(ok) -> "ok";
result(ignore) -> "ignore";
result({ok, undefined}) -> "ok -";
result({ok, undefined, _}) -> "ok -";
result({ok, Pid}) when is_pid(Pid) -> ["ok ", name_of(Pid)];
result({ok, Pid, Info}) -> ["ok ", name_of(Pid), $\s, text(Info)];
result({ok, #{restart := Restart, shutdown := Shutdown, significant := Significant, type := Type}}) ->
    io_lib:format("~s ~p ~s ~s", [Restart, Shutdown, Significant, Type]);
result({list, Text}) -> Text;
result({error, {already_started, Pid}}) -> ["already_started ", name_of(Pid)];
result({error, {R, Record}}) when element(1, Record) =:= child -> ["failed with ", text(R)];
result({error, R}) when R =:= already_present; R =:= not_found; R =:= running; R =:= restarting; R =:= simple_one_for_one -> atom_to_list(R);
result({error, R}) -> ["failed with ", text(R)].

%% ---- settling

%% Waits until nothing moves, then writes the result, the ends since the last time and the state of every supervisor.
settle(Result) ->
    Tree = settled(erlang:monotonic_time(millisecond) + 20000),
    Ended = [{["ended ", name(Name), $\s, text(R)], Pid} || {{pid, Pid}, Name, _, {ended, R}} <- ets:tab2list(random_trees)],
    [ets:update_element(random_trees, {pid, Pid}, {4, told}) || {_, Pid} <- Ended],
    [log(Line) || Line <- lists:sort([unicode:characters_to_binary(Line) || {Line, _} <- Ended])],
    Result =:= [] orelse log(Result),
    [log(Line) || Line <- Tree].

settled(Until) ->
    case (catch tree()) of
        {still, Lines} -> Lines;
        Busy ->
            erlang:monotonic_time(millisecond) < Until orelse exit({never_settled, Busy}),
            erlang:yield(),
            settled(Until)
    end.

%% Nothing moves when every child that a supervisor names is alive, none is to be started again, and whoever else was ever started
%% has ended. A supervisor answers between two things that it does, so what it says is whole.
tree() ->
    {Reached, Lines} = case pid(r) of
        none -> {[], []};
        Root -> look(Root, r)
    end,
    Others = [Pid || {{pid, Pid}, _, _, alive} <- ets:tab2list(random_trees), not lists:member(Pid, Reached)],
    case Others of [] -> {still, Lines}; _ -> {moving, Others} end.

look(Sup, Id) ->
    Children = supervisor:which_children(Sup),
    [throw(restarting) || {_, restarting, _, _} <- Children],
    [throw({dying, P}) || {_, P, _, _} <- Children, is_pid(P), not is_process_alive(P)],
    Line = ["tree ", atom_to_list(Id), " [", shown(Sup, Children), "] ", counts(Sup, integer_to_list(length([P || {_, P, _, _} <- Children, is_pid(P)])))],
    Below = [look(P, element(1, name_pair(P))) || {_, P, _, _} <- Children, is_pid(P), kind(P) =:= supervisor],
    {[Sup | [P || {_, P, _, _} <- Children, is_pid(P)]] ++ lists:append([R || {R, _} <- Below]), [Line | lists:append([L || {_, L} <- Below])]}.

%% Newest first; of a simple_one_for_one, which promises no order, by name.
shown(Sup, Children) ->
    Simple = is_simple(Sup),
    Texts = [unicode:characters_to_binary([[case Simple of true -> "i"; false -> atom_to_list(Id) end, $=], case P of
        undefined -> "-";
        restarting -> "restarting";
        _ -> name_of(P)
    end, $/, atom_to_list(Type)]) || {Id, P, Type, _} <- Children],
    lists:join($,, case Simple of true -> lists:sort(Texts); false -> Texts end).

%% Rule *active*: OTP forgets to count back when a child of a simple_one_for_one that is restarting is terminated, and comes to negative numbers.
%% What such a supervisor says of its active children is compared when nothing moves only, and then by those it names.
counts(Sup, Active) ->
    [Specs, Own, Supervisors, Workers] = [integer_to_list(N) || {_, N} <- supervisor:count_children(Sup)],
    lists:join($/, [Specs, case is_simple(Sup) of true -> Active; false -> Own end, Supervisors, Workers]).

%% ---- who is who

%% Called in a supervisor that has just started Pid: how it ends is known from here on.
watch(Pid, Name, Kind) ->
    Ref = make_ref(),
    random_watcher ! {watch, self(), Ref, Pid, Name, Kind},
    receive Ref -> ok end.

watcher() ->
    receive
        {watch, From, Ref, Pid, {Id, _} = Name, Kind} ->
            monitor(process, Pid),
            ets:insert(random_trees, [{{pid, Pid}, Name, Kind, alive}, {{last, Id}, Pid}]),
            From ! Ref;
        {'DOWN', _, _, Pid, R} -> ets:update_element(random_trees, {pid, Pid}, {4, {ended, R}})
    end,
    watcher().

%% The same, if it is a supervisor now.
supervisor(Id) ->
    case pid(Id) of
        none -> none;
        Pid -> case kind(Pid) of supervisor -> Pid; worker -> none end
    end.

%% Whether this supervisor has come up: its own start has told so.
is_up(Sup) -> ets:member(random_trees, {pid, Sup}).

%% The running incarnation of Id.
pid(Id) ->
    case last_pid(Id) of
        none -> none;
        Pid -> case is_process_alive(Pid) of true -> Pid; false -> none end
    end.

last_pid(Id) -> case ets:lookup(random_trees, {last, Id}) of [{_, Pid}] -> Pid; [] -> none end.

kind(Pid) -> ets:lookup_element(random_trees, {pid, Pid}, 3).

name_pair(Pid) -> ets:lookup_element(random_trees, {pid, Pid}, 2).

name_of(Pid) -> case ets:lookup(random_trees, {pid, Pid}) of [{_, Name, _, _}] -> name(Name); [] -> "?" end.

is_simple(Sup) -> ets:member(random_trees, {simple, Sup}).

await_end(Pid) -> M = monitor(process, Pid), receive {'DOWN', M, _, _, _} -> ok end.

%% ---- the supervisors themselves

init(#{strategy := Strategy, intensity := Intensity, autoShutdown := Auto, children := Children}) ->
    Strategy =:= simple_one_for_one andalso ets:insert(random_trees, {{simple, self()}}),
    {ok, {#{strategy => Strategy, intensity => Intensity, period => 1000000, auto_shutdown => Auto}, [spec(C) || C <- Children]}}.

spec(#{id := Id, restart := Restart, significant := Significant, shutdown := Shutdown, type := Type} = Child) ->
    #{id => Id, start => {scripted_child, start, [Child]}, restart => Restart, significant => Significant, shutdown => Shutdown, type => Type}.

%% ---- the supervisors' own reports

log(#{msg := {report, #{label := {supervisor, progress}, report := Report}}}, _) ->
    log(["report progress ", offender(proplists:get_value(started, Report))]);
log(#{msg := {report, #{label := {supervisor, Context}, report := Report}}}, _) ->
    log(["report ", atom_to_list(Context), $\s, text(proplists:get_value(reason, Report)), $\s, offender(proplists:get_value(offender, Report))]);
log(_, _) -> ok.

offender(Offender) ->
    Id = atom_to_list(proplists:get_value(id, Offender)),
    Who = case {proplists:get_value(nb_children, Offender), proplists:get_value(pid, Offender)} of
        {undefined, Pid} when is_pid(Pid) -> name_of(Pid);
        {undefined, _} -> "none";
        {N, _} -> ["all ", integer_to_list(N)]
    end,
    [Id, $\s, Who].

%% ---- headers

describe(#{do := call, to := To, call := Call} = Request) ->
    [atom_to_list(Call), $\s, atom_to_list(To), case Request of
        #{id := Id} -> [$\s, atom_to_list(Id)];
        #{child := #{id := Id}} -> [$\s, atom_to_list(Id)];
        _ -> []
    end];
describe(#{do := together, to := To, steps := Steps, last := Last}) ->
    ["together ", atom_to_list(To), [[" (", describe(S), ")"] || S <- Steps], case Last of none -> ""; _ -> [" (exit ", atom_to_list(Last), $)] end];
describe(#{do := change, to := To}) -> ["change ", atom_to_list(To)];
describe(#{do := exit, reason := R}) -> ["exit ", atom_to_list(R)];
describe(#{do := Do, id := Id, reason := R}) -> [atom_to_list(Do), $\s, atom_to_list(Id), $\s, atom_to_list(R)].
