"""The simulator: seeded, restorable, rendered, judged, and a Gymnasium environment."""

from pathlib import Path

import numpy as np
import pybullet as p
import pytest
from handeye.agents.agent import Result
from handeye.agents.embedded_planner import EmbeddedPlanner
from handeye.agents.eyes import make_observer
from handeye.agents.planner import Plan, Progress
from handeye.perception.conditions import On
from handeye.perception.errors import NotFoundError, SceneFileError, UserError
from handeye.perception.heading import turned_by
from handeye.perception.scene_file import scene_from
from handeye.sims.judge import holds
from handeye.sims.objects import (
    CATEGORIES,
    COLORS,
    HELD_OUT_FURNITURE,
    HELD_OUT_PAIRS,
    sample_object,
)
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.shapes import shape_of
from handeye.sims.simulation import Simulation, simulate
from handeye.sims.tabletop import Style, build_tabletop
from handeye.sims.tasks import FAMILIES, TASKS, get_task, task_names
from handeye.sims.tasks.from_scene import SceneTask
from handeye.sims.tasks.instructed import Instructed
from handeye.sims.tasks.task import Setup
from handeye.sims.training_data import furnish
from handeye.sims.world import World

from handeye.episode import ended_rightly
from handeye.evaluation import episode_seed


def picture(simulation: Simulation) -> np.ndarray:
    return simulation.robot.cameras["overview"].read().rgb


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(UserError, match="0 or more, not -3"):
        simulate(get_task("grab"), -3)


def test_the_same_seed_is_the_same_scene_bit_for_bit() -> None:
    with simulate(get_task("grab"), 3) as a, simulate(get_task("grab"), 3) as b:
        assert a.setup == b.setup
        first = picture(a)
        assert np.array_equal(first, picture(b))
    with simulate(get_task("grab"), 4) as c:
        assert not np.array_equal(first, picture(c))


def test_several_worlds_live_side_by_side() -> None:
    with World(1) as first, World(2) as second:
        first.add(sample_object("block", "red", first.rng), (0.5, 0, 0))
        assert not second.bodies


def test_a_snapshot_can_be_gone_back_to(grab: Simulation) -> None:
    world = grab.world
    snapshot = world.snapshot()
    before = world.pose("red cup")
    world.place("red cup", (0.4, 0.0, 0.3))
    world.step(40)
    world.restore(snapshot)
    assert np.allclose(world.pose("red cup"), before)


def test_unknown_bodies_are_named(grab: Simulation) -> None:
    with pytest.raises(UserError, match='no body "blue whale"'):
        grab.world.pose("blue whale")


def test_the_catalogue_is_wide_enough() -> None:
    assert len(CATEGORIES) >= 10
    assert len(COLORS) >= 10
    assert len(HELD_OUT_PAIRS) == len(CATEGORIES)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_stands_on_a_table_and_is_seen(category: str) -> None:
    with World() as world:
        robot = build_tabletop(world, Style())
        body = world.add(sample_object(category, "red", np.random.default_rng(0)), (0.5, 0, 0.001))
        assert world.settle()
        assert holds(On(object=body.name, support="table"), world)
        camera = robot.cameras["overview"]
        frame = camera.read()
        shown = world.render(frame.intrinsics, frame.T_world_camera, segmentation=True)
        mask = shown.segmentation == body.uid
        assert mask.sum() > 40
        red = frame.rgb[mask].mean(axis=0)
        assert red[0] > red[1] + 20


def test_depth_is_metric(grab: Simulation) -> None:
    from handeye.perception.geometry import points_of

    points = points_of(grab.robot.cameras["overview"].read())
    low, high = grab.world.bounds("red cup")
    inside = np.all((points > low - 0.002) & (points < high + 0.002), axis=1)
    assert inside.sum() > 50


@pytest.mark.parametrize("name", ["put_on", "put_in", "put_beside", "stack"])
def test_what_is_put_is_of_a_pair_that_training_never_showed(name: str) -> None:
    with simulate(get_task(name), 3, held_out=True) as simulation:
        told = simulation.setup.instruction
        held_out = pairs(simulation.world) & HELD_OUT_PAIRS
        assert any(f"{color} {category}" in told for color, category in held_out)


def pairs(world: World) -> set[tuple[str, str]]:
    objects = {(body.spec.color, body.spec.category) for body in world.objects.values()}
    return objects | {(b.joint.color, b.joint.kind) for b in world.furniture.values()}


@pytest.mark.parametrize("name", sorted(set(TASKS) - {"grab_red_cup", "pour_into_bowl"}))
def test_of_every_kind_there_is_one_that_training_never_showed(name: str) -> None:
    never_shown = HELD_OUT_PAIRS | {(color, kind) for kind, color in HELD_OUT_FURNITURE.items()}
    with simulate(get_task(name), 4, held_out=True, renderer="tiny") as simulation:
        drawn = pairs(simulation.world)
        kinds = {kind for _, kind in drawn & never_shown}
        # A thing whose colour another has already is of what is left.
        assert len({kind for _, kind in drawn} - kinds) <= 1
    with simulate(get_task(name), 4, held_out=False, renderer="tiny") as simulation:
        assert not pairs(simulation.world) & never_shown


def test_furniture_is_of_another_shade_with_another_seed() -> None:
    shades: dict[str, set[tuple[float, ...]]] = {}
    for seed in range(12):  # Of a color there is a second one by then: there are ten.
        with simulate(get_task("open_drawer"), seed, renderer="tiny") as simulation:
            [drawer] = simulation.world.furniture.values()
            looks = p.getVisualShapeData(drawer.uid, physicsClientId=simulation.world.client)
            shades.setdefault(drawer.joint.color, set()).add(looks[0][7])
    assert sum(len(found) for found in shades.values()) == 12


def test_training_shows_furniture_in_many_shades() -> None:
    shades = set()
    for seed in range(6):
        with World(renderer="tiny") as world:
            furnish(world, np.random.default_rng(seed), True, 0.0)
            [body] = world.furniture.values()
            shades.add(p.getVisualShapeData(body.uid, physicsClientId=world.client)[0][7])
    assert len(shades) == 6


@pytest.mark.parametrize("name", sorted(TASKS))
def test_no_task_is_solved_before_it_begins(name: str) -> None:
    with simulate(get_task(name), 2) as simulation:
        assert simulation.setup.instruction
        assert 2 <= len(simulation.world.objects) + len(simulation.world.furniture) <= 10
        # Where nothing shall be moved, how the run ends decides, and doing nothing is not enough.
        untouched = simulation.setup.ending != "done"
        assert simulation.judged() is untouched
        if untouched:
            assert not ended_rightly(simulation.setup, Result(status="succeeded"))


@pytest.mark.parametrize(
    ("name", "calls"),
    [("set_for_two", 6), ("clear_the_table", 8), ("pack_the_bowl", 6), ("stow_two_in_drawer", 5)],
)
@pytest.mark.parametrize("unseen_words", [False, True])
def test_long_tasks_are_planned_whole(name: str, calls: int, unseen_words: bool) -> None:
    with simulate(get_task(name), 3, unseen_words=unseen_words) as simulation:
        observer = make_observer(simulation.robot, PerfectEyes(simulation.world))
        told = simulation.setup.instruction
        plan = EmbeddedPlanner().plan(told, observer.look(), Progress())
        assert isinstance(plan, Plan), plan
        # A drawer that is shut is opened first.
        shut = any(thing.state == "closed" for thing in observer.scene.objects.values())
        assert len(plan.skills) == calls + shut


def test_families_stand_for_their_tasks() -> None:
    assert not FAMILIES.keys() & TASKS.keys()
    assert sum(len(tasks) for tasks in FAMILIES.values()) == len(TASKS)
    assert task_names(["put_on", "putting", "own.yaml"])[:2] == ("put_on", "put_in")
    assert task_names(["all"]) == tuple(TASKS)
    with pytest.raises(NotFoundError, match="putting"):
        task_names(["puttting"])


def test_an_instruction_sets_out_what_it_names() -> None:
    told = "put the red cup on the blue plate, then push the ball away"
    with simulate(Instructed(told), 1) as simulation:
        names = set(simulation.world.objects)
        assert {"red cup", "blue plate"} <= names
        assert sum(name.split()[1] == "ball" for name in names) == 1
        assert [goal.kind for goal in simulation.setup.goal] == ["on", "moved"]


@pytest.mark.parametrize(
    ("told", "goal"),
    [
        ("put the red cup on the left of the blue plate", "left_of"),
        ("please put the red cup in front of the green block", "in_front_of"),
        ("pick up the red mug and put it inside the yellow bowl", "in"),
        ("could you grab the red cup, please?", "holding"),
    ],
)
def test_a_plain_instruction_is_judged_by_what_it_says(told: str, goal: str) -> None:
    with simulate(Instructed(told), 1, renderer="tiny") as simulation:
        [condition] = simulation.setup.goal
        assert goal in (condition.kind, getattr(condition, "relation", ""))
        assert condition.object == "red cup"
        assert simulation.judged() is False


@pytest.mark.parametrize(
    "told",
    [
        "don't grab the red cup",
        "put everything except the red cup on the blue plate",
        "get me the number of red cups",
        "slide the red ball off the table",
        "put two blocks on the plate",
        "put the red cup in the green block",
        "grab the cup and put the red cup in the bowl",
    ],
)
def test_what_is_not_plainly_read_implies_no_goal(told: str) -> None:
    with simulate(Instructed(told), 1, renderer="tiny") as simulation:
        assert simulation.judged() is None


def test_a_task_is_also_a_yaml_file(tmp_path) -> None:
    file = tmp_path / "cup_on_plate.yaml"
    file.write_text(
        "instruction: put the red cup on the blue plate\n"
        "objects:\n"
        "  - {color: red, category: cup, position: [0.5, 0.1]}\n"
        "  - {color: blue, category: plate}\n"
        "distractors: 2\n"
        "goal:\n"
        "  - {kind: on, object: red cup, support: blue plate}\n"
    )
    with simulate(get_task(str(file)), 0) as simulation:
        assert len(simulation.world.objects) == 4
        assert np.allclose(simulation.world.pose("red cup")[:2, 3], (0.5, 0.1), atol=0.02)
        assert simulation.judged() is False


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("objects: [", "not valid YAML"),
        ("instruction: go", "objects: Field required"),
        ("instruction: go\nobjects: [{color: red, category: spoon}]", "objects.0.category"),
        (
            "instruction: go\nobjects: [{color: red, category: cup}]\n"
            "goal: [{kind: holding, object: blue cup}]",
            'the goal names "blue cup"',
        ),
    ],
)
def test_a_broken_task_file_says_where(tmp_path, text: str, complaint: str) -> None:
    file = tmp_path / "task.yaml"
    file.write_text(text)
    with pytest.raises(SceneFileError, match=complaint):
        get_task(str(file))


@pytest.mark.parametrize("position", ["[.nan, 0.1]", "[0.5, .inf]", "[5000, 0.1]", "[0.5, 0, 9]"])
def test_a_task_sets_nothing_out_beyond_the_table(tmp_path: Path, position: str) -> None:
    file = tmp_path / "task.yaml"
    listed = f"{{color: red, category: cup, position: {position}}}"
    file.write_text(f"instruction: grab the red cup\nobjects: [{listed}]\n")
    with pytest.raises(SceneFileError, match=r"objects\.0\.position"):
        get_task(str(file))


@pytest.mark.parametrize("yaw", [0.0, 0.8, 2.0])
def test_a_scene_file_says_which_way_its_things_lie(yaw: float) -> None:
    listed = {
        "box_1": {"color": "red", "category": "box", "position": [0.5, 0.1, 0.05], "yaw": yaw}
    }
    with simulate(SceneTask(scene_from({"objects": listed}, "s"), ""), 1) as simulation:
        world = simulation.world
        width, depth, _ = shape_of(world["box_1"].spec).size
        R = world.pose("box_1")[:3, :3]
        longer = R[:2, 0] if width >= depth else R[:2, 1]
        assert turned_by(float(np.arctan2(*longer[::-1])), yaw, np.pi) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [({"holding": "cup_1"}, 'holding "cup_1": in the simulator'), ({}, "off the table")],
)
def test_what_a_scene_file_cannot_have_in_simulation_is_refused(
    more: dict[str, str], complaint: str
) -> None:
    listed = {"cup_1": {"color": "red", "category": "cup", "position": [2.0, 0.1, 0.05]}}
    task = SceneTask(scene_from({"objects": listed, **more}, "s"), "")
    with pytest.raises(SceneFileError, match=complaint):
        simulate(task, 1)


def test_unknown_tasks_list_the_known() -> None:
    with pytest.raises(NotFoundError, match="tasks: arrange_circle, "):
        get_task("fly")


def test_a_table_that_fills_badly_gets_fewer_distractors() -> None:
    # In this scene the plate, which came last, found no place among nine others at first.
    with simulate(get_task("put_on"), episode_seed("put_on", 43, 20261122)) as simulation:
        assert len(simulation.world.objects) >= 5
        assert simulation.judged() is False


@pytest.mark.parametrize(
    ("ending", "result", "right"),
    [
        ("answers", Result(status="succeeded", answer="there are 3 blocks"), True),
        ("answers", Result(status="succeeded", answer="there are 13 blocks"), False),
        ("asks", Result(status="needs_input", question="which?"), True),
        ("asks", Result(status="succeeded"), False),
        ("refuses", Result(status="failed", reason="no"), True),
        ("done", Result(status="failed", reason="no"), True),
    ],
)
def test_a_run_ends_as_its_task_wants(ending: str, result: Result, right: bool) -> None:
    setup = Setup("…", (), ending=ending, answer=("3",))  # type: ignore[arg-type]
    assert ended_rightly(setup, result) is right


def test_words_that_are_kept_for_their_split_are_not_used_outside_of_it() -> None:
    with (
        simulate(get_task("put_all_in"), 1) as usual,
        simulate(get_task("put_all_in"), 1, unseen_words=True) as unseen,
    ):
        assert usual.setup.instruction != unseen.setup.instruction
        assert usual.world.objects.keys() == unseen.world.objects.keys()
