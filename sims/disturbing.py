"""Disturbances: what goes wrong in mid-episode, to any task, as a seed decides.

The agent is told nothing of them. The goal stays as it was, so that a disturbed episode asks
whether the agent notices and recovers, or at least does not claim success.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from handeye.perception.errors import CameraError, SceneFileError
from handeye.perception.frame import Frame

from .camera import SimCamera
from .judge import touches_fingers
from .objects import sample_object
from .panda import SimPanda
from .tabletop import footprint_m, free_spot, sample_light, scatter
from .tasks.task import Setup
from .world import World

Kind = Literal[
    "moved", "knocked", "slipped", "appeared", "vanished", "lights", "noise", "holes", "dropouts"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
_EARLIEST_S, _LATEST_S = 0.4, 3.0


@dataclass
class Disturbance:
    """One thing that goes wrong, once, while the robot moves.

    Attributes:
        kind: what goes wrong.
        at_s: when, seconds of simulated time from the start.
        rng: its own source of chance.
        goal_bodies: what the task is about.
        begin_s: simulated time of the start.
        done: what was done, for the record; "" before.
    """

    kind: Kind
    at_s: float
    rng: np.random.Generator
    goal_bodies: tuple[str, ...]
    begin_s: float
    done: str = ""

    def __call__(self, world: World) -> None:
        """Called after each step of the world."""
        if self.done or world.time_s - self.begin_s < self.at_s:
            return
        act = {
            "moved": self._move,
            "knocked": self._knock,
            "slipped": self._slip,
            "appeared": self._appear,
            "vanished": self._vanish,
            "lights": self._light,
        }.get(self.kind)
        # What concerns the cameras is done where frames are read.
        self.done = act(world) if act else self.kind

    def _free(self, world: World) -> list[str]:
        """What the task is about and lies loose."""
        return [
            name
            for name in self.goal_bodies
            if name in world.objects and not touches_fingers(world, name)
        ]

    def _move(self, world: World) -> str:
        names = self._free(world)
        if not names:
            return ""
        name = str(self.rng.choice(names))
        return _elsewhere(world, name, self.rng)

    def _knock(self, world: World) -> str:
        import pybullet as p

        names = self._free(world)
        if not names:
            return ""
        name = str(self.rng.choice(names))
        push = self.rng.normal(0.0, 1.0, 2)
        push = 0.45 * push / max(float(np.linalg.norm(push)), 1e-6)
        p.resetBaseVelocity(world[name].uid, (*push, 0.1), (0, 0, 0), physicsClientId=world.client)
        return f"{name} was knocked"

    def _slip(self, world: World) -> str:
        held = [name for name in world.objects if touches_fingers(world, name)]
        return _elsewhere(world, held[0], self.rng) if held else ""

    def _appear(self, world: World) -> str:
        categories = ("block", "can", "lego", "duck")
        colors = ("purple", "brown", "white")
        category, color = self.rng.choice(categories), self.rng.choice(colors)
        spec = sample_object(category, color, self.rng)
        try:
            [name] = scatter(world, [spec], self.rng, table_height_m=_table(world))
        except SceneFileError:
            return "there was no room for anything to appear"
        return f"{name} appeared"

    def _vanish(self, world: World) -> str:
        others = [
            name
            for name in world.objects
            if name not in self.goal_bodies and not touches_fingers(world, name)
        ]
        if not others:
            return "nothing could vanish"
        name = str(self.rng.choice(others))
        world.remove(name)
        return f"{name} vanished"

    def _light(self, world: World) -> str:
        world.light = sample_light(self.rng, dark=True)
        return "the light changed"


class DisturbedCamera(SimCamera):
    """A simulated camera whose frames go bad once a disturbance has come.

    Args:
        camera: what it looks through.
        disturbance: of the kinds "noise", "holes" and "dropouts"; no others touch a camera.
    """

    def __init__(self, camera: SimCamera, disturbance: Disturbance) -> None:
        super().__init__(camera._world, camera.name, camera.intrinsics, camera.pose)
        self._disturbance = disturbance
        self._rng = np.random.default_rng(disturbance.rng.integers(2**32))
        self._failures = 0

    def read(self, max_age_s: float = 1.0) -> Frame:
        """A frame; noisy, with holes in its depth, or now and then none at all."""
        kind = self._disturbance.kind
        if not self._disturbance.done or kind not in ("noise", "holes", "dropouts"):
            return super().read(max_age_s)
        if kind == "dropouts" and self._failures < 2 and self._rng.random() < 0.4:
            self._failures += 1
            raise CameraError(f'camera "{self.name}" gave no frame')
        frame = super().read(max_age_s)
        if kind == "noise":
            noisy = frame.rgb + self._rng.normal(0, 14, frame.rgb.shape)
            rgb = np.clip(noisy, 0, 255).astype(np.uint8)
            return Frame(
                rgb, frame.camera, frame.sequence, frame.stamp_s, frame.depth,
                frame.intrinsics, frame.T_world_camera,
            )  # fmt: skip
        if frame.depth is None:
            return frame
        depth = np.where(self._rng.random(frame.depth.shape) < 0.2, 0.0, frame.depth)
        return Frame(
            frame.rgb, frame.camera, frame.sequence, frame.stamp_s, depth.astype(np.float32),
            frame.intrinsics, frame.T_world_camera,
        )  # fmt: skip


def disturb(
    world: World, robot: SimPanda, setup: Setup, rng: np.random.Generator, kind: Kind | None = None
) -> Disturbance:
    """Let something go wrong in a world that is ready to begin.

    Args:
        world: of the episode.
        robot: whose cameras may be disturbed.
        setup: names the bodies that the task is about.
        rng: decides what and when.
        kind: instead of one at random.
    """
    chosen: Kind = kind or KINDS[int(rng.integers(len(KINDS)))]
    at_s = float(rng.uniform(_EARLIEST_S, _LATEST_S))
    disturbance = Disturbance(chosen, at_s, rng, _bodies(setup), world.time_s)
    world.on_step.append(disturbance)
    if chosen in ("noise", "holes", "dropouts"):
        for camera in list(robot.cameras.values()):
            if isinstance(camera, SimCamera):
                robot.add_camera(DisturbedCamera(camera, disturbance))
    return disturbance


def _bodies(setup: Setup) -> tuple[str, ...]:
    """The bodies that a task's conditions name."""
    conditions = [*setup.goal, *setup.never, *(setup.count[0] if setup.count else ())]
    keys = ("object", "support", "container", "reference")
    found = [getattr(c, key, None) for c in conditions for key in keys]
    return tuple(dict.fromkeys(name for name in found if name and name != "table"))


def _elsewhere(world: World, name: str, rng: np.random.Generator) -> str:
    """Set a body down on a free place of the table."""
    spec = world[name].spec
    if spec is None:
        return ""
    taken = [
        (world.pose(other)[:2, 3], footprint_m(body.spec))
        for other, body in world.objects.items()
        if other != name and body.spec is not None
    ]
    try:
        x, y = free_spot(rng, taken, footprint_m(spec), 0.03)
    except SceneFileError:
        return f"there was no room to move {name} to"
    world.place(name, (float(x), float(y), _table(world) + 0.001), float(rng.uniform(-3, 3)))
    return f"{name} was moved"


def _table(world: World) -> float:
    """Height of the table top, m."""
    return float(min((world.pose(name)[2, 3] for name in world.objects), default=0.0))
