"""Shared fixtures: real simulations, small and seeded."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path

import pytest
from handeye.perception.scene import Scene, SceneObject
from handeye.sims.simulation import Simulation, simulate
from handeye.sims.tasks import get_task

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def grab() -> Iterator[Simulation]:
    """ "grab the red cup" among distractors."""
    with simulate(get_task("grab_red_cup"), 11) as simulation:
        yield simulation


def thing(
    name: str,
    x: float,
    y: float,
    size: tuple[float, float, float] = (0.05, 0.05, 0.05),
    z: float | None = None,
    **fields: object,
) -> SceneObject:
    """A scene object whose colour and category are its name's two words."""
    color, category = name.split()
    return SceneObject.model_validate(
        {
            "name": name,
            "color": color,
            "category": category,
            "position": (x, y, size[2] / 2 if z is None else z),
            "size": size,
            **fields,
        }
    )


@pytest.fixture
def table() -> Scene:
    """Two cups, a plate with a block on it, a bowl, a ball and two more blocks."""
    return Scene(
        objects={
            "cup_1": thing("red cup", 0.5, 0.1, (0.08, 0.08, 0.09)),
            "cup_2": thing("blue cup", 0.5, -0.1, (0.08, 0.08, 0.09)),
            "plate_1": thing("blue plate", 0.4, 0.25, (0.18, 0.18, 0.02)),
            "bowl_1": thing("green bowl", 0.6, 0.2, (0.15, 0.15, 0.05)),
            "ball_1": thing("red ball", 0.6, -0.2),
            "block_1": thing("green block", 0.4, -0.2, (0.04, 0.04, 0.04)),
            "block_2": thing("red block", 0.4, -0.05),
            "block_3": thing("yellow block", 0.4, 0.25, (0.04, 0.04, 0.04), z=0.03, on="plate_1"),
        }
    )
