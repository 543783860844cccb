%% Exit signals, links and monitors between bare processes.
-module(signals).

-export([
    s_080_exit2_reason_matrix/0,
    s_082_kill_cascades_as_killed/0,
    s_083_exit1_kill_is_kill_and_trappable/0,
    s_085_link_to_dead/0,
    s_088_unlink_then_no_exit/0,
    s_089_unlink_after_exit_already_queued/0,
    s_094_exit_reason_of_error_throw/0,
    s_095_alias_drop_after_unalias/0,
    s_097_signal_order_pair/0,
    s_173_spawn_link_atomic_exit/0,
    s_176_link_exit_after_all_messages/0
]).
-import(scene, [
    down/1, drain/0, loop/0, strip/1
]).

s_080_exit2_reason_matrix() ->
    F = fun(Trap, R) ->
               Me = self(),
               P = spawn(fun() ->
                                process_flag(trap_exit, Trap),
                                Me ! go,
                                receive
                                    {'EXIT', _, X} ->
                                        Me ! {trapped, X},
                                        receive after infinity -> ok end
                                end
                         end),
               receive
                   go ->
                       ok
               end,
               M = monitor(process, P),
               exit(P, R),
               Res =
                   receive
                       {'DOWN', M, _, _, D} ->
                           {down, D};
                       {trapped, X} ->
                           {trapped, X}
                   after
                       100 -> ignored
                   end,
               exit(P, kill),
               demonitor(M, [flush]),
               {Trap, R, Res}
        end,
    [
     F(T, R) ||
         T <- [false, true],
         R <- [normal, shutdown, foo, kill, killed]
    ].

s_082_kill_cascades_as_killed() ->
    Me = self(),
    C = spawn(fun() -> loop() end),
    B = spawn(fun() ->
                     link(C),
                     Me ! go,
                     loop()
              end),
    receive
        go ->
            ok
    end,
    A = spawn(fun() ->
                     link(B),
                     Me ! go,
                     loop()
              end),
    receive
        go ->
            ok
    end,
    Ms =
        [{N, monitor(process, P)} || {N, P} <- [{a, A}, {b, B}, {c, C}]],
    exit(B, kill),
    [
     {N,
      receive
          {'DOWN', M, _, _, R} -> R
      after
          500 -> alive
      end} ||
         {N, M} <- Ms
    ].

s_083_exit1_kill_is_kill_and_trappable() ->
    P = spawn_link(fun() -> exit(kill) end),
    receive
        {'EXIT', P, R} ->
            {trapped, R}
    after
        300 -> none
    end.

s_085_link_to_dead() ->
    D = spawn(fun() -> ok end),
    timer:sleep(10),
    T = begin
            link(D),
            receive
                {'EXIT', D, R} ->
                    {trapped, R}
            after
                100 -> none
            end
        end,
    NT =
        begin
            P = spawn(fun() ->
                             R2 = catch link(D),
                             exit({caught, element(1, element(2, R2))})
                      end),
            down(P)
        end,
    {trap, T, notrap, NT}.

s_088_unlink_then_no_exit() ->
    P = spawn_link(fun() -> loop() end),
    unlink(P),
    P ! {exit, x},
    timer:sleep(30),
    drain().

s_089_unlink_after_exit_already_queued() ->
    P = spawn_link(fun() -> exit(x) end),
    timer:sleep(30),
    unlink(P),
    length(drain()).

s_094_exit_reason_of_error_throw() ->
    {D1, D2, D3} =
        {down(spawn(fun() -> error(e) end)),
         down(spawn(fun() -> throw(t) end)),
         down(spawn(fun() -> exit({a, b}) end))},
    {strip(D1),
     case D2 of
         {{nocatch, t}, St} when is_list(St) ->
             {{nocatch, t}, stack}
     end,
     D3}.

s_095_alias_drop_after_unalias() ->
    A = alias(),
    A ! one,
    true = unalias(A),
    A ! two,
    {drain(), unalias(A)}.

s_097_signal_order_pair() ->
    Me = self(),
    P = spawn(fun() ->
                     [Me ! {m, I} || I <- lists:seq(1, 5)],
                     exit(Me, done),
                     Me ! after_exit
              end),
    timer:sleep(50),
    [
     case X of
         {'EXIT', P, R} ->
             {exit, R};
         O ->
             O
     end ||
         X <- drain()
    ].

s_173_spawn_link_atomic_exit() ->
    P = spawn_link(fun() -> exit(fast) end),
    receive
        {'EXIT', P, R} -> R
    after
        200 -> none
    end.

s_176_link_exit_after_all_messages() ->
    Me = self(),
    P = spawn_link(fun() ->
                          Me ! m1,
                          exit(x)
                   end),
    timer:sleep(30),
    [
     case E of
         {'EXIT', P, R} ->
             {exit, R};
         O ->
             O
     end ||
         E <- drain()
    ].
