"""What is done once more after a failure: only what is left, where a part that was done counts."""

import math
from typing import ClassVar

import pytest
from handeye.agents.agent import Agent
from handeye.agents.embedded_planner import EmbeddedPlanner
from handeye.agents.planner import Plan, Progress
from handeye.perception.conditions import Condition, Holding, Turned
from handeye.perception.scene import Scene, SceneObject
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation
from handeye.skills import Code, Outcome, Skill, SkillContext, register, registry
from handeye.skills.rotate import Rotate
from pydantic import Field


class Count(Skill):
    """Count down; what it should bring about never holds."""

    name: ClassVar[str] = "count"
    left: int = Field(default=3)

    def goal(self, scene: Scene) -> Condition | None:
        return Holding(object=next(iter(scene.objects)))

    def again(self, goal: Condition, scene: Scene) -> Skill:
        assert isinstance(goal, Holding)
        assert goal.object in scene.objects
        return Count(left=self.left - 1)

    def execute(self, context: SkillContext) -> Outcome:
        return Outcome(code=Code.OK, message=f"{self.left} left")


class Wordy(Count):
    """Say in words what is left."""

    def again(self, goal: Condition, scene: Scene) -> Skill:
        return "two more"  # type: ignore[return-value]


class Retrying:
    """A planner that plans one call, and then what is left, as the one that ships does."""

    def __init__(self, skill: Skill) -> None:
        self.skill = skill

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> object:
        if progress.failure is not None:
            return EmbeddedPlanner().plan(instruction, scene, progress)
        return Plan(skills=(self.skill,))


@pytest.fixture(autouse=True)
def _forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


def run(simulation: Simulation, skill: Skill) -> object:
    register(type(skill))
    eyes = PerfectEyes(simulation.world)
    return Agent(simulation.robot, vlm=eyes, planner=Retrying(skill)).run("count")


def test_what_is_left_is_what_is_tried_next(grab: Simulation) -> None:
    result = run(grab, Count())
    assert [step.message for step in result.skills] == ["3 left", "2 left", "1 left", "0 left"]
    assert result.status == "failed"


def test_what_is_no_skill_is_named(grab: Simulation) -> None:
    result = run(grab, Wordy())
    assert result.status == "failed"
    assert "Wordy.again must return a Skill, not str" in result.reason


def seen_at(yaw: float | None) -> Scene:
    box = SceneObject(name="red box", category="box", color="red", position=(0.5, 0.0, 0.05),
                      size=(0.06, 0.05, 0.1), yaw=yaw)  # fmt: skip
    return Scene(objects={"box_1": box})


@pytest.mark.parametrize(
    ("told", "seen", "left"),
    [
        (45, 0, 45),  # nothing was done
        (45, 20, 25),  # it broke off
        (45, 64, -19),  # it went too far
        (-45, 160, -25),
        (90, 0, 90),
        (180, 0, 180),  # a side has no front: it looks as if all was done
        (180, 100, 80),
        (45, 178, 47),  # not quite as it was seen before
        (0, 30, -30),  # it was to stay as it was
    ],
)
def test_a_turn_is_finished_not_begun_anew(told: float, seen: float, left: float) -> None:
    goal = Turned(object="box_1", start_rad=0.0, angle_rad=math.radians(told), period_rad=math.pi)
    call = Rotate(target="box_1", angle_rad=math.radians(told))
    again = call.again(goal, seen_at(math.radians(seen) % math.pi))
    assert math.degrees(again.angle_rad) == pytest.approx(left, abs=0.1)


def test_a_turn_of_what_is_no_longer_seen_is_the_same_once_more() -> None:
    goal = Turned(object="box_1", start_rad=0.0, angle_rad=0.5)
    call = Rotate(target="box_1", angle_rad=0.5)
    assert call.again(goal, Scene()) == call
    assert call.again(goal, seen_at(None)) == call
