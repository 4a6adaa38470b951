"""Calling: what a skill's own code returns, held to the contract before anything rests on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

from handeye.perception.conditions import Condition
from handeye.perception.errors import HandeyeError, UserError
from handeye.perception.scene import Scene

from .skill import Outcome, Skill, SkillContext

_CONDITIONS: tuple[type, ...] = get_args(get_args(Condition)[0])


def goal_of(skill: Skill, scene: Scene) -> Condition | None:
    """What should hold after a skill; raises UserError that names a skill which cannot say so."""
    kind = type(skill).__name__
    with _named(f"{kind}.goal failed:"):
        goal: object = skill.goal(scene)
    if goal is None or isinstance(goal, _CONDITIONS):
        return goal  # type: ignore[return-value]  # the tuple is of all that a Condition may be
    raise UserError(
        f"{kind}.goal must return a Condition, such as Holding(object=…), or None, "
        f"not {type(goal).__name__}"
    )


def once_more(skill: Skill, goal: Condition, scene: Scene) -> Skill:
    """The call for what a skill left undone; raises UserError that names one that cannot say so."""
    kind = type(skill).__name__
    with _named(f"{kind}.again failed:"):
        left: object = skill.again(goal, scene)
    if isinstance(left, Skill):
        return left
    raise UserError(f"{kind}.again must return a Skill, not {type(left).__name__}")


def executed(skill: Skill, context: SkillContext) -> Outcome:
    """What a skill reports once it is executed.

    What breaks in the robot, the cameras and the models has errors of its own, and passes through.

    Raises:
        UserError: the skill itself breaks, or reports no Outcome; names it.
    """
    kind = type(skill).__name__
    with _named(f"{kind}.execute raised"):
        returned: object = skill.execute(context)
    if isinstance(returned, Outcome):
        return returned
    raise UserError(f"{kind}.execute must return an Outcome, not {type(returned).__name__}")


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Let what a skill's own code raises say whose it is; our own errors say so themselves."""
    try:
        yield
    except HandeyeError:
        raise
    except Exception as error:
        raise UserError(f"{what} {type(error).__name__}: {error}") from error
