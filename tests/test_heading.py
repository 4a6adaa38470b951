"""Heading: which way things lie, from their points alone, and what it tells of a turn."""

import math

import numpy as np
import pytest
from handeye.perception.conditions import Truth, Turned
from handeye.perception.heading import turned_by, yaw_of
from handeye.perception.scene import Scene, SceneObject
from handeye.perception.verify import check


def cuboid(length: float, width: float, yaw: float) -> np.ndarray:
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (1500, 3)) * (length, width, 0.1)
    c, s = np.cos(yaw), np.sin(yaw)
    return points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + (0.5, 0.1, 0.05)


@pytest.mark.parametrize("yaw", [0.0, 0.4, 1.2, 2.0, 3.0])
def test_the_longer_side_tells_the_heading(yaw: float) -> None:
    found = yaw_of(cuboid(0.06, 0.042, yaw))
    assert found is not None
    assert abs(turned_by(yaw, found, math.pi)) < 0.08
    assert 0 <= found < math.pi


def test_what_has_no_longer_side_has_no_heading() -> None:
    assert yaw_of(cuboid(0.05, 0.05, 0.3)) is None
    turn = np.linspace(0, 2 * np.pi, 300)
    circle = np.stack([0.04 * np.cos(turn), 0.04 * np.sin(turn), 0 * turn], axis=1)
    assert yaw_of(circle) is None
    assert yaw_of(circle[:5]) is None


@pytest.mark.parametrize(
    ("before", "after", "period", "by"),
    [(0.1, 0.4, 2 * math.pi, 0.3), (0.4, 0.1, 2 * math.pi, -0.3), (3.0, 0.1, math.pi, 0.2416)],
)
def test_the_least_turn_counts(before: float, after: float, period: float, by: float) -> None:
    assert turned_by(before, after, period) == pytest.approx(by, abs=1e-3)


@pytest.mark.parametrize(
    ("yaw", "truth"), [(1.7, Truth.YES), (0.2, Truth.NO), (None, Truth.CANT_TELL)]
)
def test_a_turn_is_verified_where_it_can_be_seen(yaw: float | None, truth: Truth) -> None:
    box = SceneObject(name="red box", position=(0.5, 0, 0.05), yaw=yaw)
    goal = Turned(object="box_1", start_rad=0.1, angle_rad=math.pi / 2, period_rad=math.pi)
    assert check(goal, Scene(objects={"box_1": box})).truth is truth
