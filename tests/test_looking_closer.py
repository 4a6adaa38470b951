"""Before the agent asks which thing is meant, it looks closer at what it may have misnamed."""

from dataclasses import replace

import pytest
from handeye.agents.agent import Agent, Result
from handeye.agents.planner import Plan, PlanResult, Progress, Refusal
from handeye.perception.frame import Frame
from handeye.perception.scene import Scene
from handeye.perception.vlm.verbs import Detection
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import simulate
from handeye.sims.tasks.instructed import Instructed
from handeye.sims.world import World
from handeye.skills import Pick


class Doubting(PerfectEyes):
    """Takes the can for a cup, and not for sure, from everywhere but above."""

    score = 0.42

    def parse(self, frame: Frame) -> list[Detection]:
        seen = super().parse(frame)
        if frame.camera == "wrist":
            return seen
        return [
            replace(d, label=f"{d.color} cup", category="cup", score=self.score)
            if d.category == "can"
            else d
            for d in seen
        ]


class Certain(Doubting):
    """Is sure of what it takes the can for."""

    score = 0.95


@pytest.fixture
def told() -> str:
    return "grab the cup"


def run(eyes: type[PerfectEyes], scene: str, told: str) -> Result:
    with simulate(Instructed(scene), 2) as simulation:
        return Agent(simulation.robot, vlm=eyes(simulation.world)).run(told)


def test_a_doubtful_name_is_looked_at_from_above_before_it_is_asked_about(told: str) -> None:
    result = run(Doubting, "the cup and the can", told)
    assert [step.call.skill for step in result.skills] == ["look_around", "pick"]
    assert result.status == "succeeded", result


def test_what_is_plainly_seen_twice_is_asked_about_at_once(told: str) -> None:
    result = run(Certain, "the cup and the can", told)
    assert result.status == "needs_input"
    assert result.skills == ()


class Overlooking(PerfectEyes):
    """Sees the green ball from above alone."""

    def parse(self, frame: Frame) -> list[Detection]:
        seen = super().parse(frame)
        hidden = frame.camera != "wrist"
        return [d for d in seen if not (hidden and d.label == "green ball")]


@pytest.mark.parametrize("crowded", [True, False])
def test_all_of_a_kind_are_looked_for_from_above_where_some_may_be_hidden(crowded: bool) -> None:
    told = "the red ball, the green ball, the cup, the can, the duck, the teddy, the plate"
    with simulate(Instructed(told), 3) as simulation:
        world = simulation.world
        if not crowded:
            for name in set(world.objects) - {"red ball", "green ball", "cup"}:
                world.remove(name)
        balls = sum("ball" in name for name in world.objects)
        result = Agent(simulation.robot, vlm=Overlooking(world)).run("how many balls are there?")
        assert [step.call.skill for step in result.skills] == ["look_around"] * crowded
        assert result.answer.startswith(str(balls if crowded else balls - 1))


class Conjuring:
    """A planner whose first target vanishes as soon as it has been chosen."""

    def __init__(self, world: World) -> None:
        self.world = world

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        if progress.failure is not None or not scene.objects.keys() & {"ball_1"}:
            return Refusal(text="there is no ball any more")
        self.world.remove("red ball")
        return Plan(skills=(Pick(target="ball_1"),))


def test_what_is_lost_from_sight_is_looked_for_from_above_before_all_is_planned_anew() -> None:
    with simulate(Instructed("the red ball, the cup"), 3) as simulation:
        world = simulation.world
        for name in set(world.objects) - {"red ball", "cup"}:
            world.remove(name)
        agent = Agent(simulation.robot, vlm=PerfectEyes(world), planner=Conjuring(world))
        result = agent.run("grab the ball")
    assert [step.call.skill for step in result.skills] == ["pick", "look_around"]
    assert result.reason == "there is no ball any more"
