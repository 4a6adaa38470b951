"""Recording: one folder per episode, that survives a crash up to the last event.

events.jsonl       every event, one a line, flushed as it comes
episode.mp4        H.264: the camera with boxes, the plan, the step, the verdicts
camera.mp4         H.264: what the camera saw, in the robot's own time
contact_sheet.png  the story at a glance
result.json        how it ended
chart.png          the chart that was read, where the instruction needs one, as the camera saw it
groundings.jsonl   what each call was taken to mean, with a picture of where the VLM saw it
trajectory.npz     in simulation: joints, TCP and gripper, twenty times a second
labels.npz         in simulation: what the cameras showed the agent, with the truth, to tune on
asked.json         what was asked for, so that a thread that goes on finds its scene

Of a thread that goes on, the further videos, pictures and labels lie beside those before them, as
`episode-2.mp4` and so on.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from handeye.agents.events import (
    Acted,
    Acting,
    Asked,
    ChartRead,
    Ended,
    Event,
    Observed,
    Planned,
    Progressed,
    Replanned,
    Replied,
    Started,
    Verified,
)
from handeye.perception.errors import ModelError
from handeye.perception.frame import Frame, Image
from handeye.perception.vlm.verbs import Detection, HeatMap

from .overlay import Story, annotate, compose, contact_sheet, heated
from .trajectory import Trajectory

FPS = 10
FRAMES_A_SECOND = 5
"""Of the robot's time, that are filmed: an episode is told in half of its time."""
CAMERA_VIDEO = "camera.mp4"
LABELS = "labels.npz"
TRAJECTORY = "trajectory.npz"
ALL_LABELS = "label*[s0-9].npz"
"""Those of threads that went on too, `labels-2.npz`; not `labels.tmp.npz`, half written."""
ASKED = "asked.json"
THREAD = "thread.sqlite"
_MOST_PICTURES = 9
_THINGS = ("target", "reference", "second")
"""The arguments of calls that name things."""
_EVENTS, _VIDEO, _SHEET, _RESULT = "events.jsonl", "episode.mp4", "contact_sheet.png", "result.json"
_CHART = "chart.png"
_FILES = (
    *(_EVENTS, _VIDEO, CAMERA_VIDEO, _SHEET, _RESULT, ASKED, LABELS, TRAJECTORY),
    "groundings.jsonl",
)
_NUMBERED = (
    "grounding-*.png",
    "episode-*.mp4",
    "camera-*.mp4",
    "contact_sheet-*.png",
    "chart-*.png",
    "labels-*.npz",
    "trajectory-*.npz",
)


def holds_recording(folder: Path) -> bool:
    """Whether an episode was recorded into a folder."""
    return any((folder / name).exists() for name in (*_FILES, THREAD))


class Recorder:
    """Takes an agent's events and a camera's frames.

    Args:
        folder: made if it is missing.
        look: gives the latest frame and what was detected in it, or None.
        video: whether to write episode.mp4 and pictures; events are always written.
        explain: gives the latest frame and where in it the VLM sees a phrase; then each thing
            that a call names is drawn so into `grounding-….png`, and told in groundings.jsonl.
        frame_of: gives the latest frame of a camera by its name; for the picture of a chart.
        asked: kept in asked.json.
        going_on: the instruction of the thread that goes on. Then what the folder holds is kept
            and added to; otherwise a recording that is there is replaced.

    Attributes:
        folder: that it records into.
        trajectory: takes the arm's readings; kept in trajectory.npz where it has any.
    """

    def __init__(
        self,
        folder: Path,
        look: Callable[[], tuple[Frame, list[Detection]] | None],
        *,
        video: bool = True,
        explain: Callable[[str], tuple[Frame, HeatMap]] | None = None,
        frame_of: Callable[[str], Frame | None] | None = None,
        asked: Mapping[str, Any] | None = None,
        going_on: str | None = None,
    ) -> None:
        self.folder = folder
        self._frame_of = frame_of
        self._explain = explain
        self._names: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if going_on is None and (folder / _EVENTS).exists():
            _clear(folder)
        if asked is not None:
            (folder / ASKED).write_text(json.dumps(dict(asked), ensure_ascii=False), "utf-8")
        self._events = (folder / _EVENTS).open("a", encoding="utf-8")
        self._look = look
        self._video = _Video(folder / _VIDEO) if video else None
        self._camera = _Video(folder / CAMERA_VIDEO, FRAMES_A_SECOND) if video else None
        self._pictures: list[tuple[Image, str]] = []
        self._story = Story(going_on or "")
        self._filmed: Frame | None = None
        self.trajectory = Trajectory()
        self._closed = False

    def event(self, event: Event) -> None:
        """Write an event, and a still of the moment."""
        self._events.write(event.model_dump_json() + "\n")
        self._events.flush()
        self._follow(event)
        if isinstance(event, Observed):
            self._names = {name: thing.name for name, thing in event.scene.objects.items()}
        elif isinstance(event, Acting) and self._explain is not None:
            self._ground(event, self._explain)
        if self._video is None or isinstance(event, Started):
            return
        if isinstance(event, ChartRead):
            self._show_chart(event)
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

    def _show_chart(self, event: ChartRead) -> None:
        """Keep the picture that a chart was read from, and show it with what was read."""
        from PIL import Image as Picture

        frame = self._frame_of(event.camera) if self._frame_of is not None else None
        if frame is None:
            return
        picture = Picture.fromarray(frame.rgb)
        picture.save(free(self.folder / _CHART))
        seen = self._look()
        if seen is None or self._video is None:
            return
        height, width = seen[0].rgb.shape[:2]
        shown = annotate(np.asarray(picture.resize((width, height)), dtype=np.uint8), ())
        for _ in range(FPS):
            self._video.add(compose(shown, self._story))
        self._pictures.append((shown, f"read: {event.words()}"))

    def _ground(self, event: Acting, explain: Callable[[str], tuple[Frame, HeatMap]]) -> None:
        """Write where the VLM sees each thing that a call names."""
        from PIL import Image as Picture

        for argument in _THINGS:
            target = event.call.arguments.get(argument)
            if not isinstance(target, str):
                continue
            phrase = self._names.get(target, target)
            try:
                frame, heat = explain(phrase)
            except ModelError as error:
                row: dict[str, Any] = {"unexplained": str(error)}
            else:
                y, x = np.unravel_index(int(heat.argmax()), heat.shape)
                picture = free(self.folder / f"grounding-{event.index:02d}-{argument}.png")
                seen = self._look()
                same = [d for d in seen[1] if d.label == phrase] if seen else []
                drawn = annotate(heated(frame.rgb, heat), same, caption=phrase)
                Picture.fromarray(drawn).save(picture)
                row = {
                    "camera": frame.camera,
                    "sequence": frame.sequence,
                    "hottest": [int(x), int(y)],
                    "heat": round(float(heat.max()), 4),
                    "picture": picture.name,
                }
            told = {"index": event.index, "argument": argument, "thing": target, "phrase": phrase}
            with (self.folder / "groundings.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({**told, **row}, ensure_ascii=False) + "\n")

    def frame(self, frame: Frame) -> None:
        """Add a frame between events to the video."""
        self._filmed = frame
        if self._video is not None:
            self._video.add(compose(annotate(frame.rgb, ()), self._story))
        if self._camera is not None:
            self._camera.add(frame.rgb)
            self.trajectory.filmed(frame.stamp_s)

    def finish(self, result: dict[str, Any]) -> None:
        """Write the result and the contact sheet, and close everything."""
        written = json.dumps(result, indent=2, ensure_ascii=False)
        (self.folder / _RESULT).write_text(written, "utf-8")
        if self._video is not None and self._pictures:
            from PIL import Image as Picture

            chosen = self._pictures
            if len(chosen) > _MOST_PICTURES:
                picks = np.linspace(0, len(chosen) - 1, _MOST_PICTURES).round().astype(int)
                chosen = [chosen[i] for i in picks]
            sheet = contact_sheet(chosen, self._story)
            Picture.fromarray(sheet).save(free(self.folder / _SHEET))
        self.close()

    def close(self) -> None:
        """Write the trajectory and close the files; idempotent."""
        if not self._closed:
            self.trajectory.write(free(self.folder / TRAJECTORY))
        self._closed = True
        self._events.close()
        for video in (self._video, self._camera):
            if video is not None:
                video.close()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self, event: Event) -> None:
        """Keep the story up to date."""
        story = self._story
        if isinstance(event, Started):
            story.instruction = event.instruction
        elif isinstance(event, ChartRead):
            story.lines.append(f"chart: {event.words()}")
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


def _clear(folder: Path) -> None:
    """Remove a recording, and nothing else that a folder holds."""
    numbered = [path for pattern in _NUMBERED for path in folder.glob(pattern)]
    for path in (*(folder / name for name in (*_FILES, _CHART)), *numbered):
        path.unlink(missing_ok=True)


def free(path: Path) -> Path:
    """A path, or with the first number behind its name under which there is nothing yet."""
    number, unused = 1, path
    while unused.exists():
        number += 1
        unused = path.with_stem(f"{path.stem}-{number}")
    return unused


class _Video:
    """An MP4 in fragments, so that what was written plays even after a crash.

    The file is made with its first frame, beside one of that name that is there already.
    """

    def __init__(self, path: Path, rate: int = FPS) -> None:
        self._path, self._rate = path, rate
        self._container: Any = None
        self._closed = False

    def add(self, image: Image) -> None:
        """Append a frame [H, W, 3] uint8; nothing, once it is closed."""
        import av

        if self._closed:
            return
        if self._container is None:
            self._open(*image.shape[:2])
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def _open(self, height: int, width: int) -> None:
        import av

        # Unbuffered, so that each fragment is in the file as soon as it is complete.
        self._file = free(self._path).open("wb", buffering=0)
        self._container = av.open(
            self._file,
            "w",
            format="mp4",
            buffer_size=4096,
            options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
        )
        self._stream: Any = self._container.add_stream("libx264", rate=self._rate)
        self._stream.height, self._stream.width = height, width
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {
            "crf": "26",
            "preset": "veryfast",
            "tune": "zerolatency",
            "g": "20",
            "threads": "1",
        }

    def close(self) -> None:
        """Write what is left; idempotent."""
        if self._container is not None and not self._closed:
            for packet in self._stream.encode():
                self._container.mux(packet)
            self._container.close()
            self._file.close()
        self._closed = True
