"""`handeye watch`: a question or a phrase put to cameras, files and streams."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handeye.perception.frame import Frame
from handeye.perception.perception import Perception
from handeye.perception.vlm.load import load_vlm
from handeye.perception.watching import Account, ChangeGate, open_source, watch


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
    perception = Perception.of(load_vlm(vlm))
    cameras = [open_source(source) for source in sources]
    if query is None:
        _account(cameras, perception, as_json)
        return

    def trouble(words: str) -> None:
        print(words, file=sys.stderr)

    gate = ChangeGate() if changes else None
    sightings = watch(cameras, perception, query, every_s=every, gate=gate, on_trouble=trouble)
    for sighting in sightings:
        if as_json:
            print(json.dumps(asdict(sighting)), flush=True)
        else:
            name = f"{sighting.camera}  " if len(cameras) > 1 else ""
            print(
                f"{sighting.stamp_s:7.1f} s  {name}{sighting.text} ({sighting.confidence:.2f}, "
                f"{1000 * sighting.age_s:.0f} ms old)",
                flush=True,
            )
    if view is not None:
        _save_last(sources[-1], perception, query, Path(view))


def _account(cameras: list[Any], perception: Perception, as_json: bool) -> None:
    from handeye.perception.errors import EndOfStreamError

    for camera in cameras:
        account: Account | None = None
        try:
            while True:
                frame: Frame = camera.read()
                account = account or Account(frame.rgb.shape[1])
                for words in account.add(frame.stamp_s, perception.parse(frame)):
                    line = {"camera": frame.camera, "stamp_s": frame.stamp_s, "text": words.strip()}
                    print(json.dumps(line) if as_json else words, flush=True)
        except EndOfStreamError:
            camera.close()


def _save_last(source: str, perception: Perception, query: str, path: Path) -> None:
    """The last frame with what was found drawn over it."""
    from PIL import Image

    from handeye.perception.errors import EndOfStreamError

    from ..overlay import annotate

    camera, frame = open_source(source), None
    try:
        while True:
            frame = camera.read()
    except EndOfStreamError:
        camera.close()
    if frame is not None:
        found = [] if query.endswith("?") else perception.ground(frame, query)
        Image.fromarray(annotate(frame.rgb, found)).save(path)
