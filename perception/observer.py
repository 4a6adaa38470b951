"""Observer: a robot's cameras, a Perception and a SceneTracker, looked through as one."""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from .arm_view import ArmView
from .cameras.check import check_frame
from .charts.chart import Chart
from .deadlines import check
from .describe import listing
from .errors import (
    AmbiguousError,
    CameraError,
    EndOfStreamError,
    HandeyeError,
    ImageError,
    ModelError,
    NotFoundError,
    UserError,
)
from .frame import Camera, Frame, Points
from .geometry import project
from .perception import Perception
from .relations import relation_holds
from .scene import DOUBTFUL, Scene
from .tracking import SceneTracker
from .vlm.lexicon import FURNITURE, Description, read
from .vlm.verbs import Answer, Box, Detection, HeatMap

T = TypeVar("T")
_ID = re.compile(r"\w+_\d+")
BOARD = "board"
"""Name of a camera that looks at a board, not at the table: charts are read from it first."""
_OVERLAP = 0.3
_AS_LIKELY = 0.7
_PLAIN = 0.6
"""Score of what is plainly seen to be what is asked for."""
_TRIES = 5
_OLDEST_S, _LAST_S = 1.0, 0.1
"""How old a frame may be, and how long before the arm came to rest it may have been taken."""


class Observer:
    """What an agent and its skills see; a `Sight` for skills.

    Args:
        cameras: by name.
        perception: the models that look at their frames.
        arm: gives the present ArmView; without it, nothing can be known to be held.
        fixed: names of the cameras that `look()` reads by default; () for eyes that only read
            charts and answer questions.

    Attributes:
        frames: the latest frame of each camera.
        detections: what was detected in it.
        seconds: time spent by stage: "render" (reading cameras), "model", "scene".
        calls: model calls by verb.

    Raises:
        CameraError: a fixed camera is not there.
        UserError: there are fixed cameras, and no model that can parse what they see.
    """

    def __init__(
        self,
        cameras: Mapping[str, Camera],
        perception: Perception,
        arm: Callable[[], ArmView] | None = None,
        fixed: Sequence[str] = ("overview",),
    ) -> None:
        missing = [name for name in fixed if name not in cameras]
        if missing:
            raise CameraError(
                f'the robot has no camera "{missing[0]}"; it has: {", ".join(cameras) or "none"}'
            )
        if fixed and not perception.can("parse"):
            able = [verb for verb in ("ground", "ask", "read_chart") if perception.can(verb)]
            raise UserError(
                "this VLM has no parse(frame), without which no scene can be seen; it has "
                f"{', '.join(able) or 'no verb'}. Give one that parses, or compose them: "
                'Perception(ground_with=…, fallback=Perception.of(load_vlm("embedded")))'
            )
        self._cameras = cameras
        self._perception = perception
        self._arm = arm
        self._fixed = tuple(fixed)
        self._tracker = SceneTracker()
        self._scene = Scene()
        self.frames: dict[str, Frame] = {}
        self.detections: dict[str, list[Detection]] = {}
        self.seconds = {"render": 0.0, "model": 0.0, "scene": 0.0}
        self.calls = {"parse": 0, "ground": 0, "ask": 0, "read_chart": 0}

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras that look at the scene: all but one that looks at a board."""
        return tuple(name for name in self._cameras if name != BOARD)

    @property
    def scene(self) -> Scene:
        """The latest scene."""
        return self._scene

    def look(self, cameras: Sequence[str] | None = None) -> Scene:
        """Read cameras (the fixed ones by default), update the scene and return it.

        After a motion only frames that were taken since are looked at, however slow a camera is.
        A camera or model that fails for a moment is tried a few times more. Raises CameraError or
        ModelError where that does not help; the scene stays as it was.
        """
        names = self._fixed if cameras is None else tuple(cameras)
        arm = self._arm() if self._arm is not None else None
        age_s = _OLDEST_S if arm is None else min(_OLDEST_S, max(arm.still_s, _LAST_S))
        frames = {name: _patiently(partial(self._read, name, age_s)) for name in names}
        start = time.perf_counter()
        self._perception.prepare("parse", list(frames.values()))
        self.seconds["model"] += time.perf_counter() - start
        detections = {name: _patiently(partial(self._parse, frames[name])) for name in names}
        start = time.perf_counter()
        self.frames |= frames
        self.detections |= detections
        self._scene = self._tracker.update(frames, detections, arm)
        self.seconds["scene"] += time.perf_counter() - start
        return self._scene

    def ask(self, question: str, camera: str | None = None) -> Answer:
        """Put a question to the VLM about the latest frame of a camera."""
        frame = self._latest(camera)
        start = time.perf_counter()
        answer = self._perception.ask(frame, question)
        self.seconds["model"] += time.perf_counter() - start
        self.calls["ask"] += 1
        return answer

    def ground(self, phrase: str, camera: str | None = None) -> list[Detection]:
        """Ground a phrase in the latest frame of a camera."""
        frame = self._latest(camera)
        start = time.perf_counter()
        found = self._perception.ground(frame, phrase)
        self.seconds["model"] += time.perf_counter() - start
        self.calls["ground"] += 1
        return found

    def read_chart(self) -> tuple[Frame, Chart]:
        """The chart that is in view, with the frame that it was read from.

        A camera called "board" is read first, then the others in their order.

        Raises ImageError where no camera shows a chart that can be read, and ModelError where the
        model failed at one of them; says why for each.
        """
        reasons, failed = [], False
        for name in sorted(self._cameras, key=lambda n: n != BOARD):
            self.frames[name] = frame = _patiently(partial(self._read, name))
            start = time.perf_counter()
            self.calls["read_chart"] += 1
            try:
                return frame, self._perception.read_chart(frame)
            except (ImageError, ModelError) as error:
                reasons.append(f'camera "{name}": {error}')
                failed |= isinstance(error, ModelError)
            finally:
                self.seconds["model"] += time.perf_counter() - start
        told = f"no chart in view can be read; {'; '.join(reasons) or 'no camera'}"
        raise ModelError(told) if failed else ImageError(told)

    def explain(self, phrase: str, camera: str | None = None) -> tuple[Frame, HeatMap]:
        """The latest frame of a camera, and [H, W] where in it the VLM sees a phrase, 0..1.

        Raises ModelError where the VLM cannot explain.
        """
        frame = self._latest(camera)
        return frame, self._perception.explain(frame, phrase)

    def resolve(self, target: str) -> str:
        """The id of the object that an id or a phrase refers to.

        An id is itself; words are compared with the scene's names, relations and sizes; what the
        scene cannot answer is grounded by the VLM in the latest frame.

        Raises NotFoundError or AmbiguousError.
        """
        if target in self._scene.objects:
            return target
        if _ID.fullmatch(target):
            raise NotFoundError(target, listing(self._scene))
        description = read(target)
        matches = self._called(target) if description is None else self._matching(description)
        plain = description is not None and not (
            description.relation or description.size or description.held
        )
        camera = next(iter(self._fixed), None)
        if not plain and len(matches) != 1 and camera is not None and camera in self.frames:
            can = self._perception.can("ground")
            matches = (list(self._grounded(target, camera)) if can else []) or matches
        if not matches:
            raise NotFoundError(target, listing(self._scene))
        if len(matches) > 1:
            raise AmbiguousError(target, matches)
        return matches[0]

    def _called(self, phrase: str) -> list[str]:
        """Ids of the things that are called so, word by word; for words that are in no lexicon."""
        words = phrase.lower().removeprefix("the ").strip()
        return [key for key, thing in self._scene.objects.items() if thing.name.lower() == words]

    def recognise(self, phrase: str, camera: str | None = None) -> bool:
        """Whether something of a doubtful name is what a phrase asks for; then it is called so.

        Which of all names is likeliest for a thing, and whether it may be the one that is asked
        for, are two questions: where the first leaves doubt, the VLM is asked the second. What it
        is called now is doubtful if it was seen so faintly, or is less likely in this frame.

        Args:
            phrase: colour and category, such as "red cup"; anything else is not recognised.
            camera: in whose latest frame; the first fixed one by default.
        """
        description = read(phrase)
        camera = camera or next(iter(self._fixed), None)
        if description is None or camera is None or camera not in self.frames:
            return False
        furniture = description.category in FURNITURE
        if description.category is None or (description.color is None and not furniture):
            return False  # Of any colour, something is always a little like it.
        found = self._grounded(phrase, camera)
        if len(found) != 1:
            return False
        [(name, score)] = found.items()
        thing = self._scene.objects[name]
        if (thing.state is not None) != furniture or name == self._scene.holding:
            return False
        if thing.score >= DOUBTFUL or camera not in self._fixed:
            now = self._grounded(thing.name, camera).get(name, 0.0)
            if score < max(now, _PLAIN):
                return False
        meant = description.color, description.category
        self._scene = self._tracker.rename(name, meant, self._scene.stamp_s)
        return True

    def grasped(self, object_id: str) -> None:
        """Say what the fingers were closed on: what is seen between them is most likely it."""
        self._tracker.grasped(object_id)

    def points(self, object_id: str) -> Points:
        """[N, 3] float32, the object's surface as seen, metres, base frame."""
        return self._tracker.points(object_id)

    def cloud(self, exclude: Sequence[str] = ()) -> Points:
        """[N, 3] float32, everything seen above the table but the arm and `exclude`."""
        return self._tracker.cloud(exclude)

    def _read(self, name: str, max_age_s: float = _OLDEST_S) -> Frame:
        """A camera's frame; raises CameraError for whatever it raises or wrongly gives."""
        camera = self._camera(name)
        start = time.perf_counter()
        try:
            frame = camera.read(max_age_s)
        except HandeyeError:
            raise
        except Exception as error:
            raise CameraError(f'camera "{name}" failed: {type(error).__name__}: {error}') from error
        self.seconds["render"] += time.perf_counter() - start
        try:
            check_frame(frame)
        except Exception as error:
            raise CameraError(f'camera "{name}" gives what is no frame: {error}') from error
        return frame

    def _parse(self, frame: Frame) -> list[Detection]:
        start = time.perf_counter()
        detections = self._perception.parse(frame)
        self.seconds["model"] += time.perf_counter() - start
        self.calls["parse"] += 1
        return detections

    def _matching(self, description: Description) -> list[str]:
        """Ids of what a description is true of, by the scene's geometry."""
        objects = self._scene.objects
        found = [
            name
            for name, thing in objects.items()
            if description.category in (None, thing.category)
            and description.color in (None, thing.color)
        ]
        if description.held:
            found = [name for name in found if name == self._scene.holding]
        if description.relation and description.other:
            others = self._matching(description.other)
            found = [
                name
                for name in found
                if any(
                    relation_holds(self._scene, name, description.relation, other)
                    for other in others
                    if other != name
                )
            ]
        if description.size and len(found) > 1:
            largest = description.size == "big"
            found.sort(key=lambda name: math.prod(objects[name].size), reverse=largest)
            found = found[:1]
        return found

    def _grounded(self, phrase: str, camera: str) -> dict[str, float]:
        """Ids, with scores, of the objects whose surfaces fill what the VLM grounds in a frame."""
        found = self.ground(phrase, camera)
        likely = [d for d in found if d.score >= _AS_LIKELY * found[0].score]
        frame = self.frames[camera]
        chosen: dict[str, float] = {}
        for detection in likely:
            fits = {
                name: _overlap(detection.box, self.points(name), frame)
                for name, thing in self._scene.objects.items()
                if thing.visible
            }
            best = max(fits, key=lambda name: fits[name], default=None)
            if best is not None and fits[best] > _OVERLAP:
                chosen.setdefault(best, detection.score)
        return chosen

    def _camera(self, name: str) -> Camera:
        if name not in self._cameras:
            raise CameraError(f'there is no camera "{name}"; there are: {", ".join(self._cameras)}')
        return self._cameras[name]

    def _latest(self, camera: str | None) -> Frame:
        """The latest frame of a camera, by default of the first fixed one; raises CameraError."""
        name = camera or next(iter(self._fixed), None)
        if name is None:
            raise CameraError("no camera sees the table: there is no fixed one")
        if name not in self.frames:
            self.look([name])
        return self.frames[name]


def _overlap(box: Box, points: Points, frame: Frame) -> float:
    """Intersection over union of a box and the box around projected points [N, 3]."""
    if not len(points):
        return 0.0
    pixels, distance = project(points, frame)
    if not (distance > 0).all():
        return 0.0
    (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0) + 1
    wide = min(x1, box[2]) - max(x0, box[0])
    high = min(y1, box[3]) - max(y0, box[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    area = (x1 - x0) * (y1 - y0) + (box[2] - box[0]) * (box[3] - box[1]) - shared
    return float(shared / max(area, 1e-9))


def _patiently(attempt: Callable[[], T]) -> T:
    """What a camera or a model gives; what fails for a moment is tried again.

    Raises what the caller's check raises, see `deadlines.heeding`: a stop ends the trying.
    """
    for _ in range(_TRIES - 1):
        check()
        try:
            return attempt()
        except EndOfStreamError:
            raise
        except ModelError as error:
            if not error.passing:
                raise
        except CameraError:
            continue
    return attempt()
