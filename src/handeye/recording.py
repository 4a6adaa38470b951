"""Recording: one folder per episode, that survives a crash up to the last event.

events.jsonl       every event, one a line, flushed as it comes
episode.mp4        H.264: the camera with boxes, the plan, the step, the verdicts
contact_sheet.png  the story at a glance
result.json        how it ended
"""

import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from handeye.agents.events import (
    Acted,
    Acting,
    Asked,
    Ended,
    Event,
    Planned,
    Progressed,
    Replanned,
    Replied,
    Started,
    Verified,
)
from handeye.perception.frame import Frame, Image
from handeye.perception.vlm.verbs import Detection

from .overlay import Story, annotate, compose, contact_sheet

FPS = 10
_MOST_PICTURES = 9


class Recorder:
    """Takes an agent's events and a camera's frames.

    Args:
        folder: made if it is missing.
        look: gives the latest frame and what was detected in it, or None.
        video: whether to write episode.mp4 and pictures; events are always written.
    """

    def __init__(
        self,
        folder: Path,
        look: Callable[[], tuple[Frame, list[Detection]] | None],
        *,
        video: bool = True,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._events = (folder / "events.jsonl").open("a", encoding="utf-8")
        self._look = look
        self._video = _Video(folder / "episode.mp4") if video else None
        self._pictures: list[tuple[Image, str]] = []
        self._story = Story()
        self._filmed: Frame | None = None

    def event(self, event: Event) -> None:
        """Write an event, and a still of the moment."""
        self._events.write(event.model_dump_json() + "\n")
        self._events.flush()
        self._follow(event)
        if self._video is None or isinstance(event, Started):
            return
        if isinstance(event, Progressed):
            if self._filmed is not None:
                self._pictures.append((annotate(self._filmed.rgb, ()), event.line))
            return
        seen = self._look()
        if seen is None:
            return
        frame, detections = seen
        picture = annotate(frame.rgb, detections)
        for _ in range(FPS if isinstance(event, Ended | Planned) else FPS // 2):
            self._video.add(compose(picture, self._story))
        if _is_a_moment(event):
            self._pictures.append((picture, _caption(event)))

    def frame(self, frame: Frame) -> None:
        """Add a frame between events to the video."""
        self._filmed = frame
        if self._video is not None:
            self._video.add(compose(annotate(frame.rgb, ()), self._story))

    def finish(self, result: dict[str, Any]) -> None:
        """Write the result and the contact sheet, and close everything."""
        (self.folder / "result.json").write_text(json.dumps(result, indent=2, ensure_ascii=False))
        if self._video is not None and self._pictures:
            from PIL import Image as Picture

            chosen = self._pictures
            if len(chosen) > _MOST_PICTURES:
                picks = np.linspace(0, len(chosen) - 1, _MOST_PICTURES).round().astype(int)
                chosen = [chosen[i] for i in picks]
            sheet = contact_sheet(chosen, self._story)
            Picture.fromarray(sheet).save(self.folder / "contact_sheet.png")
        self.close()

    def close(self) -> None:
        """Close the files; idempotent."""
        self._events.close()
        if self._video is not None:
            self._video.close()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _follow(self, event: Event) -> None:
        """Keep the story up to date."""
        story = self._story
        if isinstance(event, Started):
            story.instruction = event.instruction
        elif isinstance(event, Planned):
            done = [step for step in story.steps if step[1] in ("ok", "bad")]
            story.steps = [*done, *((call.words(), "wait") for call in event.calls)]
        elif isinstance(event, Acting):
            self._mark("wait", "now")
        elif isinstance(event, Progressed):
            story.lines.append(event.line)
        elif isinstance(event, Acted):
            story.lines.append(f"{event.call.skill}: {event.message} ({event.duration_s:.1f} s)")
            if event.code != "ok":
                self._mark("now", "bad")
        elif isinstance(event, Verified):
            story.lines.append(f"seen: {event.truth}, {event.evidence}")
            self._mark("now", "ok" if event.truth == "yes" else "bad")
        elif isinstance(event, Replanned):
            story.lines.append(f"again ({event.attempt}): {event.failure}")
            story.steps = [step for step in story.steps if step[1] != "wait"]
        elif isinstance(event, Asked):
            story.lines.append(event.question)
        elif isinstance(event, Replied):
            story.lines.append(f"answer: {event.text}")
        elif isinstance(event, Ended):
            story.status = event.status.replace("_", " ")
            self._mark("now", "ok" if event.status == "succeeded" else "bad")
            if event.reason or event.question:
                story.lines.append(event.reason or event.question)

    def _mark(self, before: str, after: str) -> None:
        for i, (words, mark) in enumerate(self._story.steps):
            if mark == before:
                self._story.steps[i] = (words, after)
                return


def _is_a_moment(event: Event) -> bool:
    """Whether the contact sheet needs it; a success was told by the last verification."""
    if isinstance(event, Planned):
        return bool(event.calls)
    return isinstance(event, Verified | Replied) or (
        isinstance(event, Ended) and event.status != "succeeded"
    )


def _caption(event: Event) -> str:
    if isinstance(event, Planned):
        return "plan: " + ", ".join(call.words() for call in event.calls)
    if isinstance(event, Verified):
        return f"verified: {event.truth}, {event.evidence}"
    if isinstance(event, Replied):
        return f"answer: {event.text}"
    if isinstance(event, Ended):
        return event.reason or event.question or event.status.replace("_", " ")
    return event.kind


class _Video:
    """An MP4 in fragments, so that what was written plays even after a crash."""

    def __init__(self, path: Path) -> None:
        import av

        # Unbuffered, so that each fragment is in the file as soon as it is complete.
        self._file = path.open("wb", buffering=0)
        self._container: Any = av.open(
            self._file,
            "w",
            format="mp4",
            buffer_size=4096,
            options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
        )
        self._stream: Any = None

    def add(self, image: Image) -> None:
        """Append a frame [H, W, 3] uint8."""
        import av

        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=FPS)
            self._stream.height, self._stream.width = image.shape[:2]
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {
                "crf": "26",
                "preset": "veryfast",
                "tune": "zerolatency",
                "g": "20",
                "threads": "1",
            }
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        if self._container is not None:
            if self._stream is not None:
                for packet in self._stream.encode():
                    self._container.mux(packet)
            self._container.close()
            self._file.close()
            self._container = None
