%% Supervisors that do not come up: a child that fails, a specification that is wrong, an `init` that gives up.
-module(init_failure).

-export([
    s_031_init_second_child_fails/0,
    s_032_init_child_raises/0,
    s_034_init_child_init_exit_shutdown/0,
    s_035_init_child_ignore_kept_unless_temporary/0,
    s_037_init_child_ok_non_pid/0,
    s_038_sup_init_ignore/0,
    s_040_sup_init_raises/0,
    s_041_sup_flags_errors/0,
    s_043_defaults/0,
    s_160_sup_already_started/0
]).
-import(scene, [
    c/1, c/2, cc/1, drain/0, plan/2, seq/0, strip/1, sup/2, supn/3, wc/1
]).

s_031_init_second_child_fails() ->
    plan(b, [{error, bad}]),
    R = sup(#{}, [c(a), c(b), c(c)]),
    {R, seq(), drain()}.

s_032_init_child_raises() ->
    plan(a, [{raise, error, badarg}]),
    R = sup(#{}, [c(a)]),
    {element(1, R),
     element(1, element(2, R)),
     element(2, element(2, R)),
     [
      case E of
          {'EXIT', _, X} ->
              {'EXIT', element(1, X)};
          O ->
              O
      end ||
          E <- drain()
     ]}.

s_034_init_child_init_exit_shutdown() ->
    plan(a, [{init_exit, shutdown}]),
    {sup(#{}, [c(a)]), drain()}.

s_035_init_child_ignore_kept_unless_temporary() ->
    plan(a, [ignore]),
    plan(b, [ignore]),
    plan(c, [init_ignore]),
    {ok, S} = sup(#{}, [c(a), c(b, #{restart => temporary}), c(c), c(d)]),
    {wc(S), cc(S)}.

s_037_init_child_ok_non_pid() ->
    plan(a, [{return, {ok, not_a_pid}}]),
    {sup(#{}, [c(a)]), drain()}.

s_038_sup_init_ignore() ->
    {supervisor:start_link(scene, ignore), drain()}.

s_040_sup_init_raises() ->
    R = supervisor:start_link(scene,
                              fun() ->
                                     error(oops)
                              end),
    {strip(element(2, R)),
     [strip(X) || {'EXIT', _, X} <- drain()]}.

s_041_sup_flags_errors() ->
    [sup(#{strategy => x}, []),
     sup(#{intensity => -1}, []),
     sup(#{period => 0}, []),
     sup(#{auto_shutdown => x}, []),
     sup({one_for_one, 1}, []),
     sup(#{strategy => simple_one_for_one}, []),
     sup(#{strategy => simple_one_for_one}, [c(a), c(b)])].

s_043_defaults() ->
    {ok, S} =
        sup(#{},
            [#{id => w, start => {ow, start_link, [#{id => w}]}},
             #{id => s, start => {ow, start_link, [#{id => s}]}, type => supervisor}]),
    [supervisor:get_childspec(S, w), supervisor:get_childspec(S, s), supervisor:get_childspec(S, nope)].

s_160_sup_already_started() ->
    {ok, P} = supn(s160, #{}, []),
    R = supn(s160, #{}, []),
    {R == {error, {already_started, P}}, drain()}.
