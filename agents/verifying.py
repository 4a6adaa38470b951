"""Verifying a skill's goal: geometry of the scene, and the VLM on the pixels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handeye.perception.conditions import Condition, Truth
from handeye.perception.errors import ModelError
from handeye.perception.observer import Observer
from handeye.perception.scene import Scene
from handeye.perception.verify import Verdict, check, question_for
from handeye.perception.vlm.verbs import Answer
from pydantic import TypeAdapter

from .events import Call

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
_LASTING = frozenset({"on", "in", "beside", "between", "at", "opened", "standing", "turned"})
SURE = 0.9
"""Confidence from which a VLM's answer weighs as much as geometry."""
_STIRRED_M = 0.03


@dataclass(frozen=True)
class Verification:
    """What was found out.

    Attributes:
        verdict: the answer that the agent goes by.
        question: what the VLM was asked, or None.
        answer: what it said, or None.
    """

    verdict: Verdict
    question: str | None = None
    answer: Answer | None = None


def verify(goal: Condition, observer: Observer, cameras: Sequence[str]) -> Verification:
    """Look, and check a goal; look again, with every camera, where it can't be told at once.

    Geometry decides what it can tell. A VLM that is sure of the opposite makes the agent look a
    second time; only where geometry can't tell does the VLM decide.

    Args:
        goal: what should hold.
        observer: the eyes.
        cameras: all that the observer may look through.
    """
    first = _once(goal, observer, None)
    if first.verdict.truth is Truth.YES and not _contradicts(first):
        return first
    unclear = first.verdict.truth is Truth.CANT_TELL
    second = _once(goal, observer, cameras if unclear else None)
    if second.verdict.truth is Truth.CANT_TELL and _sure(second.answer):
        truth = Truth.YES if second.answer and second.answer.text == "yes" else Truth.NO
        evidence = f"{second.verdict.evidence}; the model says {truth.value}"
        return Verification(Verdict(truth, evidence), second.question, second.answer)
    return second


def still_sought(
    achieved: Sequence[dict[str, Any]], call: Call, goal: Condition | None, scene: Scene
) -> list[dict[str, Any]]:
    """What must hold at the end of a plan, after one more call that reached its goal.

    What spoke of the things that were moved now no longer counts; a grip or a push is over.

    Args:
        achieved: {"call", "goal", "places"} of the calls before.
        call: that was done.
        goal: what it brought about.
        scene: in which that was seen.
    """
    moved = [call.arguments.get("target"), getattr(goal, "object", None)]
    moved = [name for name in moved if name is not None]
    kept = [one for one in achieved if not any(v in moved for v in one["goal"].values())]
    if goal is not None and goal.kind in _LASTING:
        said = goal.model_dump(mode="json")
        places = {
            name: scene.objects[name].position
            for name in said.values()
            if isinstance(name, str) and name in scene.objects
        }
        kept.append({"call": call.model_dump(mode="json"), "goal": said, "places": places})
    return kept


def undone(
    achieved: Sequence[dict[str, Any]], observer: Observer, cameras: Sequence[str]
) -> tuple[list[dict[str, Any]], str]:
    """The calls whose goals do not hold any more at the end, and what is seen instead.

    What was seen to hold does so as long as nothing that it speaks of has moved, though the scene
    may look a little different the next time.
    """
    calls, seen = [], []
    for one in achieved:
        goal = CONDITION.validate_python(one["goal"])
        scene = observer.scene
        if check(goal, scene).truth is not Truth.NO or _all_at(one["places"], scene):
            continue
        found = verify(goal, observer, cameras)
        if found.verdict.truth is Truth.NO:
            calls.append(one["call"])
            seen.append(found.verdict.evidence)
    return calls, "; ".join(seen)


def _all_at(places: Mapping[str, Sequence[float]], scene: Scene) -> bool:
    """Whether things are seen where they were, on the table's plane; no if there are none."""
    objects = scene.objects
    return bool(places) and all(
        name in objects
        and objects[name].visible
        and math.dist(objects[name].position[:2], place[:2]) < _STIRRED_M
        for name, place in places.items()
    )


def _once(goal: Condition, observer: Observer, cameras: Sequence[str] | None) -> Verification:
    scene = observer.look(cameras)
    verdict = check(goal, scene)
    question = question_for(goal, scene)
    answer = None
    if question is not None:
        try:
            answer = observer.ask(question)
        except ModelError:
            question = None  # No model here answers, or not as it should; geometry stands alone.
    return Verification(verdict, question, answer)


def _sure(answer: Answer | None) -> bool:
    return answer is not None and answer.text in ("yes", "no") and answer.confidence >= SURE


def _contradicts(found: Verification) -> bool:
    return (
        _sure(found.answer)
        and found.answer is not None
        and found.answer.text != found.verdict.truth.value
    )
