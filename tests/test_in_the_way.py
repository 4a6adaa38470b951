"""What stands in the way: it is told, put aside where it may be, and no other place is taken."""

import math

import numpy as np
from handeye.agents.embedded_planner import EmbeddedPlanner
from handeye.agents.eyes import make_observer
from handeye.agents.language.arranging import farthest_points
from handeye.agents.planner import Plan, Progress
from handeye.perception.scene import Scene, SceneObject
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import simulate
from handeye.sims.tasks import get_task
from handeye.skills import Pick, Place, Skill
from handeye.skills.guarded import Guarded
from handeye.skills.skill import Code, SkillContext
from handeye.skills.spots import named_spot

from handeye.episode import run_episode
from handeye.evaluation import episode_seed

INTO = Place(relation="in", reference="fridge_1", target="cup_1")


def with_fridge(table: Scene, *, holding: str | None) -> Scene:
    fridge = SceneObject(
        name="white fridge",
        category="fridge",
        color="white",
        position=(0.5, -0.4, 0.12),
        size=(0.2, 0.2, 0.24),
        state="open",
    )
    return table.model_copy(
        update={"objects": {**table.objects, "fridge_1": fridge}, "holding": holding}
    )


def planned(said: str, scene: Scene, *in_the_way: str) -> tuple[Skill, ...]:
    progress = Progress(remaining=(INTO,), failure="no way in", in_the_way=in_the_way)
    result = EmbeddedPlanner().plan(said, scene, progress)
    assert isinstance(result, Plan)
    return result.skills


class TestPlanning:
    def test_what_is_in_the_way_is_put_aside_before_it_is_tried_again(self, table: Scene) -> None:
        scene = with_fridge(table, holding="cup_1")
        down, take, away, again, into = planned("put the red cup in the fridge", scene, "ball_1")
        assert down == Place(relation="on", reference="table", target="cup_1")
        assert take == Pick(target="ball_1")
        assert isinstance(away, Place)
        assert away.target == "ball_1"
        assert away.spot is not None
        point = named_spot(away.spot, scene)
        assert math.dist(point, scene.objects["fridge_1"].position[:2]) > 0.3
        others = (t for name, t in scene.objects.items() if name not in ("ball_1", "cup_1"))
        assert min(math.dist(point, t.position[:2]) for t in others) > 0.05
        assert (again, into) == (Pick(target="cup_1"), INTO)

    def test_what_lies_on_it_comes_first(self, table: Scene) -> None:
        scene = with_fridge(table, holding=None)
        taken = [
            s.target
            for s in planned("put the red cup in the fridge", scene, "plate_1")
            if isinstance(s, Pick)
        ]
        assert taken == ["block_3", "plate_1", "cup_1"]

    def test_what_is_to_be_left_alone_stays(self, table: Scene) -> None:
        scene = with_fridge(table, holding="cup_1")
        said = "put the red cup in the fridge, but don't touch the ball"
        assert planned(said, scene, "ball_1") == (INTO,)
        assert planned(said, scene, "gone_7") == (INTO,)

    def test_where_it_is_not_known_what_is_to_be_left_alone_all_stays(self, table: Scene) -> None:
        scene = with_fridge(table, holding="cup_1")
        assert planned("put it in, but mind the gizmo", scene, "ball_1") == (INTO,)

    def test_the_farthest_points_come_first(self, table: Scene) -> None:
        start = (0.5, -0.4)
        points = farthest_points(table, start)
        gaps = [math.dist(point, start) for point in points]
        assert gaps == sorted(gaps, reverse=True)
        (x0, y0), (x1, y1) = table.table_bounds
        assert all(x0 < x < x1 and y0 < y < y1 for x, y in points)


class TestDoing:
    def test_a_ball_before_the_fridge_is_put_aside(self) -> None:
        result = run_episode(
            get_task("stow_in_fridge"),
            episode_seed("stow_in_fridge", 0, 20270114),
            clutter=True,
            vlm=None,
            eyes=lambda simulation: PerfectEyes(simulation.world),
        )
        assert result.judged is True
        blocked = [step for step in result.skills if step.in_the_way]
        assert [step.code for step in blocked] == ["blocked"]
        assert "stands in the way into fridge_1" in blocked[0].message
        [moved] = blocked[0].in_the_way
        assert moved in [s.call.arguments.get("target") for s in result.skills]

    def test_what_stands_next_to_a_box_that_is_to_turn_is_put_aside(self) -> None:
        seed = episode_seed("turn", 59, 20270115)
        result = run_episode(get_task("turn"), seed, held_out=False, clutter=True)
        assert result.judged is True
        first, *rest = result.skills
        assert (first.code, first.in_the_way) == ("no_room", ("teddy_1",))
        assert "teddy_1 stands in the way of box_1" in first.message
        assert rest[0].call.arguments["target"] == "teddy_1"
        assert rest[-1].call.skill == "rotate"

    def test_a_point_that_is_taken_is_not_another_point(self) -> None:
        with simulate(get_task("put_beside"), 1) as simulation:
            observer = make_observer(simulation.robot, PerfectEyes(simulation.world))
            observer.look()
            context = SkillContext(Guarded(simulation.robot), observer)
            beside = simulation.setup.goal[0]
            thing, taken = (observer.resolve(n) for n in (beside.object, beside.reference))
            assert Pick(target=thing).execute(context).ok
            observer.look()
            x, y, _ = observer.scene.objects[taken].position
            before = simulation.robot.read().q
            outcome = Place(relation="at", point=(x, y)).execute(context)
            assert outcome.code is Code.NO_ROOM
            assert f"no free place at ({x:.2f}, {y:.2f}) m" in outcome.message
            assert np.array_equal(simulation.robot.read().q, before)
            assert observer.look().holding == thing
