"""`handeye watch`: questions and phrases put to cameras, files and streams."""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from handeye.perception.addresses import redacted
from handeye.perception.cameras import FrameStream, ImageFolder, VideoFile, open_camera
from handeye.perception.cameras.inbox import Taken
from handeye.perception.errors import CameraError, ModelError
from handeye.perception.frame import Camera, Frame, Image
from handeye.perception.perception import Perception
from handeye.perception.vlm.load import load_vlm
from handeye.perception.vlm.verbs import Detection
from handeye.perception.watching import ChangeGate, Sighting, rounds, tell, watch
from handeye.perception.watching.looking import verb_of

from ..quiet import quiet_libraries


def run(
    *,
    sources: tuple[str, ...],
    queries: tuple[str, ...],
    every: float,
    vlm: str,
    as_json: bool,
    view: str | None,
    changes: bool,
    realtime: bool,
) -> None:
    """Print answers as they come; without a query, an account of what happens.

    Raises:
        CameraError: the sources ended, and none ever gave a frame.
    """
    quiet_libraries()
    sources, queries = told_apart(sources, queries)
    cameras = [
        open_source(source, name, realtime=realtime)
        for source, name in zip(sources, names_of(sources), strict=True)
    ]
    perception = Perception.of(load_vlm(vlm))
    _must_have(perception, {verb_of(query) for query in queries} or {"parse"}, vlm)
    gate = ChangeGate() if changes else None
    when = clock_of(cameras)
    several = len(cameras) > 1
    with closing(_seen(rounds(cameras, every_s=every, on_trouble=complain), sources)) as news:
        if not queries:
            for frame, words in tell(news, perception, gate, on_trouble=complain):
                row = {"camera": frame.camera, "stamp_s": frame.stamp_s, "text": words}
                name = f"{frame.camera}  " if several else ""
                _say(json.dumps(row) if as_json else f"{when(frame)}  {name}{words}")
            return
        shown: dict[str, list[Sighting]] = {}
        for sighting in watch(news, perception, queries, gate=gate, on_trouble=complain):
            _say(json.dumps(sighting.as_dict()) if as_json else _line(sighting, when, several))
            if view is not None:
                _keep(shown, sighting)
                _save(shown, Path(view))


def _seen(
    news: Generator[list[Taken], None, None], sources: Sequence[str]
) -> Generator[list[Taken], None, None]:
    """The rounds as they come; raises CameraError at their end if there was none."""
    seen = False
    with closing(news):
        for taken in news:
            seen = True
            yield taken
    if not seen:
        raise CameraError(f"no frame was ever seen of {', '.join(map(redacted, sources))}")


def told_apart(
    sources: tuple[str, ...], queries: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sources, and the queries; the last argument is one if it is nothing to look at."""
    last = sources[-1]
    if queries or len(sources) < 2 or looks_like_a_source(last):
        return sources, queries
    return sources[:-1], (last,)


def looks_like_a_source(text: str) -> bool:
    """Whether a word on the command line is meant as a camera, whether or not it is there."""
    if text.isdecimal() or "://" in text or Path(text).exists():
        return True
    # Words may have strokes between them: "the on/off switch", "on/off?".
    if re.search(r"\s", text) or verb_of(text) == "ask":
        return False
    return "/" in text or re.search(r"\.\w{2,5}$", text) is not None


def names_of(sources: Sequence[str]) -> list[str | None]:
    """What the camera of each source is called; None is what it calls itself.

    Files and folders of the same name are told apart by as many of the folders above as it takes;
    addresses that differ in what stays out of names, such as a token, by numbers.
    """
    # Links are called by their own names, which `resolve` would not keep.
    paths = [Path(os.path.abspath(s)) if Path(s).exists() else None for s in sources]
    present = {path for path in paths if path is not None}
    return [
        _numbered(source, sources) if path is None else _apart(path, present - {path})
        for source, path in zip(sources, paths, strict=True)
    ]


def _numbered(source: str, sources: Sequence[str]) -> str | None:
    name = redacted(source)
    alike = [other for other in dict.fromkeys(sources) if redacted(other) == name]
    return f"{name} ({alike.index(source) + 1})" if "://" in source and len(alike) > 1 else None


def _apart(path: Path, from_these: set[Path]) -> str | None:
    others = [other.parts for other in from_these]
    depth = 1
    while any(other[-depth:] == path.parts[-depth:] for other in others):
        depth += 1
    return "/".join(path.parts[-depth:]) if depth > 1 else None


def open_source(source: str, name: str | None = None, *, realtime: bool = False) -> Camera:
    """A camera for the command line: files end, and give every frame unless in real time."""
    return open_camera(source, name, realtime=realtime, loop=False)


def clock_of(cameras: Sequence[Camera]) -> Callable[[Frame], str]:
    """How the time of a frame is told: time of day, time in a video, or a file's name."""
    by_name = {camera.name: camera for camera in cameras}

    def when(frame: Frame) -> str:
        camera = by_name[frame.camera]
        if isinstance(camera, ImageFolder):
            return camera.files[(frame.sequence - 1) % len(camera.files)].name
        if isinstance(camera, FrameStream) or (isinstance(camera, VideoFile) and camera.realtime):
            taken = time.time() - (time.monotonic() - frame.stamp_s)
            return time.strftime("%H:%M:%S", time.localtime(taken)) + f".{int(taken * 10 % 10)}"
        return clock(frame.stamp_s)

    return when


def clock(seconds: float) -> str:
    """A time in a video, such as 1:02.5."""
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def complain(words: str) -> None:
    """Say on standard error what is wrong."""
    print(f"handeye: {words}", file=sys.stderr, flush=True)


def _must_have(perception: Perception, verbs: Iterable[str], vlm: str) -> None:
    for verb in verbs:
        if getattr(perception, f"{verb}_with") is None:
            raise ModelError(f'the VLM "{redacted(vlm)}" cannot {verb}; choose another with --vlm')


def _say(line: str) -> None:
    print(line, flush=True)


def _line(sighting: Sighting, when: Callable[[Frame], str], several: bool) -> str:
    name = f"{sighting.frame.camera}  " if several else ""
    question = f"{sighting.query} " if verb_of(sighting.query) == "ask" else ""
    sure = "" if sighting.confidence is None else f"{sighting.confidence:.2f}, "
    age = f"{1000 * sighting.age_s:.0f} ms old"
    return f"{when(sighting.frame)}  {name}{question}{sighting.text} ({sure}{age})"


def _keep(shown: dict[str, list[Sighting]], sighting: Sighting) -> None:
    """Keep what was told of the latest frame of each camera."""
    before = shown.get(sighting.frame.camera, [])
    same = bool(before) and before[0].frame is sighting.frame
    shown[sighting.frame.camera] = [*(before if same else []), sighting]


def _save(shown: dict[str, list[Sighting]], path: Path) -> None:
    """The latest frame of each camera, with what was found, in place of the picture before."""
    from ..overlay import save_picture, side_by_side

    save_picture(side_by_side([_picture(shown[name]) for name in sorted(shown)]), path)


def _picture(sightings: Sequence[Sighting]) -> Image:
    from ..overlay import annotate

    found = [detection for one in sightings for detection in one.found]
    for one in sightings:
        # Where a phrase was found too, one frame around it is enough.
        if one.box and not any(np.allclose(one.box, d.box, atol=2) for d in found):
            found.append(Detection(one.text, one.box, one.confidence or 0.0))
    caption = "\n".join(
        f"{one.query} {one.text}" if verb_of(one.query) == "ask" else one.text for one in sightings
    )
    return annotate(sightings[0].frame.rgb, found, caption)
