"""Planner: instruction, scene and what happened so far to the next skill calls."""

from typing import Literal, Protocol

from handeye.perception.scene import Scene
from handeye.skills.skill import Skill
from pydantic import BaseModel, ConfigDict, SerializeAsAny


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class Plan(_Result):
    """What to do, in order; objects by scene id.

    Attributes:
        skills: the calls. Empty when nothing is left to do.
        reading: how the sentence was read, in plain words.
    """

    kind: Literal["plan"] = "plan"
    skills: tuple[SerializeAsAny[Skill], ...]
    reading: str = ""


class Question(_Result):
    """What must be asked before anything can be done.

    Attributes:
        text: the question.
        candidates: ids between which the answer decides.
    """

    kind: Literal["question"] = "question"
    text: str
    candidates: tuple[str, ...] = ()


class Refusal(_Result):
    """Why it cannot be done."""

    kind: Literal["refusal"] = "refusal"
    text: str


PlanResult = Plan | Question | Refusal


class Answered(_Result):
    """What the user said to a question.

    Attributes:
        text: the answer.
        candidates: between which the question was to decide; empty for any.
    """

    text: str
    candidates: tuple[str, ...] = ()


class Progress(_Result):
    """What happened so far with an instruction.

    Attributes:
        mentioned: id of what "it" is, or None.
        answers: to the questions so far, in order.
        remaining: the calls that are not done yet; the first of them failed.
        failure: what was expected and what is seen instead; None at the first planning.
    """

    mentioned: str | None = None
    answers: tuple[Answered, ...] = ()
    remaining: tuple[SerializeAsAny[Skill], ...] = ()
    failure: str | None = None


class Planner(Protocol):
    """Chooses skill calls. It sees the scene, never the simulator."""

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        """Plan, or plan again after a failure; raises InstructionError for nonsense only."""
