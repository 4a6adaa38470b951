"""Grains: small spheres that stand for a liquid."""

import numpy as np
import pybullet as p

from .world import World

_RADIUS_M = 0.006
_KG = 0.002
_LAYER = 4


def fill(world: World, name: str, count: int) -> list[str]:
    """Let spheres fall into a hollow body; returns their names ("grain 1", …).

    They are bodies of the world, but none of its objects: nothing is asked about them.
    """
    client = world.client
    low, high = world.bounds(name)
    middle = world.pose(name)[:2, 3]
    shape = p.createCollisionShape(p.GEOM_SPHERE, radius=_RADIUS_M, physicsClientId=client)
    look = p.createVisualShape(
        p.GEOM_SPHERE, radius=_RADIUS_M, rgbaColor=(0.85, 0.8, 0.6, 1.0), physicsClientId=client
    )
    names = []
    for k in range(count):
        layer, turn = divmod(k, _LAYER)
        angle = 2 * np.pi * turn / _LAYER + layer
        around = 0.011 * np.array([np.cos(angle), np.sin(angle)])
        height = low[2] + 0.5 * (high[2] - low[2]) + 2.2 * _RADIUS_M * layer
        position = (*(middle + around), float(height))
        uid = p.createMultiBody(_KG, shape, look, position, physicsClientId=client)
        p.changeDynamics(
            uid,
            -1,
            lateralFriction=0.3,
            rollingFriction=0.0002,
            restitution=0.0,
            linearDamping=0.05,
            angularDamping=0.1,
            physicsClientId=client,
        )
        names.append(world.adopt(uid, f"grain {k + 1}").name)
    world.settle(max_s=1.0)
    return names
