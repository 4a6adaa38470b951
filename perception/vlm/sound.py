"""What a model gives, held to what its verbs promise.

Whoever looks through a model's eyes moves a robot by what it gives. So a list that is none, a box
in other units, or a score that is no probability is an error at once, and a fallback is asked.
"""

import inspect
import math
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from ..charts.chart import Chart
from ..errors import ModelError
from ..frame import Frame, Mask
from .verbs import Answer, Box, Detection
from .written import yes_or_no

_BOXES = (
    "boxes are (x0, y0, x1, y1), x0 < x1 and y0 < y1, in pixels of the frame, here "
    "{width} x {height}"
)
_SLACK = 1e-3
"""By so much sums of probabilities may pass their ends."""
_LEAST_SIDE = 32
"""In frames from this side on, boxes within the first pixel are no boxes of pixels."""


def asked(model: object, verb: str, frame: Frame, *words: str) -> Any:
    """What a verb of a model gives for a frame, and the words that it takes besides.

    Boxes are clipped to the frame, numbers become floats, and a written "Yes." is "yes".

    Raises:
        ModelError: it is not what the verb promises; names the model, the verb and the value.
    """
    name = f"{type(model).__name__}.{verb}"
    given = no_coroutine(getattr(model, verb)(frame, *words), name)
    if verb in ("parse", "ground"):
        return _detections(given, name, frame)
    if verb == "ask":
        return _answer(given, name, frame)
    if verb == "read_chart" and not isinstance(given, Chart):
        raise _breach(name, _short(given), "it must give a Chart")
    if verb == "explain":
        shape = frame.rgb.shape[:2]
        fits = isinstance(given, np.ndarray) and given.shape == shape and given.dtype.kind == "f"
        if not fits:
            raise _breach(name, _kind(given), f"it must give {shape} float32")
    return given


def no_coroutine(given: Any, name: str) -> Any:
    """What a verb gave; raises ModelError where that is still to be awaited."""
    if not inspect.isawaitable(given):
        return given
    if inspect.iscoroutine(given):
        given.close()
    raise ModelError(
        f"{name} gave {type(given).__name__}: async verbs are not supported; it must give the "
        "result itself",
        passing=False,
    )


def sound_mask(mask: Any, name: str, frame: Frame) -> Mask:
    """A mask of a frame; raises ModelError where it is none. What is in it is not looked at."""
    shape = frame.rgb.shape[:2]
    if isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == shape:
        return mask
    raise _breach(name, f"the mask {_kind(mask)}", f"masks are {shape} bool")


def _detections(given: Any, name: str, frame: Frame) -> list[Detection]:
    if not isinstance(given, list | tuple):
        raise _breach(name, _short(given), "it must give a list of Detection")
    return [_detection(one, name, frame) for one in given]


def _detection(given: Any, name: str, frame: Frame) -> Detection:
    if not isinstance(given, Detection):
        raise _breach(name, f"{_short(given)} in its list", "it must give a list of Detection")
    if not isinstance(given.label, str):
        raise _breach(name, f"the label {_short(given.label)}", "labels are words")
    for word in (given.category, given.color, given.state):
        if not (word is None or isinstance(word, str)):
            told = "category, color and state are words or None"
            raise _breach(name, f"{_short(word)} for one of them", told)
    if given.mask is not None:
        sound_mask(given.mask, name, frame)
    box = _box(given.box, name, frame)
    score = _probability(given.score, name, "score")
    if box is given.box and score is given.score:
        return given
    return replace(given, box=box, score=score)


def _answer(given: Any, name: str, frame: Frame) -> Answer:
    if not isinstance(given, Answer):
        raise _breach(name, _short(given), "it must give an Answer(text, confidence)")
    if not isinstance(given.text, str):
        raise _breach(name, f"the text {_short(given.text)}", "answers are words")
    sure = _probability(given.confidence, name, "confidence")
    box = None if given.box is None else _box(given.box, name, frame)
    return Answer(yes_or_no(given.text) or given.text, sure, box)


def _box(given: Any, name: str, frame: Frame) -> Box:
    """A box within the frame; one that sticks out of it is clipped."""
    corners = _corners(given)
    if corners is None:
        raise _breach(name, f"the box {_short(given)}", _boxes_are(frame))
    height, width = frame.rgb.shape[:2]
    x0, y0, x1, y1 = corners
    tiny = min(x0, y0) >= 0 and max(x1, y1) <= 1
    normalised = tiny and min(height, width) >= _LEAST_SIDE
    if 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height and not normalised:
        return corners
    if not all(map(math.isfinite, corners)):
        wrong = "of which not all numbers are finite"
    elif x0 >= x1 or y0 >= y1:
        wrong = "which is empty or reversed"
    elif x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
        wrong = "which lies outside of the frame"
    elif normalised:
        wrong = "which looks like shares of the image"
    else:
        return max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
    raise _breach(name, f"the box {_short(given)}, {wrong}", _boxes_are(frame))


def _corners(given: Any) -> Box | None:
    """Four floats; the box itself where it is that already."""
    if type(given) is tuple and len(given) == 4 and all(type(v) is float for v in given):
        return given
    if not isinstance(given, list | tuple | np.ndarray) or np.shape(given) != (4,):
        return None
    if not all(isinstance(v, Real) for v in given):
        return None
    a, b, c, d = (float(v) for v in given)
    return a, b, c, d


def _probability(given: Any, name: str, what: str) -> float:
    if type(given) is float and 0.0 <= given <= 1.0:
        return given
    share = float(given) if isinstance(given, Real) else math.nan
    if not -_SLACK <= share <= 1.0 + _SLACK:
        raise _breach(name, f"the {what} {_short(given)}", "it must be a number in 0..1")
    return min(max(share, 0.0), 1.0)


def _boxes_are(frame: Frame) -> str:
    height, width = frame.rgb.shape[:2]
    return _BOXES.format(width=width, height=height)


def _breach(name: str, told: str, wanted: str) -> ModelError:
    return ModelError(f"{name} gave {told}; {wanted}", passing=False)


def _short(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 100 else f"{text[:97]}…"


def _kind(given: Any) -> str:
    array = isinstance(given, np.ndarray)
    return f"{given.shape} {given.dtype}" if array else _short(given)
