"""Perfect eyes: a stand-in for a VLM that reads the simulator's segmentation.

For measuring only: what an episode reaches with them is what perception costs. Nothing that an
agent runs by default imports this room.
"""

import re

import numpy as np
from handeye.perception.errors import CameraError
from handeye.perception.frame import Frame
from handeye.perception.vlm.verbs import Answer, Box, Detection

from .articulated import state_of
from .body import Body
from .judge import touches_fingers
from .world import World

_MIN_PIXELS = 12


class PerfectEyes:
    """Parses and grounds from ground-truth segmentation; has no opinion on questions.

    Args:
        world: the world that the frames were rendered from, still at the frames' instant.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def parse(self, frame: Frame) -> list[Detection]:
        """Every object with at least a dozen visible pixels, with its exact mask."""
        if frame.intrinsics is None or frame.T_world_camera is None:
            raise CameraError(f'camera "{frame.camera}" does not know its own pose')
        rendering = self._world.render(frame.intrinsics, frame.T_world_camera, segmentation=True)
        if rendering.segmentation is None:
            return []
        found = []
        for body in self._world.objects.values():
            mask = np.asarray(rendering.segmentation == body.uid)
            if int(mask.sum()) >= _MIN_PIXELS:
                found.append(self._detection(body, mask))
        for body in self._world.furniture.values():
            mask = np.asarray(rendering.segmentation == body.uid)
            if body.joint is not None and int(mask.sum()) >= _MIN_PIXELS:
                state = state_of(self._world, body.name)
                kind, color = body.joint.kind, body.joint.color
                found.append(
                    Detection(f"{color} {kind}", _box(mask), 1.0, kind, color, mask, state)
                )
        return found

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        """What the colour and category words of a phrase name."""
        words = set(re.findall(r"[a-z]+", phrase.lower()))
        return [
            d
            for d in self.parse(frame)
            if d.category in words and (d.color in words or not words & _color_words())
        ]

    def ask(self, frame: Frame, question: str) -> Answer:  # noqa: ARG002 - no opinion on any
        """Never votes, so that verification rests on geometry alone."""
        return Answer("", 0.0)

    def _detection(self, body: Body, mask: np.ndarray) -> Detection:
        spec = body.spec
        if spec is None:
            raise CameraError(f'"{body.name}" is not an object of the catalogue')
        held = touches_fingers(self._world, body.name)
        return Detection(
            spec.name, _box(mask), 1.0, spec.category, spec.color, mask, "held" if held else None
        )


def _box(mask: np.ndarray) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _color_words() -> set[str]:
    from .objects import COLORS

    return set(COLORS)
