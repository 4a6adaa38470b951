"""Approving: what is asked before a motion, and which answers are a yes."""

import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from handeye.perception.errors import HandeyeError, UserError
from handeye.perception.scene import Scene
from handeye.skills.skill import Skill

from .events import Call

_YES = frozenset(
    """
    y|yes|yeah|yep|yup|ok|okay|sure|true|please|yes please|please do|do it|do that|go|go on|go ahead
    |yes go ahead|ok go ahead|yes do it|proceed|continue|fine|alright|all right|agreed|approve
    |approved|i approve|confirm|confirmed|affirmative
    |是|是的|对|对的|好|好的|好吧|好啊|可以|可以的|行|行的|没问题|同意|我同意|批准|确认|继续|执行
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)


_MOVED_M = 0.03
"""What is farther from where it was has been moved."""


def is_yes(answer: object) -> bool:
    """Whether an answer approves: True itself, or words of assent and nothing else.

    Whatever else is said, even in part, does not: "no", "yes, but not now", 1, None.
    """
    if not isinstance(answer, str):
        return answer is True
    said = unicodedata.normalize("NFKC", answer).casefold()
    parts = [" ".join(part.split()) for part in re.split(r"[^\w\s]+", said)]
    parts = [part for part in parts if part]
    return bool(parts) and all(part in _YES for part in parts)


def check_approve(approve: object) -> None:
    """Raise UserError for what is no way of approving motions."""
    if approve is None or approve == "interrupt" or callable(approve):
        return
    raise UserError(
        f"approve={approve!r} says nothing of who is asked; accepted are a function of a skill and "
        'the scene that returns True or False, "interrupt" to be asked with a question that '
        "resume() answers, and None to approve every motion"
    )


def told_by(approve: Callable[[Skill, Scene], object], skill: Skill, scene: Scene) -> object:
    """What a function of the user's says to a skill; raises UserError that names it if it fails."""
    try:
        return approve(skill, scene)
    except HandeyeError:
        raise
    except Exception as error:
        name = getattr(approve, "__name__", type(approve).__name__)
        raise UserError(
            f"{skill.name} was not executed: the approve function {name} failed: "
            f"{type(error).__name__}: {error}"
        ) from error


def answer_to(call: Call, scene: Scene) -> object:
    """Pause the graph with the question whether a call may be executed; what `resume` is given."""
    from langgraph.types import interrupt

    asked = {"question": question_of(call, scene), "approve": call.model_dump(mode="json")}
    return interrupt(asked)


def moved_of(before: Scene, now: Scene, call: Call) -> str:
    """The id of a thing that a call names and that is elsewhere now, or gone; "" for none."""
    for name in call.arguments.values():
        then = before.objects.get(name) if isinstance(name, str) else None
        if then is None:
            continue
        there = now.objects.get(str(name))
        if there is None or math.dist(there.position, then.position) > _MOVED_M:
            return str(name)
    return ""


def question_of(call: Call, scene: Scene) -> str:
    """What a person is asked before a call is executed, things by their names."""
    said = [f"{key.replace('_', ' ')}: {_words(v, scene)}" for key, v in call.arguments.items()]
    told = f" ({', '.join(said)})" if said else ""
    return f"may the arm {call.skill.replace('_', ' ')}{told}?"


def _words(value: Any, scene: Scene) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        return f"({', '.join(_words(item, scene) for item in value)})"
    thing = scene.objects.get(value) if isinstance(value, str) else None
    if thing is None:
        return str(value)
    alike = sum(other.name == thing.name for other in scene.objects.values())
    return f"the {thing.name}" if alike == 1 else f"the {thing.name} {value}"
