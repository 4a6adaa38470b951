"""`handeye search`: when does something show in a video, a folder, or a recorded episode?"""

import json
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handeye.perception.cameras import ImageFolder, VideoFile
from handeye.perception.errors import ModelError, UserError
from handeye.perception.frame import Camera, Frame, Image
from handeye.perception.perception import Perception
from handeye.perception.vlm.load import load_vlm
from handeye.perception.watching.judging import Judging
from handeye.perception.watching.searching import (
    Embeds,
    Scored,
    Span,
    Which,
    frames_at,
    frames_of,
    read_when,
    score_frames,
    spans_of,
)

from ..quiet import quiet_libraries
from ..recording import CAMERA_VIDEO
from .watch import clock_of, complain, open_source

_LIKELY = 0.5
_STEADY = 3
"""In a video, so many looks in a row begin or end a stretch."""


@dataclass(frozen=True)
class _Hit:
    """What is told: a stretch, and its best frame with what was found there."""

    span: Span
    frame: Frame
    picture: Image


def search(
    *,
    source: str,
    phrase: str,
    first: bool,
    last: bool,
    top: int,
    every: float,
    least: float | None,
    vlm: str,
    out: str,
    as_json: bool,
) -> bool:
    """Print when a phrase holds, and save the frames as a picture; whether there were any."""
    if first and last:
        raise UserError("--first and --last contradict each other")
    quiet_libraries()
    phrase, which = read_when(phrase)
    which = "first" if first else "last" if last else which
    camera = _open(source)
    model = load_vlm(vlm)
    judging = Judging()
    with closing(camera):
        scored = _scored(camera, model, phrase, every, judging, quiet=as_json)
    spans = _chosen(scored, model, which, top, _steady(camera, every), least)
    hits = _shown(source, spans, model, phrase)
    _tell(hits, scored, camera, phrase, judging, as_json=as_json)
    if hits:
        _sheet(hits, camera, phrase, Path(out))
        if not as_json:
            print(f"pictures: {out}")
    return bool(hits)


def _open(source: str) -> VideoFile | ImageFolder:
    """A recorded episode is searched in what its camera saw, without anything drawn over it."""
    folder = Path(source)
    if (folder / "events.jsonl").is_file():
        if not (folder / CAMERA_VIDEO).is_file():
            raise UserError(f"the episode {source} was recorded without {CAMERA_VIDEO}")
        source = str(folder / CAMERA_VIDEO)
    camera = open_source(source)
    if not isinstance(camera, VideoFile | ImageFolder):
        camera.close()
        raise UserError(
            f"{source} never ends; a video, a folder of images or a recorded episode is searched"
        )
    return camera


def _scored(
    camera: VideoFile | ImageFolder,
    model: object,
    phrase: str,
    every: float,
    judging: Judging,
    *,
    quiet: bool,
) -> list[Scored]:
    from rich.console import Console
    from rich.progress import track

    many = camera.frames if isinstance(camera, VideoFile) else len(camera.files)
    frames = frames_of(camera, every, complain)
    scored = list(
        track(
            score_frames(frames, model, phrase, judging),
            "looking",
            total=many,
            console=Console(stderr=True),
            transient=True,
            disable=quiet,
        )
    )
    if not scored:
        raise UserError(f'no picture of "{camera.name}" can be read')
    return scored


def _steady(camera: Camera, every: float) -> int:
    """How many looks in a row count; where they are far apart, each counts for itself."""
    return _STEADY if isinstance(camera, VideoFile) and every < 1.0 else 1


def _chosen(
    scored: Sequence[Scored],
    model: object,
    which: Which,
    top: int,
    steady: int,
    least: float | None,
) -> list[Span]:
    if least is None:
        least = _halfway(scored) if isinstance(model, Embeds) else _LIKELY
    spans = spans_of(scored, least, steady)
    if which == "all":
        best = sorted(spans, key=lambda span: -span.best.score)[:top]
        return sorted(best, key=lambda span: span.first.stamp_s)
    return spans[:1] if which == "first" else spans[-1:]


def _halfway(scored: Sequence[Scored]) -> float:
    """A likeness means nothing by itself: what is nearer to the best than to the usual counts."""
    scores = np.array([one.score for one in scored])
    return float(np.median(scores) + scores.max()) / 2


def _shown(source: str, spans: Sequence[Span], model: object, phrase: str) -> list[_Hit]:
    from ..overlay import annotate

    camera = _open(source)
    frames = frames_at(frames_of(camera), [span.best.sequence for span in spans])
    camera.close()
    hits = []
    for span in spans:
        frame = frames[span.best.sequence]
        found = []
        if not isinstance(model, Embeds) and Perception.of(model).ground_with is not None:
            # That it was so is found already; where, would be good to see.
            with suppress(ModelError):
                found = Perception.of(model).ground(frame, phrase)
        hits.append(_Hit(span, frame, annotate(frame.rgb, found)))
    return hits


def _tell(
    hits: Sequence[_Hit],
    scored: Sequence[Scored],
    camera: Camera,
    phrase: str,
    judging: Judging,
    *,
    as_json: bool,
) -> None:
    if judging.gaps:
        complain(judging.gaps)
    if as_json:
        rows = [
            {
                "from_s": round(hit.span.first.stamp_s, 3),
                "to_s": round(hit.span.last.stamp_s, 3),
                "best_s": round(hit.span.best.stamp_s, 3),
                "sequence": hit.span.best.sequence,
                "score": round(hit.span.best.score, 4),
            }
            for hit in hits
        ]
        looked_at = judging.judged + judging.failed
        told = {"phrase": phrase, "looked_at": looked_at, "not_judged": judging.failed}
        print(json.dumps({**told, "found": rows}))
        return
    if not hits:
        best = max(scored, key=lambda one: one.score)
        print(f"never: {phrase} (best {best.score:.2f} of {len(scored)} frames)")
    for hit in hits:
        print(f"{_stretch(hit.span, camera)}  {phrase} ({hit.span.best.score:.2f})")


def _stretch(span: Span, camera: Camera) -> str:
    when = clock_of([camera])
    ends = [
        when(Frame(np.zeros((1, 1, 3), np.uint8), camera.name, one.sequence, one.stamp_s))
        for one in (span.first, span.last)
    ]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _sheet(hits: Sequence[_Hit], camera: Camera, phrase: str, path: Path) -> None:
    from ..overlay import Story, contact_sheet, save_picture

    pictures = [(h.picture, f"{_stretch(h.span, camera)}  ({h.span.best.score:.2f})") for h in hits]
    save_picture(contact_sheet(pictures, Story(phrase)), path)
