"""check_vlm: hold any vision-language model to the contract."""

from typing import Any

import numpy as np

from ..errors import ImageError, ModelError, UserError
from ..frame import Frame
from .masks import with_masks
from .sound import asked
from .verbs import Detection

_WORDS = {
    "parse": (),
    "ground": ("the red cup",),
    "ask": ("is there a red cup?",),
    "read_chart": (),
    "explain": ("the red cup",),
    "masks": (),
}


def check_vlm(vlm: Any, frame: Frame) -> tuple[str, ...]:
    """Ask a model once for each verb that it has; raises UserError naming the first breach.

    Args:
        vlm: a model with some of the verbs.
        frame: to look at, such as one with a few things in it. A chart need not be in it.

    Returns:
        The verbs that it has, of parse, ground, ask, read_chart, explain and masks.
    """
    if isinstance(vlm, type):
        raise UserError(f"{vlm.__name__} is a class, no VLM; give an instance: {vlm.__name__}(…)")
    told = getattr(vlm, "verbs", _WORDS)
    verbs = tuple(verb for verb in _WORDS if verb in told and hasattr(vlm, verb))
    if not verbs:
        raise UserError(f"{type(vlm).__name__} has none of {', '.join(_WORDS)}")
    before = frame.rgb.copy()
    for verb in verbs:
        name = f"{type(vlm).__name__}.{verb}"
        try:
            _check(vlm, verb, frame, name)
        except ModelError as error:
            raise UserError(str(error)) from error
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{name} failed: {type(error).__name__}: {error}") from error
        if not np.array_equal(before, frame.rgb):
            raise UserError(f"{name} changed the frame's rgb, which others look at too")
    return verbs


def _check(vlm: Any, verb: str, frame: Frame, name: str) -> None:
    if verb == "masks":
        height, width = frame.rgb.shape[:2]
        boxes = (0.0, 0.0, width / 2, height / 2), (width / 4, 0.0, float(width), float(height))
        with_masks(frame, [Detection("thing", box, 1.0) for box in boxes], vlm)
        return
    try:
        given = asked(vlm, verb, frame, *_WORDS[verb])
    except ImageError:
        if verb != "read_chart":
            raise
        return  # So it is said that there is no chart.
    if verb in ("parse", "ground"):
        scores = [detection.score for detection in given]
        if scores != sorted(scores, reverse=True):
            raise UserError(f"{name} gave scores {scores}; the best comes first")
