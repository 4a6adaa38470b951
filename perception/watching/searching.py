"""Searching what was recorded: when does a phrase hold?"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..errors import CameraError, EndOfStreamError, ModelError, UserError
from ..frame import Camera, Frame
from ..perception import Perception
from .gate import ChangeGate

Which = Literal["first", "last", "all"]
_BATCH = 16
_WHEN = re.compile(
    r"^when\s+(?:did|does|do|was|were|is|are)\s+(?:there\s+)?(?P<thing>.+?)\s+"
    r"(?:(?P<which>first|last)\s+)?"
    r"(?:(?:stand|sit|lie|rest|be|appear|shown|show|seen|visible|standing|lying)\b\s*)?"
    r"(?P<where>(?:(?:on|in|inside|held)\b.*)?)$"
)


@runtime_checkable
class Embeds(Protocol):
    """A dual encoder: images and texts as unit vectors of one space."""

    def embed(self, frames: Sequence[Frame]) -> npt.NDArray[np.float32]:
        """[N, E] of frames."""

    def embed_text(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """[N, E] of texts."""


@dataclass(frozen=True)
class Scored:
    """How well a phrase fits a frame.

    Attributes:
        sequence, stamp_s: of the frame.
        score: the probability that it is so (0..1) of a model that answers or grounds; the
            likeness (-1..1) of a dual encoder, which only ranks.
    """

    sequence: int
    stamp_s: float
    score: float


@dataclass(frozen=True)
class Span:
    """A stretch of a recording in which a phrase fits.

    Attributes:
        first, last: its ends.
        best: the frame that it fits best.
        looks: how many frames of it were looked at.
    """

    first: Scored
    last: Scored
    best: Scored
    looks: int


def read_when(text: str) -> tuple[str, Which]:
    """The phrase that a question is about: "when did the cup last stand on the plate?"."""
    found = _WHEN.match(text.strip().rstrip("?").strip().lower())
    if not found:
        return text, "all"
    phrase = f"{found['thing']} {found['where']}".strip()
    return phrase, "first" if found["which"] == "first" else (
        "last" if found["which"] == "last" else "all"
    )


def frames_of(
    camera: Camera, every_s: float = 0.0, on_trouble: Callable[[str], None] = lambda _words: None
) -> Iterator[Frame]:
    """All frames of a file or folder, at least `every_s` apart; what cannot be read is told."""
    due_s = -float("inf")
    while True:
        try:
            frame = camera.read()
        except EndOfStreamError:
            return
        except CameraError as error:
            on_trouble(str(error))
            continue
        if frame.stamp_s >= due_s:
            due_s = frame.stamp_s + every_s
            yield frame


def score_frames(frames: Iterable[Frame], model: object, phrase: str) -> Iterator[Scored]:
    """How well a phrase fits each frame.

    Args:
        frames: of one camera.
        model: a dual encoder, or whatever `Perception` can ask or let ground.
        phrase: such as "the red cup on the plate".

    Raises:
        ModelError: the model has no verb for this.
        UserError: the model does not know the phrase's words.
    """
    if isinstance(model, Embeds):
        yield from _likened(frames, model, phrase)
        return
    perception = Perception.of(model)
    score = _scorer(perception, phrase)
    # Where nothing moved, all is as it was before.
    gate, last = ChangeGate(), 0.0
    for frame in frames:
        if gate.passes(frame):
            last = score(frame)
        yield Scored(frame.sequence, frame.stamp_s, last)


def spans_of(scored: Sequence[Scored], least: float, fewest: int = 1) -> list[Span]:
    """The stretches in which the score is at least `least`.

    Args:
        scored: in their order in time.
        least: the score from which on a phrase fits.
        fewest: of a shorter stretch or gap, in frames, nothing is thought: a model that errs in
            one frame of a video begins or ends no stretch.
    """
    fits = [one.score >= least for one in scored]
    for wrong in (False, True):
        for begin, end in _runs(fits, wrong):
            inside = begin > 0 and end < len(fits)
            if end - begin < fewest and (inside or wrong):
                fits[begin:end] = [not wrong] * (end - begin)
    spans = []
    for begin, end in _runs(fits, True):
        part = scored[begin:end]
        spans.append(Span(part[0], part[-1], max(part, key=lambda one: one.score), len(part)))
    return spans


def frames_at(frames: Iterable[Frame], sequences: Iterable[int]) -> dict[int, Frame]:
    """The frames of these sequence numbers, from reading a recording once more."""
    wanted = set(sequences)
    found = {}
    for frame in frames:
        if frame.sequence in wanted:
            found[frame.sequence] = frame
        if len(found) == len(wanted):
            break
    return found


def _likened(frames: Iterable[Frame], model: Embeds, phrase: str) -> Iterator[Scored]:
    text = model.embed_text([phrase])[0]
    rest = iter(frames)
    while batch := list(islice(rest, _BATCH)):
        for frame, likeness in zip(batch, model.embed(batch) @ text, strict=True):
            yield Scored(frame.sequence, frame.stamp_s, float(likeness))


def _scorer(perception: Perception, phrase: str) -> Callable[[Frame], float]:
    if perception.ask_with is not None:
        return lambda frame: _asked(perception, frame, phrase)
    if perception.ground_with is None:
        raise ModelError("this VLM can neither ask, ground nor embed: it cannot search")
    return lambda frame: max((d.score for d in perception.ground(frame, phrase)), default=0.0)


def _asked(perception: Perception, frame: Frame, phrase: str) -> float:
    answer = perception.ask(frame, f"is there {phrase}?")
    text = answer.text.lower()
    if text.startswith("yes"):
        return answer.confidence
    if text.startswith("no"):
        return 1.0 - answer.confidence
    raise UserError(
        f'this VLM cannot tell whether there is "{phrase}"'
        + (f': it says "{answer.text}"' if text else "; it knows some of these words not")
    )


def _runs(values: Sequence[bool], wanted: bool) -> list[tuple[int, int]]:
    """(begin, end) of each stretch of a value."""
    ends = [k for k in range(1, len(values)) if values[k] != values[k - 1]]
    edges = [0, *ends, len(values)] if values else []
    return [(a, b) for a, b in pairwise(edges) if values[a] == wanted]
