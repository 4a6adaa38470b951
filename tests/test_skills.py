"""Skills on a simulated arm, seen through perfect eyes, so that only the skills are tested."""

import numpy as np
import pytest
from handeye.agents.eyes import make_observer
from handeye.perception.conditions import Holding, Truth
from handeye.perception.errors import (
    LimitError,
    NotFoundError,
    RobotError,
    UnreachableError,
    UserError,
)
from handeye.perception.observer import Observer
from handeye.perception.scene import SceneObject
from handeye.perception.verify import check
from handeye.sims.judge import holds
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation, simulate
from handeye.sims.tasks import get_task
from handeye.skills import (
    Box,
    CancelToken,
    Close,
    Code,
    Guarded,
    Handover,
    Home,
    Insert,
    Limits,
    LookAround,
    LookAt,
    Open,
    Pick,
    Place,
    Pour,
    Push,
    RobotState,
    Rotate,
    SkillContext,
    Stack,
    Sweep,
    Upright,
    check_skill,
    skill_from_call,
    skill_schema,
)
from handeye.skills.grasping import plan_grasps
from handeye.skills.insert import opening
from handeye.skills.kinematics import Kinematics
from handeye.skills.motion import BlockedError, Mover
from handeye.skills.place import release_width
from handeye.skills.registry import BUILT_IN
from handeye.skills.running import Failed
from handeye.skills.spots import beside

from handeye.evaluation import episode_seed


def seen(simulation: Simulation) -> tuple[SkillContext, Observer]:
    observer = make_observer(simulation.robot, PerfectEyes(simulation.world))
    observer.look()
    return SkillContext(Guarded(simulation.robot), observer), observer


@pytest.mark.parametrize("name", ["open_drawer", "close_drawer", "open_fridge", "close_fridge"])
def test_drawers_and_doors_are_opened_and_closed_by_their_handles(name: str) -> None:
    with simulate(get_task(name), 1) as simulation:
        context, observer = seen(simulation)
        [target] = [n for n, t in observer.scene.objects.items() if t.state is not None]
        skill = (Open if name.startswith("open") else Close)(target=target)
        outcome = skill.execute(context)
        assert outcome.ok, outcome.message
        assert simulation.judged() is True
        goal = skill.goal(observer.scene)
        assert goal is not None
        assert check(goal, observer.look()).truth is Truth.YES


@pytest.mark.parametrize(
    ("name", "seed"), [("stow_in_drawer", 1), ("stow_in_drawer", 2), ("stow_in_fridge", 1)]
)
def test_what_is_put_in_furniture_is_shut_in(name: str, seed: int) -> None:
    with simulate(get_task(name), seed) as simulation:
        context, observer = seen(simulation)
        inside, closed = simulation.setup.goal
        thing, furniture = observer.resolve(inside.object), observer.resolve(inside.container)
        if observer.scene.objects[furniture].state == "closed":
            assert Open(target=furniture).execute(context).ok
        assert Pick(target=thing).execute(context).ok
        observer.look()
        put = Place(relation="in", reference=furniture)
        goal = put.goal(observer.scene)
        outcome = put.execute(context)
        assert outcome.ok, outcome.message
        assert goal is not None
        assert check(goal, observer.look()).truth is Truth.YES
        assert holds(inside, simulation.world)
        assert not holds(closed, simulation.world)
        assert Close(target=furniture).execute(context).ok
        assert simulation.judged() is True


def take_smallest(context: SkillContext, observer: Observer, furniture: str) -> str:
    """Pick up the smallest thing that is no furniture; returns its id."""
    small = min(
        (n for n in observer.scene.objects if n != furniture),
        key=lambda n: max(observer.scene.objects[n].size),
    )
    assert Pick(target=small).execute(context).ok
    observer.look()
    return small


def test_nothing_is_put_into_what_is_closed() -> None:
    for name in ("open_drawer", "open_fridge"):
        with simulate(get_task(name), 3) as simulation:
            context, observer = seen(simulation)
            [furniture] = [n for n, t in observer.scene.objects.items() if t.state is not None]
            take_smallest(context, observer, furniture)
            put = Place(relation="in", reference=furniture).execute(context)
            assert put.code is Code.NO_ROOM, (name, put)


def test_where_a_door_opens_towards_the_arm_the_thing_stays_in_the_hand() -> None:
    for seed in range(20):
        with simulate(get_task("close_fridge"), seed) as simulation:
            context, observer = seen(simulation)
            [fridge] = [n for n, t in observer.scene.objects.items() if t.state is not None]
            if observer.scene.objects[fridge].position[1] < 0:
                continue
            small = take_smallest(context, observer, fridge)
            put = Place(relation="in", reference=fridge).execute(context)
            assert put.code in (Code.UNREACHABLE, Code.NO_ROOM), put
            assert fridge in put.message
            assert observer.look().holding == small
            return
    pytest.fail("no fridge stands at the left side")
    raise AssertionError("no fridge stood at the left")


def test_pouring_brings_most_of_what_is_in_a_cup_into_a_bowl() -> None:
    with simulate(get_task("pour_into_bowl"), 1) as simulation:
        context, observer = seen(simulation)
        cup, bowl = (observer.resolve(word) for word in ("the cup", "the bowl"))
        outcome = Pour(target=cup, into=bowl).execute(context)
        assert outcome.ok, outcome
        assert outcome.evidence["risen_share"] > 0
        assert simulation.judged() is True
        assert observer.scene.holding == cup


def test_an_empty_cup_is_seen_to_have_poured_nothing() -> None:
    with simulate(get_task("pour_into_bowl"), 1) as simulation:
        for grain in [name for name in simulation.world.bodies if name.startswith("grain")]:
            simulation.world.remove(grain)
        context, observer = seen(simulation)
        cup, bowl = (observer.resolve(word) for word in ("the cup", "the bowl"))
        outcome = Pour(target=cup, into=bowl).execute(context)
        assert outcome.code is Code.BLOCKED, outcome


@pytest.mark.parametrize("seed", [1, 5])
def test_what_fell_over_is_stood_up(seed: int) -> None:
    with simulate(get_task("set_upright"), seed) as simulation:
        context, observer = seen(simulation)
        fallen = observer.resolve(simulation.setup.goal[0].object)
        skill = Upright(target=fallen)
        goal = skill.goal(observer.scene)
        assert goal is not None
        assert check(goal, observer.scene).truth is Truth.NO
        outcome = skill.execute(context)
        assert outcome.ok, outcome
        assert simulation.judged() is True
        assert check(goal, observer.look()).truth is Truth.YES


def test_a_cube_cannot_be_stood_up() -> None:
    with simulate(get_task("stack"), 8) as simulation:
        context, _ = seen(simulation)
        block = simulation.setup.goal[0].object
        assert Upright(target=block).execute(context).code is Code.NO_GRASP


@pytest.mark.parametrize("degrees", [-45, 90, 180])
def test_turning_brings_a_box_round_where_it_stands(degrees: int) -> None:
    with simulate(get_task("turn"), episode_seed("turn", 1, 5)) as simulation:
        context, observer = seen(simulation)
        box = simulation.setup.goal[0].object
        T = simulation.world.pose(box)
        call = Rotate(target=observer.resolve("the box"), angle_rad=np.radians(degrees))
        goal = call.goal(observer.scene)
        outcome = check_skill(call, context)
        assert outcome.ok, outcome
        R = simulation.world.pose(box)[:3, :3] @ T[:3, :3].T
        turned = np.degrees(np.arctan2(R[1, 0], R[0, 0]))
        assert abs((turned - degrees + 180) % 360 - 180) < 12
        assert np.linalg.norm(simulation.world.pose(box)[:3, 3] - T[:3, 3]) < 0.02
        assert goal is not None
        assert check(goal, observer.look()).truth is Truth.YES


def test_of_what_is_not_longer_than_wide_no_turn_can_be_seen() -> None:
    with simulate(get_task("set_upright"), 1) as simulation:
        _, observer = seen(simulation)
        scene = observer.scene
        round_ones = [n for n, t in scene.objects.items() if t.category in ("ball", "cup")]
        assert all(scene.objects[name].yaw is None for name in round_ones)
        for name in round_ones:
            assert Rotate(target=name, angle_rad=1.0).goal(scene) is None


def test_what_is_held_is_not_turned(grab: Simulation) -> None:
    context, observer = seen(grab)
    assert Pick(target="red cup").execute(context).ok
    observer.look()
    call = Rotate(target=observer.resolve("the red cup"), angle_rad=1.0)
    assert call.execute(context).code is Code.HANDS_FULL


def test_no_more_than_a_whole_turn_is_a_turn() -> None:
    with pytest.raises(UserError, match="rotate"):
        skill_from_call("rotate", {"target": "box_1", "angle_rad": 7.0})


def test_a_block_is_let_down_into_a_cup() -> None:
    with simulate(get_task("insert_into_cup"), 1) as simulation:
        context, observer = seen(simulation)
        goal = simulation.setup.goal[0]
        block, cup = observer.resolve(goal.object), observer.resolve(goal.container)
        outcome = Insert(target=block, reference=cup).execute(context)
        assert outcome.ok, outcome
        assert simulation.judged() is True


def test_nothing_is_inserted_where_there_is_no_opening() -> None:
    with simulate(get_task("stack"), 8) as simulation:
        context, _ = seen(simulation)
        goal = simulation.setup.goal[0]
        call = Insert(target=goal.object, reference=goal.support)
        assert call.execute(context).code is Code.NO_ROOM


def test_an_opening_is_found_beside_its_handle() -> None:
    turn = np.linspace(0, 2 * np.pi, 90)
    rim = np.stack([0.5 + 0.04 * np.cos(turn), 0.1 + 0.04 * np.sin(turn), 0 * turn + 0.09], 1)
    handle = np.array([0.5, 0.15, 0.085]) + np.random.default_rng(0).normal(0, 0.003, (12, 3))
    found = opening(np.concatenate([rim, handle]))
    assert found is not None
    assert np.allclose(found, (0.5, 0.1, 0.037, 0.09), atol=0.004)


def test_sweeping_brings_a_thing_to_a_side_stroke_by_stroke() -> None:
    with simulate(get_task("sweep_aside"), 2) as simulation:
        context, observer = seen(simulation)
        spot = "left" if "left" in simulation.setup.instruction else "right"
        target = observer.resolve(simulation.setup.goal[0].object)
        goal = Sweep(target=target, spot=spot).goal(observer.scene)
        outcome = Sweep(target=target, spot=spot).execute(context)
        assert outcome.ok, outcome
        assert goal is not None
        assert check(goal, observer.look()).truth is Truth.YES
        assert holds(simulation.setup.goal[0], simulation.world)


def test_what_has_no_handle_is_not_opened(grab: Simulation) -> None:
    context, observer = seen(grab)
    outcome = Open(target=observer.resolve("the red cup")).execute(context)
    assert outcome.code is Code.NO_GRASP


def test_handover_brings_a_thing_to_the_user(grab: Simulation) -> None:
    context, observer = seen(grab)
    target = observer.resolve("the red cup")
    goal = Handover(target=target).goal(observer.scene)
    outcome = Handover(target=target).execute(context)
    assert outcome.ok, outcome.message
    assert goal is not None
    assert check(goal, observer.look()).truth is Truth.YES


def test_pick_takes_hold_and_lifts(grab: Simulation) -> None:
    context, _ = seen(grab)
    outcome = Pick(target="the red cup").execute(context)
    assert outcome.code is Code.OK, outcome
    assert holds(Holding(object="red cup"), grab.world)
    assert outcome.evidence["gripper_width_m"] > 0.002


def test_pick_refuses_with_full_hands(grab: Simulation) -> None:
    context, observer = seen(grab)
    assert Pick(target="red cup").execute(context).ok
    observer.look()
    other = next(n for n, t in observer.scene.objects.items() if t.name != "red cup")
    assert Pick(target=other).execute(context).code is Code.HANDS_FULL


def test_place_without_anything_held_says_so(grab: Simulation) -> None:
    context, _ = seen(grab)
    assert Place(relation="on", reference="table").execute(context).code is Code.NOT_HOLDING


def test_a_thing_is_put_down_where_the_hand_finds_room_too() -> None:
    """Between a tall can and the box there is room for the block, and none for the palm."""
    seed = episode_seed("put_beside", 1, 20270777)
    with simulate(get_task("put_beside"), seed, clutter=True) as simulation:
        context, observer = seen(simulation)
        goal = simulation.setup.goal[0]
        block, box = observer.resolve(goal.object), observer.resolve(goal.reference)
        assert Pick(target=block).execute(context).ok
        observer.look()
        outcome = Place(relation=goal.relation, reference=box).execute(context)
        assert outcome.ok, outcome
        assert simulation.judged()


def test_what_finds_no_room_next_to_a_thing_may_find_it_farther_off_to_its_left() -> None:
    box = SceneObject(
        name="red box", category="box", position=(0.5, -0.1, 0.05), size=(0.06, 0.06, 0.1)
    )
    angles = np.linspace(0, 2 * np.pi, 60)
    rings = [(0.5 + r * np.cos(a), -0.1 + r * np.sin(a), 0.05) for r in (0.1, 0.14) for a in angles]
    cloud = np.array(rings, np.float32)
    for x, y in beside("left_of", box, 0.025, cloud, 0.0):
        assert np.hypot(x - 0.5, y + 0.1) > 0.177
        assert y + 0.1 > abs(x - 0.5)
    with pytest.raises(Failed, match="no free place next to the red box"):
        beside("next_to", box, 0.025, cloud, 0.0)


def test_what_touches_the_arm_as_it_begins_does_not_keep_it_from_leaving(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, observer = seen(grab)
    kinematics = Kinematics.of(grab.robot.spec)
    assert kinematics is not None
    q = grab.robot.read().q
    T = kinematics.fk(q)
    goal = T.copy()
    goal[:3, 3] += (0.1, 0.25, 0.0)
    bones = kinematics.body_points(q)
    elbow = bones[np.linalg.norm(bones - T[:3, 3], axis=1) > 0.3][-8:]
    monkeypatch.setattr(observer, "cloud", lambda exclude=(): elbow.astype(np.float32))
    reached = Mover(context).over(goal)
    assert np.allclose(reached.T_base_tcp[:3, 3], goal[:3, 3], atol=0.01)
    with pytest.raises(BlockedError, match="the arm would touch"):
        Mover(context).over(T)  # Back to where it would touch it.


@pytest.mark.parametrize("task", ["put_on", "put_in", "stack"])
def test_pick_and_place_reach_the_goal(task: str) -> None:
    with simulate(get_task(task), 5) as simulation:
        context, observer = seen(simulation)
        goal = simulation.setup.goal[0]
        assert Pick(target=goal.object).execute(context).ok
        observer.look()
        relation = "in" if task == "put_in" else "on"
        reference = getattr(goal, "container", None) or goal.support
        assert Place(relation=relation, reference=reference).execute(context).ok
        assert simulation.judged() is True


def test_what_is_put_in_a_bowl_comes_to_lie_beside_what_lies_there() -> None:
    with simulate(get_task("pack_the_bowl"), episode_seed("pack_the_bowl", 0, 5)) as simulation:
        context, observer = seen(simulation)
        for goal in reversed(simulation.setup.goal):
            thing, bowl = observer.resolve(goal.object), observer.resolve(goal.container)
            assert Pick(target=thing).execute(context).ok
            observer.look()
            assert Place(relation="in", reference=bowl).execute(context).ok
            observer.look()
        assert simulation.judged() is True


def test_fingers_do_not_open_against_the_wall_of_a_bowl() -> None:
    with simulate(get_task("put_in"), 5) as simulation:
        context, observer = seen(simulation)
        goal = simulation.setup.goal[0]
        held, bowl = observer.resolve(goal.object), observer.resolve(goal.container)
        assert Pick(target=held).execute(context).ok
        observer.look()
        width = simulation.robot.read().gripper_width_m
        call = Place(relation="in", reference=bowl)
        scene = observer.scene
        small = scene.objects[bowl].model_copy(update={"size": (0.12, 0.12, 0.05)})
        narrow = scene.model_copy(update={"objects": {**scene.objects, bowl: small}})
        assert release_width(call, 0.05, narrow, 0.08) == pytest.approx(0.06)
        assert release_width(call, 0.058, narrow, 0.08) == pytest.approx(0.066)
        onto = Place(relation="on", reference="table")
        assert release_width(onto, 0.058, narrow, 0.08) == pytest.approx(0.08)
        before = simulation.world.pose(goal.container)[:3, 3]
        outcome = call.execute(context)
        assert outcome.ok
        assert width < outcome.evidence["gripper_width_m"]
        assert np.allclose(simulation.world.pose(goal.container)[:3, 3], before, atol=0.02)


def test_stack_is_pick_and_place_in_one() -> None:
    with simulate(get_task("stack"), 8) as simulation:
        context, _ = seen(simulation)
        goal = simulation.setup.goal[0]
        assert Stack(target=goal.object, reference=goal.support).execute(context).ok
        assert simulation.judged() is True


def test_push_moves_the_object_that_way() -> None:
    with simulate(get_task("push"), 3) as simulation:
        context, _ = seen(simulation)
        words = simulation.setup.instruction
        direction = next(d for d in ("left", "right", "away") if d in words)
        outcome = Push(target=simulation.setup.goal[0].object, direction=direction).execute(context)
        assert outcome.ok, outcome
        assert simulation.judged() is True


def test_an_unknown_target_moves_nothing(grab: Simulation) -> None:
    context, _ = seen(grab)
    before = grab.robot.read().q
    outcome = Pick(target="the pink elephant").execute(context)
    assert outcome.code is Code.NOT_FOUND
    assert "in view" in outcome.message
    assert np.array_equal(grab.robot.read().q, before)


def test_a_skill_can_be_cancelled_in_mid_motion(grab: Simulation) -> None:
    context, _ = seen(grab)
    token = CancelToken()
    start = grab.world.time_s
    grab.world.on_step.append(lambda world: world.time_s > start + 0.6 and token.cancel())
    cancelled = SkillContext(context.robot, context.sight, cancel=token)
    outcome = Pick(target="red cup").execute(cancelled)
    assert outcome.code is Code.CANCELLED
    assert np.abs(grab.robot.read().dq).max() < 0.05


def test_stop_is_latched_until_reset(grab: Simulation) -> None:
    context, _ = seen(grab)
    start = grab.world.time_s
    grab.world.on_step.append(
        lambda world: grab.robot.stop() if 0.3 < world.time_s - start < 0.31 else None
    )
    assert LookAt(target="red cup").execute(context).code is Code.STOPPED
    assert Home().execute(context).code is Code.STOPPED
    grab.robot.reset()
    assert Home().execute(context).ok


def test_a_deadline_ends_a_skill(grab: Simulation) -> None:
    context, _ = seen(grab)
    context.deadline_s = 1.0
    assert Pick(target="red cup").execute(context).code is Code.TIMEOUT


def test_limits_refuse_before_anything_moves(grab: Simulation) -> None:
    box = Box(low=(0.2, -0.1, 0.0), high=(0.5, 0.1, 0.6))
    robot = Guarded(grab.robot, Limits(workspace=box))
    before = robot.read()
    outside = before.T_base_tcp.copy()
    outside[1, 3] = 0.4
    with pytest.raises(LimitError, match="outside of the workspace"):
        robot.move_to(outside)
    with pytest.raises(LimitError, match="gripper opening"):
        robot.set_gripper(0.2)
    with pytest.raises(LimitError, match="panda_joint2"):
        robot.move_joints(np.array([[0, 3.0, 0, -2, 0, 2, 0.7]]))
    assert np.array_equal(robot.read().q, before.q)


def test_an_arm_that_was_pushed_beyond_a_limit_may_come_back(grab: Simulation) -> None:
    robot = Guarded(grab.robot)
    home, q = robot.spec.q_home, robot.spec.q_home.copy()
    q[5] = robot.spec.q_max[5] + 0.05
    grab.robot.teleport(q, robot.spec.gripper_stroke_m)
    pushed = robot.read().q
    farther = pushed + np.eye(7)[5] * 0.02
    with pytest.raises(LimitError, match="panda_joint6"):
        robot.move_joints(np.array([pushed, farther]))
    after = robot.move_joints(np.array([pushed, home]))
    assert np.allclose(after.q, home, atol=0.02)


def test_the_skills_keep_their_contract(grab: Simulation) -> None:
    context, _ = seen(grab)
    assert check_skill(LookAt(target="red cup"), context).ok


def test_every_skill_is_a_tool_for_language_models() -> None:
    for skill in BUILT_IN:
        schema = skill_schema(skill)
        assert schema["name"] == skill.name
        for field in schema["parameters"].get("properties", {}).values():
            assert field["description"]
    assert skill_schema(Pick)["parameters"]["required"] == ["target"]


def test_wrong_calls_name_what_is_wrong() -> None:
    with pytest.raises(NotFoundError, match="skills: close, handover, home"):
        skill_from_call("juggle", {})
    with pytest.raises(UserError, match="needs a reference"):
        skill_from_call("place", {"relation": "left_of"})


def test_looking_around_sees_what_stands_behind_something_and_ends_at_home() -> None:
    with simulate(get_task("put_on"), 5) as simulation:
        context, observer = seen(simulation)
        assert LookAround().execute(context).code is Code.OK
        assert len(observer.scene.objects) == len(simulation.world.objects)
        robot = simulation.robot
        assert np.allclose(robot.read().q, robot.spec.q_home, atol=0.02)


@pytest.mark.parametrize("error", [UnreachableError("out of reach"), BlockedError("in the way")])
def test_looking_around_goes_on_where_one_place_cannot_be_reached(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch, error: UnreachableError
) -> None:
    context, observer = seen(grab)
    over, tried = Mover.over, []

    def only(reachable: int) -> None:
        tried.clear()

        def moved(self: Mover, *args: object, **options: object) -> RobotState:
            tried.append(args)
            if len(tried) != reachable:
                raise error
            return over(self, *args, **options)

        monkeypatch.setattr(Mover, "over", moved)

    only(2)
    assert LookAround().execute(context).ok
    assert len(tried) == 2
    assert "wrist" in observer.frames
    only(0)
    outcome = LookAround().execute(context)
    code = Code.BLOCKED if isinstance(error, BlockedError) else Code.UNREACHABLE
    assert (outcome.code, outcome.message) == (code, str(error))


def test_a_robot_that_cannot_be_read_any_more_is_a_fault(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, _ = seen(grab)

    def lost(*_: object, **__: object) -> RobotState:
        monkeypatch.setattr(grab.robot, "read", lost)
        raise RobotError("connection lost")

    monkeypatch.setattr(grab.robot, "move_joints", lost)
    outcome = Home().execute(context)
    assert (outcome.code, outcome.message) == (Code.FAULT, "connection lost")
    assert Home().execute(context).code is Code.FAULT


def test_a_box_that_lies_flat_is_grasped_across_though_only_its_top_and_a_side_are_seen(
    grab: Simulation,
) -> None:
    x, y = (v.ravel() for v in np.mgrid[-0.055:0.055:0.004, -0.025:0.025:0.004])
    top = np.column_stack([x + 0.5, y, np.full_like(x, 0.054)])
    x, z = (v.ravel() for v in np.mgrid[-0.055:0.055:0.004, 0.006:0.054:0.004])
    front = np.column_stack([x + 0.5, np.full_like(x, -0.025), z])
    points = np.concatenate([top, front]).astype(np.float32)
    nothing = np.zeros((0, 3), np.float32)
    grasps = plan_grasps(points, nothing, 0.0, grab.robot.spec, "box")
    across = [g for g in grasps if abs(g.T_base_tcp[1, 1]) > 0.9]
    assert len(across) >= 3
    assert all(g.width_m == pytest.approx(0.05, abs=0.012) for g in across)
    assert all(abs(g.T_base_tcp[1, 3]) < 0.01 for g in across)
