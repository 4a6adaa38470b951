"""`handeye watch`: a question or a phrase put to cameras, files and streams."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from handeye.perception.frame import Frame
from handeye.perception.perception import Perception
from handeye.perception.vlm.load import load_vlm
from handeye.perception.watching import (
    Account,
    ChangeGate,
    Sighting,
    frames_of,
    open_source,
    watch,
)


def run(
    *,
    sources: tuple[str, ...],
    query: str | None,
    every: float,
    vlm: str,
    as_json: bool,
    view: str | None,
    changes: bool,
) -> None:
    """Print answers as they come; without a query, an account of what happens."""
    cameras = [open_source(source) for source in sources]
    gate = ChangeGate() if changes else None
    frames = frames_of(cameras, every_s=every, gate=gate, on_trouble=_complain)
    perception = Perception.of(load_vlm(vlm))
    if query is None:
        _account(frames, perception, as_json)
        return
    for sighting in watch(frames, perception, query):
        if as_json:
            print(json.dumps(sighting.as_dict()), flush=True)
        else:
            name = f"{sighting.frame.camera}  " if len(cameras) > 1 else ""
            print(
                f"{sighting.frame.stamp_s:7.1f} s  {name}{sighting.text} "
                f"({sighting.confidence:.2f}, {1000 * sighting.age_s:.0f} ms old)",
                flush=True,
            )
        if view is not None:
            _save(sighting, Path(view))


def _complain(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _account(frames: Iterable[tuple[Frame, bool]], perception: Perception, as_json: bool) -> None:
    accounts: dict[str, Account] = {}
    for frame, _ in frames:
        account = accounts.setdefault(frame.camera, Account(frame.rgb.shape[1]))
        for words in account.add(perception.parse(frame)):
            row = {"camera": frame.camera, "stamp_s": frame.stamp_s, "text": words}
            line = f"{frame.stamp_s:7.1f} s  {words}"
            print(json.dumps(row) if as_json else line, flush=True)


def _save(sighting: Sighting, path: Path) -> None:
    """The frame with what was found drawn over it, in place of the one before."""
    from PIL import Image

    from ..overlay import annotate

    Image.fromarray(annotate(sighting.frame.rgb, sighting.found)).save(path)
