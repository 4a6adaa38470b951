"""Planner: instruction, scene and what happened so far to the next skill calls."""

from collections.abc import Mapping
from typing import Literal, Protocol, runtime_checkable

from handeye.perception.charts.chart import Chart
from handeye.perception.errors import ModelError, UserError
from handeye.perception.frame import Frame
from handeye.perception.scene import Scene
from handeye.skills.registry import skills
from handeye.skills.robot import CancelToken
from handeye.skills.skill import Skill
from pydantic import BaseModel, ConfigDict, SerializeAsAny


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class Plan(_Result):
    """What to do, in order; objects by scene id.

    Attributes:
        skills: the calls. Empty when nothing is left to do.
        reading: how the sentence was read, in plain words.
        names: what the user calls things from now on, name -> id.
        of_all: whether it would be another one if there were more things of a kind than are seen.
    """

    kind: Literal["plan"] = "plan"
    skills: tuple[SerializeAsAny[Skill], ...]
    reading: str = ""
    names: dict[str, str] = {}
    of_all: bool = False


class Reply(_Result):
    """The answer to a question; nothing moves.

    Attributes:
        text: the answer, in words.
        objects: ids of what it speaks of.
        reading: how the question was read, in plain words.
        of_all: see `Plan`.
    """

    kind: Literal["reply"] = "reply"
    text: str
    objects: tuple[str, ...] = ()
    reading: str = ""
    of_all: bool = False


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
    """Why it cannot be done.

    Attributes:
        text: the reason.
        understood: whether the instruction was understood; another planner may do better if not.
        missing: what it speaks of and the scene has not, such as "red cup"; "" if it is not that.
        of_all: see `Plan`.
    """

    kind: Literal["refusal"] = "refusal"
    text: str
    understood: bool = True
    missing: str = ""
    of_all: bool = False


class ReadChart(_Result):
    """The instruction speaks of a chart: it must be read before anything can be planned."""

    kind: Literal["read_chart"] = "read_chart"


PlanResult = Plan | Reply | Question | Refusal | ReadChart


class Answered(_Result):
    """What the user said to a question.

    Attributes:
        text: the answer.
        candidates: between which the question was to decide; empty for any.
        question: what was asked.
    """

    text: str
    candidates: tuple[str, ...] = ()
    question: str = ""


class Done(_Result):
    """A call that was carried out.

    Attributes:
        call: in words, such as "pick(target='cup_1')".
        message: what became of it, such as "holding cup_1"; of a failed one, that it failed.
    """

    call: str
    message: str


class Exchange(_Result):
    """An earlier run of the thread.

    Attributes:
        instruction: what the user said.
        outcome: how it ended: what was done, the reply, the question, or the reason.
    """

    instruction: str
    outcome: str


class Past(_Result):
    """What a thread remembers of before.

    Attributes:
        instruction: the previous one that was planned, or "".
        scene: as it was before that.
        names: what the user calls things, name -> id.
        exchanges: the last few runs and how each ended, oldest first.
    """

    instruction: str = ""
    scene: Scene | None = None
    names: dict[str, str] = {}
    exchanges: tuple[Exchange, ...] = ()


class Progress(_Result):
    """What happened so far with an instruction, and before it.

    Attributes:
        mentioned: id of what "it" is, or None.
        answers: to the questions so far, in order.
        done: the calls that were carried out so far, in order, and what became of each.
        remaining: the calls that are not done yet; the first of them failed.
        failure: what was expected and what is seen instead; None where nothing failed.
        in_the_way: ids of what kept the first of them from being done, and might be put aside.
        past: what the thread remembers of before.
        chart: what was read off the chart in view, once a planner asked for it by ReadChart.
    """

    mentioned: str | None = None
    past: Past = Past()
    chart: Chart | None = None
    answers: tuple[Answered, ...] = ()
    done: tuple[Done, ...] = ()
    remaining: tuple[SerializeAsAny[Skill], ...] = ()
    failure: str | None = None
    in_the_way: tuple[str, ...] = ()


@runtime_checkable
class Planner(Protocol):
    """Chooses skill calls. It sees the scene, never the simulator.

    One with an attribute `asks_again` that is True is asked again when all calls of its plan are
    done and verified: `progress.done` then says what was done, `progress.failure` is None, and
    `progress.remaining` is empty. A Plan of no skills says that the instruction is carried out.
    """

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        """Plan, or plan again after a failure; raises InstructionError for nonsense only."""


@runtime_checkable
class SeeingPlanner(Planner, Protocol):
    """A planner that also wants the pictures behind the scene."""

    def show(self, frames: Mapping[str, Frame]) -> None:
        """Take the latest frame of each camera, before `plan`."""


@runtime_checkable
class CancellablePlanner(Planner, Protocol):
    """A planner that takes its time, and gives up when the run is stopped."""

    def cancelled_by(self, token: CancelToken) -> None:
        """Take the run's token, before `plan`, which raises CancelledError once it is cancelled."""


def checked(planner: object, result: object) -> PlanResult:
    """What `plan` of a planner returned.

    Raises:
        ModelError: it is none of the results; names the planner.
        UserError: it plans a skill that nobody registered.
    """
    name = type(planner).__name__
    if not isinstance(result, PlanResult):
        raise ModelError(
            f"{name}.plan must return a Plan, Reply, Question, Refusal or ReadChart, "
            f"not {type(result).__name__}"
        )
    for skill in result.skills if isinstance(result, Plan) else ():
        if getattr(skill, "name", None) not in skills():
            kind = type(skill).__name__
            raise UserError(
                f"{name} plans {kind}, which is not among the skills; "
                f"handeye.skills.register({kind}) adds it"
            )
    return result
