%% Registered names and process groups.
-module(names).

-export([
    s_086_monitor_dead_noproc/0,
    s_091_name_released_before_down/0,
    s_092_register_errors/0,
    s_170_pg/0,
    s_172_global_names/0,
    s_175_monitor_by_name_object/0
]).
-import(scene, [
    loop/0
]).

s_086_monitor_dead_noproc() ->
    D = spawn(fun() -> ok end),
    timer:sleep(10),
    M = monitor(process, D),
    M2 = monitor(process, nosuchname),
    {receive
         {'DOWN', M, process, _, R} -> R
     after
         100 -> none
     end,
     receive
         {'DOWN', M2, process, O, R2} ->
             {O == {nosuchname, node()}, R2}
     after
         100 -> none
     end}.

s_091_name_released_before_down() ->
    P = spawn(fun() ->
                     register(nm91, self()),
                     loop()
              end),
    timer:sleep(20),
    M = monitor(process, P),
    P ! {exit, x},
    receive
        {'DOWN', M, _, _, _} ->
            whereis(nm91)
    end.

s_092_register_errors() ->
    P = spawn(fun() -> loop() end),
    true = register(nm92, P),
    {catch register(nm92, self()),
     catch register(other92, P),
     catch register(undefined, self()),
     catch unregister(nope92),
     catch nope92 ! x,
     catch gen_server:cast(nope92, x)}.

s_170_pg() ->
    pg:start_link(sc),
    P = spawn(fun() -> loop() end),
    ok = pg:join(sc, g, P),
    ok = pg:join(sc, g, P),
    A = length(pg:get_members(sc, g)),
    L1 = pg:leave(sc, g, P),
    B = length(pg:get_members(sc, g)),
    pg:leave(sc, g, P),
    L3 = pg:leave(sc, g, P),
    pg:join(sc, g, P),
    {_, []} = {x, pg:get_members(sc, none)},
    P ! {exit, x},
    timer:sleep(40),
    {A, L1, B, L3, pg:get_members(sc, g), pg:which_groups(sc)}.

s_172_global_names() ->
    A = spawn(fun() -> loop() end),
    B = spawn(fun() -> loop() end),
    Y = global:register_name(gn, A),
    N = global:register_name(gn, B),
    Y2 = global:register_name(gn2, A),
    A ! {exit, x},
    timer:sleep(60),
    {Y, N, Y2, global:whereis_name(gn), global:whereis_name(gn2)}.

s_175_monitor_by_name_object() ->
    P = spawn(fun() ->
                     register(nm175, self()),
                     loop()
              end),
    timer:sleep(10),
    M = monitor(process, nm175),
    P ! {exit, z},
    receive
        {'DOWN', M, process, {N, Nd}, R} ->
            {N, Nd == node(), R}
    end.
