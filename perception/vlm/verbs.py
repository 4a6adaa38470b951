"""The four verbs of a vision-language model, each its own small Protocol, and `explain`.

A backend has any of them; `Perception` composes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..charts.chart import Chart
from ..frame import Frame, Mask

HeatMap = npt.NDArray[np.float32]
"""[H, W] over a frame, 0..1."""
Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1), pixels, half-open: a box over the whole image is (0, 0, W, H)."""


@dataclass(frozen=True, eq=False)
class Detection:
    """A labelled box in one frame.

    Attributes:
        label: words for it, such as "red cup".
        box: (x0, y0, x1, y1) pixels.
        score: confidence, 0..1.
        category: such as "cup", or None where the model does not say.
        color: such as "red", or None where the model does not say.
        mask: [H, W] bool, or None.
        state: of what is articulated ("open", "closed") or "held"; None where it has none.
    """

    label: str
    box: Box
    score: float
    category: str | None = None
    color: str | None = None
    mask: Mask | None = None
    state: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a model says to a question about a frame.

    Attributes:
        text: "yes", "no", a number, or a short phrase; "" when it cannot tell.
        confidence: calibrated probability that `text` is right, 0..1.
        box: where it looked, (x0, y0, x1, y1) pixels, or None.
    """

    text: str
    confidence: float
    box: Box | None = None


@runtime_checkable
class Parses(Protocol):
    """Finds every object in view."""

    def parse(self, frame: Frame) -> list[Detection]:
        """Return all objects, best score first."""


@runtime_checkable
class Grounds(Protocol):
    """Finds what a phrase refers to."""

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        """Return what matches the phrase, best first; empty when it is not there."""


@runtime_checkable
class Asks(Protocol):
    """Answers questions about a frame."""

    def ask(self, frame: Frame, question: str) -> Answer:
        """Return a short answer with a calibrated confidence."""


@runtime_checkable
class Explains(Protocol):
    """Shows where in a frame it sees what a phrase says."""

    def explain(self, frame: Frame, phrase: str) -> HeatMap:
        """Return [H, W] float32 in 0..1, the more the higher."""


@runtime_checkable
class Masks(Protocol):
    """Draws the masks of what is in boxes."""

    def masks(self, frame: Frame, boxes: Sequence[Box]) -> list[Mask]:
        """Return [H, W] bool for each box."""


@runtime_checkable
class ReadsCharts(Protocol):
    """Reads charts into tables."""

    def read_chart(self, frame: Frame) -> Chart:
        """Return the chart's table; raises ImageError when the image shows none."""


@runtime_checkable
class Prepares(Protocol):
    """Looks at several frames in one pass, and keeps what it saw for the verbs."""

    def prepare(self, frames: Sequence[Frame]) -> None:
        """Look; what is then asked of these frames gives the same answers, and costs no pass."""
