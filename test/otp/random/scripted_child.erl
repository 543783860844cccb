%% A child that follows a script, and the functions that start it. Everything it does becomes a line of the trace. How runs are
%% driven it does not know.
-module(scripted_child).
-behaviour(gen_server).
-export([start/1, start/2, start_body/2, log/1, name/1, reason/1, text/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

%% An instance of a template: the same child with an id and a plan of its own, and a supervisor with ids of its own below it.
start(#{body := Body} = Template, #{id := Id, plan := Plan, body := Own}) ->
    start(Template#{id := Id, plan := Plan, body := case Own of template -> Body; _ -> Own end}).

start(#{id := Id, plan := Plan} = Child) ->
    N = ets:update_counter(random_trees, {count, Id}, 1, {{count, Id}, 0}),
    Outcome = #{comes := Comes, reason := Reason} = outcome(N, Plan),
    log(["start ", name({Id, N}), $\s, atom_to_list(Comes), $\s, text(reason(Reason))]),
    begin_child(possible(Outcome#{reason := reason(Reason)}), Child, {Id, N}).

outcome(N, Plan) when N =< length(Plan) -> lists:nth(N, Plan);
outcome(_, _) -> #{comes => ok, reason => normal}.

%% Not while its supervisor starts: that would handle the end at the same time as its own parent goes on, in no order.
possible(#{comes := dead} = Outcome) ->
    case random_trees:is_up(self()) of true -> Outcome; false -> Outcome#{comes := ok} end;
possible(Outcome) -> Outcome.

begin_child(#{comes := ignore}, _, _) -> ignore;
begin_child(#{comes := error, reason := R}, _, _) -> {error, R};
begin_child(#{comes := throw, reason := R}, _, _) -> throw(R);
begin_child(#{comes := raise, reason := R}, _, _) -> error(R);
begin_child(#{comes := dead, reason := R}, _, Name) ->
    Pid = spawn_link(fun() -> receive go -> exit(R) end end),
    random_trees:watch(Pid, Name, worker),
    Monitor = monitor(process, Pid),
    Pid ! go,
    receive {'DOWN', Monitor, _, _, _} -> ok end,
    %% The supervisor, in which this runs, has the exit signal behind whatever it was sent before.
    receive {'EXIT', Pid, _} = Exit -> self() ! Exit end,
    {ok, Pid};
begin_child(#{comes := Comes, reason := R}, #{body := #{is := worker} = Body}, Name) when Comes =:= init_stop; Comes =:= init_raise ->
    gen_server:start_link(?MODULE, {Name, Body, {Comes, R}}, []);
begin_child(#{comes := Comes, reason := R}, _, _) when Comes =:= init_stop; Comes =:= init_raise -> {error, R};
begin_child(#{comes := Comes}, #{body := Body}, Name) ->
    case start_body(Body, Name) of
        {ok, Pid} when Comes =:= info -> {ok, Pid, info};
        Other -> Other
    end.

start_body(#{is := Is} = Body, Name) ->
    Started = case Is of
        worker -> gen_server:start_link(?MODULE, {Name, Body, ok}, []);
        supervisor -> supervisor:start_link(random_trees, Body)
    end,
    case Started of
        {ok, Pid} -> random_trees:watch(Pid, Name, Is), Started;
        _ -> Started
    end.

init({_, _, {init_stop, R}}) -> {stop, R};
init({_, _, {init_raise, R}}) -> error(R);
init({Name, #{traps := Traps, ending := Ending}, ok}) ->
    process_flag(trap_exit, Traps),
    {ok, {Name, Ending}}.

handle_call(ping, _, State) -> {reply, pong, State}.

%% One that ends by itself is not deaf: nobody would kill it.
handle_cast({stop, R}, {Name, Ending}) -> {stop, R, {Name, hearing(Ending)}};
handle_cast({raise, R}, _) -> error(R).

handle_info(_, State) -> {noreply, State}.

terminate(R, {Name, deaf}) when R =:= shutdown -> receive never -> log(["woke ", name(Name)]) end;
terminate(R, {Name, Ending}) ->
    log(["term ", name(Name), $\s, text(R)]),
    case Ending of raises -> error(x); _ -> ok end.

hearing(deaf) -> returns;
hearing(Ending) -> Ending.

%% ---- lines

log(Line) -> ets:insert(random_trace, {erlang:unique_integer([monotonic]), Line}).

name({Id, N}) -> [atom_to_list(Id), $#, integer_to_list(N)].

reason('{shutdown,x}') -> {shutdown, x};
reason(R) -> R.

text({'EXIT', R}) -> text(R);
text({shutdown, {failed_to_start_child, Id, R}}) -> failed(Id, R);
text({R, Stack}) when is_list(Stack) -> text(R);
text(R) when is_atom(R) -> atom_to_list(R);
text(R) -> io_lib:format("~0p", [R]).

%% Of nested supervisors the innermost child is the one named.
failed(_, {shutdown, {failed_to_start_child, Id, R}}) -> failed(Id, R);
failed(Id, R) -> ["failed ", atom_to_list(Id), $\s, text(R)].
