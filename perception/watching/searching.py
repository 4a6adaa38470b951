"""Searching what was recorded: when does a phrase hold?"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..errors import CameraError, EndOfStreamError, HandeyeError, ModelError, UserError
from ..frame import Camera, Frame
from ..perception import Perception
from .gate import ChangeGate
from .judging import Judging

Which = Literal["first", "last", "all"]
_BATCH = 16
_YES_OR_NO = re.compile(r"\s*(yes|no)\b(?! one\b)", re.IGNORECASE)
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
        denied: whether the model says that it is not so, however unsure it is of that.
    """

    sequence: int
    stamp_s: float
    score: float
    denied: bool = False


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


def score_frames(
    frames: Iterable[Frame], model: object, phrase: str, judging: Judging | None = None
) -> Iterator[Scored]:
    """How well a phrase fits each frame; those of which the model cannot tell are left out.

    Args:
        frames: of one camera.
        model: a dual encoder, or whatever `Perception` can ask or let ground.
        phrase: such as "the red cup on the plate".
        judging: counts the frames, and those that are left out.

    Raises:
        ModelError: the model has no verb for this, or failed in every frame.
        UserError: the model does not know the phrase's words.
    """
    judging = Judging() if judging is None else judging
    if isinstance(model, Embeds):
        for one in _likened(frames, model, phrase):
            judging.worked()
            yield one
        return
    perception = Perception.of(model)
    score = _scorer(perception, phrase)
    # Where nothing moved, all is as it was before.
    gate, last = ChangeGate(), (0.0, False)
    for frame in frames:
        if gate.passes(frame):
            try:
                last = score(frame)
            except HandeyeError as error:
                gate.forget(frame.camera)
                judging.failed_with(error)
                continue
        judging.worked()
        yield Scored(frame.sequence, frame.stamp_s, *last)
    judging.end()


def spans_of(scored: Sequence[Scored], least: float, fewest: int = 1) -> list[Span]:
    """The stretches in which the score is at least `least`, and it is not denied.

    Args:
        scored: in their order in time.
        least: the score from which on a phrase fits.
        fewest: of a shorter stretch or gap, in frames, nothing is thought: a model that errs in
            one frame of a video begins or ends no stretch.
    """
    fits = [one.score >= least and not one.denied for one in scored]
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


def _scorer(perception: Perception, phrase: str) -> Callable[[Frame], tuple[float, bool]]:
    """(score, whether it is denied) of a frame."""
    if perception.ask_with is not None:
        return lambda frame: _asked(perception, frame, phrase)
    if perception.ground_with is None:
        raise ModelError("this VLM can neither ask, ground nor embed: it cannot search")

    def grounded(frame: Frame) -> tuple[float, bool]:
        scores = [detection.score for detection in perception.ground(frame, phrase)]
        return max(scores, default=0.0), not scores

    return grounded


def _asked(perception: Perception, frame: Frame, phrase: str) -> tuple[float, bool]:
    answer = perception.ask(frame, f"is there {phrase}?")
    said = _YES_OR_NO.match(answer.text)
    if said is None:
        raise UserError(
            f'this VLM cannot tell whether there is "{phrase}"'
            + (
                f': it says "{answer.text}"'
                if answer.text
                else "; it knows some of these words not"
            )
        )
    if said[1].lower() == "yes":
        return answer.confidence, False
    # Who is unsure of a "no" says "no" all the same.
    return min(1.0 - answer.confidence, 0.5), True


def _runs(values: Sequence[bool], wanted: bool) -> list[tuple[int, int]]:
    """(begin, end) of each stretch of a value."""
    ends = [k for k in range(1, len(values)) if values[k] != values[k - 1]]
    edges = [0, *ends, len(values)] if values else []
    return [(a, b) for a, b in pairwise(edges) if values[a] == wanted]
