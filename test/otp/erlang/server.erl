%% Servers: calls and their failures, deferred and late replies, time-outs, `continue`, start and stop.
-module(server).

-export([
    s_100_call_noproc_calling_self_timeout/0,
    s_101_late_reply_dropped_by_alias/0,
    s_103_stop_without_reply/0,
    s_104_stop_noreply_normal/0,
    s_106_throw_is_return_value/0,
    s_107_bad_return/0,
    s_109_timeout_return_cancelled_by_message/0,
    s_110_continue_before_queued_messages/0,
    s_112_parent_exit_terminates_trapping_server/0,
    s_113_parent_exit_normal_nontrapping/0,
    s_115_start_already_started/0,
    s_116_start_timeout/0,
    s_118_start_link_fail_nontrapping_caller/0,
    s_119_start_nolink_fail/0,
    s_121_gen_server_stop/0,
    s_122_terminate_not_called_on_kill/0,
    s_124_call_server_dies_midcall_killed/0,
    s_125_suspended_server_queues/0,
    s_178_parent_exit_queued_behind_messages/0
]).
-import(scene, [
    alive/1, clear/0, drain/0, evs/0, gs/1, loop/0, wait_exit/1
]).

s_100_call_noproc_calling_self_timeout() ->
    {ok, P} = gs(#{}),
    D = spawn(fun() -> ok end),
    timer:sleep(10),
    {catch gen_server:call(D, x),
     catch gen_server:call(nosuch, x),
     catch gen_server:call(self(), x),
     catch gen_server:call(P, {late, 200}, 20)}.

s_101_late_reply_dropped_by_alias() ->
    {ok, P} = gs(#{}),
    catch gen_server:call(P, {late, 60}, 20),
    timer:sleep(120),
    {drain(), gen_server:call(P, ping)}.

s_103_stop_without_reply() ->
    {ok, P} = gs(#{}),
    catch gen_server:call(P, {stop, oops}).

s_104_stop_noreply_normal() ->
    {ok, P} = gs(#{}),
    catch gen_server:call(P, {stop, normal}).

s_106_throw_is_return_value() ->
    {ok, P} = gs(#{}),
    {gen_server:call(P, {throw, {reply, thrown, #{id => g}}}), alive(P)}.

s_107_bad_return() ->
    {ok, P} = gs(#{}),
    {element(1, element(2, catch gen_server:call(P, bad))),
     receive
         {'EXIT', P, R} ->
             R
     end}.

s_109_timeout_return_cancelled_by_message() ->
    {ok, P} = gs(#{}),
    clear(),
    ok = gen_server:call(P, {reply_timeout, 80}),
    timer:sleep(30),
    gen_server:call(P, ping),
    timer:sleep(120),
    A = evs(),
    ok = gen_server:call(P, {reply_timeout, 40}),
    timer:sleep(90),
    {A, evs()}.

s_110_continue_before_queued_messages() ->
    {ok, P} = gs(#{loginfo => true}),
    clear(),
    gen_server:call(P, {cont, now}),
    timer:sleep(20),
    evs().

s_112_parent_exit_terminates_trapping_server() ->
    Me = self(),
    Par =
        spawn(fun() ->
                     {ok, P} = gs(#{}),
                     Me ! {p, P},
                     loop()
              end),
    P = receive
            {p, X} ->
                X
        end,
    M = monitor(process, P),
    clear(),
    Par ! {exit, normal},
    {receive
         {'DOWN', M, _, _, R} -> R
     after
         500 -> alive
     end,
     [E || {terminate, _, _} = E <- evs()]}.

s_113_parent_exit_normal_nontrapping() ->
    Me = self(),
    Par =
        spawn(fun() ->
                     {ok, P} = gs(#{trap => false}),
                     Me ! {p, P},
                     loop()
              end),
    P = receive
            {p, X} ->
                X
        end,
    M = monitor(process, P),
    clear(),
    Par ! {exit, normal},
    {receive
         {'DOWN', M, _, _, R} -> R
     after
         200 -> alive
     end,
     [E || {terminate, _, _} = E <- evs()]}.

s_115_start_already_started() ->
    {ok, P} = gen_server:start_link({local, nm115}, ow, #{id => g}, []),
    R = gen_server:start_link({local, nm115}, ow, #{id => g}, []),
    {R == {error, {already_started, P}}, drain()}.

s_116_start_timeout() ->
    R = gen_server:start_link(scene, slow_init, [{timeout, 50}]),
    timer:sleep(30),
    {R, drain()}.

s_118_start_link_fail_nontrapping_caller() ->
    P = spawn(fun() -> exit({got, gen_server:start_link(ow, #{id => g, init => {stop, why}}, [])}) end),
    M = monitor(process, P),
    receive
        {'DOWN', M, _, _, R} -> R
    after
        500 -> none
    end.

s_119_start_nolink_fail() ->
    R = gen_server:start(ow, #{id => g, init => {stop, why}}, []),
    {R, drain()}.

s_121_gen_server_stop() ->
    {ok, P} = gs(#{}),
    unlink(P),
    A = gen_server:stop(P),
    B = catch gen_server:stop(P),
    {ok, P2} = gs(#{}),
    unlink(P2),
    C = gen_server:stop(P2, foo, 1000),
    {ok, P3} = gs(#{term_exit => other}),
    unlink(P3),
    D = catch gen_server:stop(P3),
    {ok, P4} = gs(#{term_delay => 300}),
    unlink(P4),
    E = catch gen_server:stop(P4, normal, 30),
    {A, B, C, D, E, alive(P4)}.

s_122_terminate_not_called_on_kill() ->
    {ok, P} = gs(#{}),
    clear(),
    exit(P, kill),
    wait_exit(P),
    [E || {terminate, _, _} = E <- evs()].

s_124_call_server_dies_midcall_killed() ->
    {ok, P} = gs(#{}),
    spawn(fun() ->
                 timer:sleep(30),
                 exit(P, kill)
          end),
    catch gen_server:call(P, {late, 1000}).

s_125_suspended_server_queues() ->
    {ok, P} = gs(#{}),
    ok = sys:suspend(P),
    A = catch gen_server:call(P, ping, 50),
    ok = sys:resume(P),
    {element(1, element(2, A)), gen_server:call(P, ping)}.

s_178_parent_exit_queued_behind_messages() ->
    Me = self(),
    Par =
        spawn(fun() ->
                     {ok, P} = gs(#{loginfo => true}),
                     Me ! {p, P},
                     loop()
              end),
    P = receive
            {p, X} ->
                X
        end,
    clear(),
    erlang:suspend_process(P),
    P ! m1,
    P ! m2,
    M = monitor(process, P),
    Par ! {exit, shutdown},
    timer:sleep(20),
    P ! m3,
    erlang:resume_process(P),
    R = receive
            {'DOWN', M, _, _, Q} -> Q
        after
            500 -> alive
        end,
    {R,
     [
      E ||
          E <- evs(),
          element(1, E) == info
          orelse
          element(1, E) == terminate
     ]}.
