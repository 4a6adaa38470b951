"""look and watch: questions and phrases put to frames."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..cameras.inbox import Taken
from ..errors import ModelError
from ..frame import Frame
from ..perception import Perception
from ..vlm.verbs import Box, Detection, Prepares
from .gate import ChangeGate


@dataclass(frozen=True, eq=False)
class Sighting:
    """What was told of one frame.

    Attributes:
        frame: the one that was looked at.
        query: the question or phrase.
        text: the answer, or what was found.
        confidence: 0..1, or None where the model does not say.
        found: what a phrase refers to, best first.
        box: where an answer looked, pixels, or None.
        age_s: how old the frame was when the answer was there.
    """

    frame: Frame
    query: str
    text: str
    confidence: float | None
    found: tuple[Detection, ...] = ()
    box: Box | None = None
    age_s: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        boxes = [d.box for d in self.found] or ([self.box] if self.box else [])
        return {
            "camera": self.frame.camera,
            "sequence": self.frame.sequence,
            "stamp_s": round(self.frame.stamp_s, 4),
            "age_s": round(self.age_s, 4),
            "query": self.query,
            "text": self.text,
            "confidence": None if self.confidence is None else round(self.confidence, 4),
            "boxes": [[round(v, 1) for v in box] for box in boxes],
        }


def watch(
    news: Iterable[Sequence[Taken]],
    perception: Perception,
    queries: Sequence[str],
    *,
    gate: ChangeGate | None = None,
    on_trouble: Callable[[str], None] = lambda _words: None,
) -> Iterator[Sighting]:
    """Put questions (ending in "?") and phrases to every frame, see `rounds`.

    The frames of one round are looked at in one pass where the model can.

    Args:
        news: rounds of frames.
        perception: the models.
        queries: what to ask of each frame.
        gate: skips frames in which nothing moved since the last look that worked; None skips
            none.
        on_trouble: told when a model fails; the next frame is tried.

    Raises:
        ModelError: the very first look failed.
    """
    verbs = sorted({verb_of(query) for query in queries})
    worked, told = False, ""
    for taken in news:
        passed = [one for one in taken if gate is None or gate.passes(one.frame)]
        for verb in verbs:
            perception.prepare(verb, [one.frame for one in passed])
        for one in passed:
            # All answers first: whoever takes them may need a while for each.
            answers = []
            for query in queries:
                try:
                    sighting = look(perception, one.frame, query)
                except ModelError as error:
                    if not worked:
                        raise
                    if gate is not None:
                        gate.forget(one.frame.camera)
                    if str(error) != told:
                        told = str(error)
                        on_trouble(told)
                    continue
                worked, told = True, ""
                answers.append(replace(sighting, age_s=one.age_s))
            yield from answers


def look(perception: Perception, frame: Frame, query: str) -> Sighting:
    """The answer to one question, or what one phrase refers to, in one frame."""
    if verb_of(query) == "ask":
        answer = perception.ask(frame, query)
        text = answer.text or "I cannot tell"
        return Sighting(frame, query, text, answer.confidence, box=answer.box)
    found = tuple(perception.ground(frame, query))
    if not found:
        return Sighting(frame, query, *_absence(perception, frame, query))
    places = "; ".join(f"({x:.0f}, {y:.0f})" for x, y in map(_middle, found))
    return Sighting(frame, query, f"{query} at {places}", found[0].score, found)


def verb_of(query: str) -> str:
    """The verb that a query needs: "ask" for a question, "ground" for a phrase."""
    return "ask" if query.rstrip().endswith(("?", "？")) else "ground"


def _absence(perception: Perception, frame: Frame, query: str) -> tuple[str, float | None]:
    """What to say of something that was not found, and how sure that is.

    Only a model that keeps what it saw is asked again: of it, another question costs nothing.
    """
    model = perception.ask_with
    if not isinstance(model, Prepares) or model is not perception.ground_with:
        return f"not seen: {query}", None
    answer = perception.ask(frame, f"is there {query}?")
    if not answer.text:
        return f'I do not know what "{query}" means', 0.0
    sure = answer.confidence if answer.text == "no" else 1 - answer.confidence
    return f"not seen: {query}", sure


def _middle(detection: Detection) -> tuple[float, float]:
    x0, y0, x1, y1 = detection.box
    return (x0 + x1) / 2, (y0 + y1) / 2
