"""Calling: what a skill's own code returns, held to the contract before anything rests on it."""

from typing import get_args

from handeye.perception.conditions import Condition
from handeye.perception.errors import HandeyeError, UserError
from handeye.perception.scene import Scene

from .skill import Outcome, Skill

_CONDITIONS: tuple[type, ...] = get_args(get_args(Condition)[0])


def goal_of(skill: Skill, scene: Scene) -> Condition | None:
    """What should hold after a skill; raises UserError that names a skill which cannot say so."""
    kind = type(skill).__name__
    try:
        goal: object = skill.goal(scene)
    except HandeyeError:
        raise
    except Exception as error:
        raise UserError(f"{kind}.goal failed: {type(error).__name__}: {error}") from error
    if goal is None or isinstance(goal, _CONDITIONS):
        return goal  # type: ignore[return-value]  # the tuple is of all that a Condition may be
    raise UserError(
        f"{kind}.goal must return a Condition, such as Holding(object=…), or None, "
        f"not {type(goal).__name__}"
    )


def outcome_of(skill: Skill, returned: object) -> Outcome:
    """What `execute` of a skill returned; raises UserError that names the skill if it is none."""
    if isinstance(returned, Outcome):
        return returned
    raise UserError(
        f"{type(skill).__name__}.execute must return an Outcome, not {type(returned).__name__}"
    )
