"""The graph's state: small, typed, serialisable; no pixels."""

from typing import Any, TypedDict

from pydantic import BaseModel, ConfigDict

from .events import Call


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
    """

    model_config = ConfigDict(frozen=True)

    call: Call
    code: str
    message: str = ""
    duration_s: float = 0.0
    verified: str | None = None
    evidence: str = ""


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
