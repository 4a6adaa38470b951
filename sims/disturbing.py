"""Letting something go wrong in a world that is ready to begin."""

from itertools import chain

import numpy as np

from .disturbance import CAMERA_KINDS, KINDS, Disturbance, Kind
from .disturbed_senses import DisturbedCamera
from .panda import SimPanda
from .tasks.task import Setup
from .world import World

_EARLIEST_S, _LATEST_S = 0.4, 6.0


def disturb(
    world: World,
    robot: SimPanda,
    setup: Setup,
    rng: np.random.Generator,
    *,
    table_height_m: float,
    kind: Kind | None = None,
) -> Disturbance:
    """Let something go wrong in a world that is ready to begin.

    Disturbances of models reach only what is looked at through `disturbed_perception`.

    Args:
        world: of the episode.
        robot: whose cameras or motion may be disturbed.
        setup: names the bodies that the task is about.
        rng: decides what and when.
        table_height_m: z of the table top.
        kind: instead of one at random.
    """
    chosen: Kind = kind or KINDS[int(rng.integers(len(KINDS)))]
    at_s = float(rng.uniform(_EARLIEST_S, _LATEST_S))
    disturbance = Disturbance(chosen, at_s, rng, _bodies(setup), world, robot, table_height_m)
    world.on_step.append(disturbance)
    if chosen in CAMERA_KINDS:
        for camera in list(robot.cameras.values()):
            robot.add_camera(DisturbedCamera(camera, disturbance))
    return disturbance


def _bodies(setup: Setup) -> tuple[str, ...]:
    """The bodies that a task's conditions name."""
    counted = chain.from_iterable(setup.count.groups) if setup.count else ()
    conditions = [*setup.goal, *setup.once, *setup.never, *counted]
    keys = ("object", "support", "container", "reference", "first", "second")
    found = [getattr(c, key, None) for c in conditions for key in keys]
    return tuple(dict.fromkeys(name for name in found if name and name != "table"))
