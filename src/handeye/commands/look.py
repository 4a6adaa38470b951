"""`handeye parse`, `ground` and `ask`: a VLM on an image file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handeye.perception.frame import Frame, Image
from handeye.perception.images import open_image
from handeye.perception.perception import Perception
from handeye.perception.vlm.load import load_vlm
from handeye.perception.vlm.verbs import Detection
from handeye.perception.watching import look

from ..quiet import quiet_libraries


def parse(image: str, vlm: str, save: str | None, as_json: bool) -> None:
    """Print every object in an image."""
    frame = read_image(image)
    _print(Perception.of(load_vlm(vlm)).parse(frame), frame, save, as_json)


def ground(
    image: str, phrase: str, vlm: str, save: str | None, explain: str | None, as_json: bool
) -> None:
    """Print what a phrase refers to; `explain` is a file for the picture with the heat map."""
    frame, eyes = read_image(image), Perception.of(load_vlm(vlm))
    found = eyes.ground(frame, phrase)
    if explain is not None:
        from ..overlay import heated

        _save(heated(frame.rgb, eyes.explain(frame, phrase)), found, explain)
    missing = "" if found else look(eyes, frame, phrase).text
    _print(found, frame, save, as_json, missing)


def ask(image: str, question: str, vlm: str, as_json: bool) -> None:
    """Print the answer to a question."""
    frame = read_image(image)
    answer = Perception.of(load_vlm(vlm)).ask(frame, question)
    if as_json:
        print(
            json.dumps(
                {
                    "answer": answer.text,
                    "confidence": round(answer.confidence, 4),
                    "box": answer.box,
                }
            )
        )
    else:
        print(f"{answer.text or 'I cannot tell'} ({answer.confidence:.2f})")


def read_image(path: str) -> Frame:
    """An image file as a Frame; raises ImageError for what is no image."""
    quiet_libraries()
    return Frame(open_image(path), Path(path).name, 0, 0.0)


def _print(
    found: Sequence[Detection],
    frame: Frame,
    save: str | None,
    as_json: bool,
    missing: str = "no object that is known",
) -> None:
    rows: list[dict[str, Any]] = [
        {
            "label": d.label,
            "box": [round(v, 1) for v in d.box],
            "score": round(d.score, 4),
            "category": d.category,
            "color": d.color,
            "state": d.state,
        }
        for d in found
    ]
    if save is not None:
        _save(frame.rgb, found, save)
    if as_json:
        print(json.dumps({"detections": rows}))
    elif not rows:
        print(missing)
    for row in [] if as_json else rows:
        state = f" ({row['state']})" if row["state"] else ""
        print(f"{row['score']:.2f}  {row['label']}{state}  {row['box']}")


def _save(rgb: Image, found: Sequence[Detection], path: str) -> None:
    from ..overlay import annotate, save_picture

    save_picture(annotate(rgb, found), path)
