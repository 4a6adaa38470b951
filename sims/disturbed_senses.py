"""Cameras and models that go bad once a disturbance has come."""

from dataclasses import dataclass, replace

import numpy as np
from handeye.perception.errors import CameraError, ModelError
from handeye.perception.frame import Camera, Frame
from handeye.perception.perception import Perception
from handeye.perception.vlm.verbs import Answer, Detection, HeatMap

from .disturbance import Disturbance
from .world import TIMESTEP_S

_FROZEN_S = (1.0, 4.0)
_PATIENCE_S = 1.0
"""For so long a frozen camera is waited for, each time."""
_DROPOUTS = 2
_NOISE = 14.0
_DARK = 0.35
_HOLES = 0.2
_THINKING_S = 1.5
_SILENCES, _DEADLINE_S = 2, 5.0
_LIES = 3


class DisturbedCamera:
    """A camera that freezes, drops frames, or goes noisy or dark, or whose depth has holes.

    Args:
        camera: what it looks through.
        disturbance: of one of the `CAMERA_KINDS`.
    """

    def __init__(self, camera: Camera, disturbance: Disturbance) -> None:
        self._camera = camera
        self._disturbance = disturbance
        self._rng = np.random.default_rng(disturbance.rng.integers(2**32))
        self._failures = 0
        self._froze_at_s: float | None = None
        self._thaws_after_s = float(self._rng.uniform(*_FROZEN_S))

    @property
    def name(self) -> str:
        """That of the camera."""
        return self._camera.name

    def read(self, max_age_s: float = 1.0) -> Frame:
        """A frame that is fresh, though it may be spoilt; raises CameraError where none comes."""
        what = self._disturbance
        if not what.due:
            return self._camera.read(max_age_s)
        if what.kind == "frozen":
            self._wait_for_it()
        elif what.kind == "dropouts" and self._failures < _DROPOUTS and self._rng.random() < 0.5:
            self._failures += 1
            what.done = what.done or f'camera "{self.name}" dropped frames'
            raise CameraError(f'camera "{self.name}" gave no frame')
        return self._spoilt(self._camera.read(max_age_s))

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()

    def _wait_for_it(self) -> None:
        """While it is frozen there is nothing fresh to give: wait, then say so."""
        what, world = self._disturbance, self._disturbance.world
        if self._froze_at_s is None:
            self._froze_at_s = world.time_s
        if world.time_s - self._froze_at_s >= self._thaws_after_s:
            return
        what.done = what.done or f'camera "{self.name}" froze'
        world.step(int(_PATIENCE_S / TIMESTEP_S))
        age_s = world.time_s - self._froze_at_s
        raise CameraError(f'camera "{self.name}" froze: its newest frame is {age_s:.1f} s old')

    def _spoilt(self, frame: Frame) -> Frame:
        what = self._disturbance
        if what.kind == "noise":
            what.done = what.done or "the cameras went noisy"
            noisy = frame.rgb + self._rng.normal(0, _NOISE, frame.rgb.shape)
            return replace(frame, rgb=np.clip(noisy, 0, 255).astype(np.uint8))
        if what.kind == "dark":
            what.done = what.done or "the cameras went dark"
            return replace(frame, rgb=(frame.rgb * _DARK).astype(np.uint8))
        if what.kind == "holes" and frame.depth is not None:
            what.done = what.done or "depth got holes"
            gone = self._rng.random(frame.depth.shape) < _HOLES
            return replace(frame, depth=np.where(gone, np.float32(0.0), frame.depth))
        return frame


@dataclass
class DisturbedModel:
    """A model that grows slow, falls silent or lies; the world goes on while it is waited for.

    Attributes:
        perception: what it looks with.
        disturbance: of one of the `MODEL_KINDS`.
    """

    perception: Perception
    disturbance: Disturbance
    _silences: int = 0
    _lies: int = 0

    def parse(self, frame: Frame) -> list[Detection]:
        """Every object in view; a lie takes two of them for each other."""
        self._wait("parse")
        found = self.perception.parse(frame)
        if len(found) < 2 or not self._lying():
            return found
        i, j = (int(k) for k in self.disturbance.rng.permutation(len(found))[:2])
        found[i], found[j] = _named_as(found[i], found[j]), _named_as(found[j], found[i])
        return found

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        """What a phrase refers to; a lie sees nothing."""
        self._wait("ground")
        found = self.perception.ground(frame, phrase)
        return [] if self._lying() else found

    def ask(self, frame: Frame, question: str) -> Answer:
        """An answer; a lie says the opposite, and is sure of it."""
        self._wait("ask")
        answer = self.perception.ask(frame, question)
        opposite = {"yes": "no", "no": "yes"}.get(answer.text)
        if opposite is None or not self._lying():
            return answer
        return replace(answer, text=opposite, confidence=0.97)

    def explain(self, frame: Frame, phrase: str) -> HeatMap:
        """Where it looked; this is for people, and is never disturbed."""
        return self.perception.explain(frame, phrase)

    def _wait(self, verb: str) -> None:
        what = self.disturbance
        if not what.due:
            return
        if what.kind == "slow":
            what.done = what.done or "the model grew slow"
            what.world.step(int(_THINKING_S / TIMESTEP_S))
        elif what.kind == "silent" and self._silences < _SILENCES:
            self._silences += 1
            what.done = what.done or "the model fell silent"
            what.world.step(int(_DEADLINE_S / TIMESTEP_S))
            raise ModelError(f"the model's {verb} gave no answer within {_DEADLINE_S:g} s")

    def _lying(self) -> bool:
        what = self.disturbance
        if what.kind != "lying" or not what.due or self._lies >= _LIES:
            return False
        self._lies += 1
        what.done = what.done or "the model lied"
        return True


def disturbed_perception(perception: Perception, disturbance: Disturbance) -> Perception:
    """A perception whose models go bad once the disturbance has come; charts are left alone."""
    model = DisturbedModel(perception, disturbance)
    return replace(
        perception,
        parse_with=model if perception.parse_with else None,
        ground_with=model if perception.ground_with else None,
        ask_with=model if perception.ask_with else None,
        fallback=None,
        deadline_s=None,
    )


def _named_as(detection: Detection, other: Detection) -> Detection:
    """A detection under another one's words."""
    return replace(
        detection, label=other.label, category=other.category, color=other.color, state=other.state
    )
