"""What every skill does alike: from exceptions and clocks to an Outcome."""

from collections.abc import Callable, Sequence
from typing import Any

from handeye.perception.errors import (
    AmbiguousError,
    CancelledError,
    DeadlineError,
    LimitError,
    NotFoundError,
    RobotError,
    StoppedError,
    UnreachableError,
)

from .motion import BlockedError, Mover
from .robot import reading
from .skill import Code, Outcome, SkillContext

_CODES: tuple[tuple[type[Exception], Code], ...] = (
    (NotFoundError, Code.NOT_FOUND),
    (AmbiguousError, Code.AMBIGUOUS),
    (BlockedError, Code.BLOCKED),
    (UnreachableError, Code.UNREACHABLE),
    (StoppedError, Code.STOPPED),
    (DeadlineError, Code.TIMEOUT),
    (LimitError, Code.REFUSED),
    (CancelledError, Code.CANCELLED),
    (RobotError, Code.FAULT),
)


class Failed(Exception):
    """Ends a skill with a code; never leaves `run`.

    Args:
        code, message, in_the_way, evidence: of the Outcome.
    """

    def __init__(
        self, code: Code, message: str, in_the_way: Sequence[str] = (), /, **evidence: Any
    ) -> None:
        super().__init__(message)
        self.outcome = Outcome(
            code=code, message=message, evidence=evidence, in_the_way=tuple(in_the_way)
        )


def run(context: SkillContext, steps: Callable[[Mover], Outcome]) -> Outcome:
    """Run a skill's steps; whatever happens to the task becomes its Outcome.

    Errors of cameras and models are not the skill's to judge, and pass through.
    """
    began = _clock(context)
    try:
        outcome = steps(Mover(context))
    except Failed as failure:
        outcome = failure.outcome
    except tuple(kind for kind, _ in _CODES) as error:
        code = next(code for kind, code in _CODES if isinstance(error, kind))
        outcome = Outcome(code=code, message=str(error))
    ended = _clock(context)
    took = 0.0 if began is None or ended is None else ended - began
    return outcome.model_copy(update={"duration_s": round(took, 3)})


def _clock(context: SkillContext) -> float | None:
    """Seconds on the robot's clock; None where the robot cannot be read any more."""
    try:
        return reading(context.robot).stamp_s
    except RobotError:
        return None
