"""The graph's state: small, typed, serialisable; no pixels."""

from typing import Any, TypedDict

from handeye.perception.charts.chart import Chart
from handeye.perception.scene import Scene
from handeye.skills.registry import skill_from_call
from handeye.skills.skill import Code, Skill
from pydantic import BaseModel, ConfigDict, TypeAdapter

from .events import Call
from .planner import Answered, Done, Past, Progress

CHART: TypeAdapter[Chart] = TypeAdapter(Chart)
_STOPS = (Code.STOPPED.value, Code.CANCELLED.value)


class Budget(BaseModel):
    """What bounds a run.

    Attributes:
        steps: most skill calls.
        retries: most replannings after failures.
        seconds: most time, on the robot's clock.
        skill_s: most time for one skill.
    """

    model_config = ConfigDict(frozen=True)

    steps: int = 30
    retries: int = 3
    seconds: float = 600.0
    skill_s: float = 60.0


class Step(BaseModel):
    """One skill call with what came of it.

    Attributes:
        call: what was called.
        code: how the skill ended, see `handeye.skills.skill.Code`.
        message: what it said.
        duration_s: how long it took, on the robot's clock.
        verified: "yes", "no", "can't tell", or None where there was nothing to check.
        evidence: of the verification.
        in_the_way: ids of what kept it from being done, and might be put aside.
    """

    model_config = ConfigDict(frozen=True)

    call: Call
    code: str
    message: str = ""
    duration_s: float = 0.0
    verified: str | None = None
    evidence: str = ""
    in_the_way: tuple[str, ...] = ()

    def words(self) -> str:
        """What came of it: what the skill said, and what was seen instead where it was not so."""
        if self.verified == "no":
            return f"{self.message}; but seen is: {self.evidence}"
        return self.message if self.code == "ok" else f"{self.code}: {self.message}"


class AgentState(TypedDict, total=False):
    """What is checkpointed after every node."""

    instruction: str
    answers: list[dict[str, Any]]
    mentioned: str | None
    scene: dict[str, Any]
    first: dict[str, Any] | None
    plan: list[dict[str, Any]]
    index: int
    steps: list[dict[str, Any]]
    goal: dict[str, Any] | None
    achieved: list[dict[str, Any]]
    failure: str | None
    retries: int
    began_s: float
    question: str | None
    candidates: list[str]
    status: str | None
    reason: str
    answer: str
    past: dict[str, Any]
    chart: dict[str, Any] | None
    searched: bool
    sought: bool


def done_of(state: AgentState | dict[str, Any]) -> tuple[Done, ...]:
    """The calls of a run so far, and what became of each."""
    steps = [Step.model_validate(raw) for raw in state.get("steps", [])]
    return tuple(Done(call=step.call.words(), message=step.words()) for step in steps)


def progress_of(state: AgentState) -> Progress:
    """How far a run is, as planners are told."""
    steps, failure = state.get("steps") or [], state.get("failure")
    return Progress(
        mentioned=state.get("mentioned"),
        answers=tuple(Answered.model_validate(raw) for raw in state.get("answers", [])),
        remaining=tuple(
            skill_from_call(raw["skill"], raw["arguments"])
            for raw in state.get("plan", [])[state.get("index", 0) :]
        ),
        failure=failure,
        in_the_way=Step.model_validate(steps[-1]).in_the_way if steps and failure else (),
        done=done_of(state),
        past=Past.model_validate(state.get("past") or {}),
        chart=CHART.validate_python(raw) if (raw := state.get("chart")) else None,
    )


def was_stopped(state: AgentState | dict[str, Any]) -> bool:
    """Whether a run ended as its arm was stopped, in the middle of a skill."""
    steps = state.get("steps") or [{}]
    return state.get("status") == "stopped" and steps[-1].get("code") in _STOPS


def is_search(state: AgentState) -> bool:
    """Whether the plan is to look around for what an instruction speaks of."""
    return bool(state.get("searched")) and len(state["plan"]) == 1


def scene_of(state: AgentState) -> Scene:
    """The scene as it was last seen."""
    return Scene.model_validate(state["scene"])


def next_skill(state: AgentState) -> Skill:
    """The call of the plan whose turn it is."""
    raw = state["plan"][state["index"]]
    return skill_from_call(raw["skill"], raw["arguments"])


def with_names(past: Past, names: dict[str, str]) -> dict[str, Any]:
    """What is remembered, with what the user calls things from now on."""
    known = past.model_copy(update={"names": {**past.names, **names}})
    return known.model_dump(mode="json")
