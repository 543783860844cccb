%% Which reports a crash makes, and in which order.
-module(crash_reports).

-export([
    s_130_report_sequence_permanent_crash/0,
    s_131_report_sequence_intensity/0,
    s_182_simple_no_progress_reports/0,
    s_184_kill_supervisor_then_parent_restarts_it_children_names_race/0
]).
-import(scene, [
    c/1, clear/0, die/2, evs/0, pid/2, sup/2, wait_exit/1, wc/1
]).

s_130_report_sequence_permanent_crash() ->
    {ok, S} = sup(#{intensity => 5}, [c(a)]),
    clear(),
    die(pid(S, a), x),
    timer:sleep(30),
    [
     case E of
         {started, I, _} ->
             {up, I};
         O ->
             O
     end ||
         E <- evs()
    ].

s_131_report_sequence_intensity() ->
    {ok, S} = sup(#{intensity => 0}, [c(a)]),
    clear(),
    die(pid(S, a), x),
    wait_exit(S),
    [
     case E of
         {started, I, _} ->
             {up, I};
         O ->
             O
     end ||
         E <- evs()
    ].

s_182_simple_no_progress_reports() ->
    {ok, S} = sup(#{strategy => simple_one_for_one, intensity => 3}, [c(a)]),
    clear(),
    {ok, P} = supervisor:start_child(S, [[]]),
    die(P, x),
    timer:sleep(30),
    [
     E ||
         E <- evs(),
         element(1, E) == report
    ].

s_184_kill_supervisor_then_parent_restarts_it_children_names_race() ->
    Inner =
        #{id => inner,
          type => supervisor,
          start =>
              {supervisor, start_link,
               [scene,
                {ok, {#{}, [#{id => w, start => {gen_server, start_link, [{local, nm184}, ow, #{id => w}, []]}}]}}]}},
    {ok, S} = sup(#{intensity => 50, period => 60}, [Inner]),
    I = pid(S, inner),
    clear(),
    exit(I, kill),
    timer:sleep(200),
    {wc(S),
     is_pid(whereis(nm184)),
     [
      E ||
          {report, C, _, inner, _} = E <- evs(),
          C =/= progress
     ]}.
