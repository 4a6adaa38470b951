"""Furniture: what the depth shows of drawers and doors, whatever a model calls them."""

import numpy as np
import pytest
from handeye.agents.eyes import make_observer
from handeye.perception.fixtures import seems_a_part
from handeye.perception.frame import Points
from handeye.perception.furniture import Hollow, fronts, hollow, is_open, with_what_hangs_on
from handeye.perception.observer import Observer
from handeye.perception.relations import is_in
from handeye.perception.scene import SceneObject
from handeye.sims.articulated import add_furniture
from handeye.sims.body import FurnitureKind
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.tabletop import Style, build_tabletop
from handeye.sims.world import World
from handeye.skills.opening import find_handle
from handeye.skills.shelving import niche
from handeye.skills.spots import free_inside


def surface(kind: FurnitureKind, opened: float, side: int) -> tuple[Points, Observer]:
    with World() as world:
        robot = build_tabletop(world, Style())
        at = (0.47, 0.42 * side, Style().table_height_m)
        add_furniture(world, kind, "green", at, -side * np.pi / 2 + 0.05, opened=opened)
        observer = make_observer(robot, PerfectEyes(world))
        [identity] = observer.look().objects
        return with_what_hangs_on(observer.points(identity), observer.cloud()), observer


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("opened", [0.0, 1.0])
@pytest.mark.parametrize("kind", ["drawer", "fridge"])
def test_its_joint_and_whether_it_is_open_are_seen(
    kind: FurnitureKind, opened: float, side: int
) -> None:
    points, observer = surface(kind, opened, side)
    assert is_open(points) is (opened == 1.0)
    assert fronts(points)[0].slides is (kind == "drawer")
    [thing] = observer.scene.objects.values()
    assert thing.state == ("open" if opened else "closed")


@pytest.mark.parametrize("kind", ["drawer", "fridge"])
def test_what_is_half_open_is_neither(kind: FurnitureKind) -> None:
    assert is_open(surface(kind, 0.45, 1)[0]) is None


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("opened", [0.0, 0.5])
def test_the_handle_of_a_door_is_found_closed_and_half_open(opened: float, side: int) -> None:
    handle = find_handle(surface("fridge", opened, side)[0])
    assert handle is not None
    assert handle.hinge is not None
    # The box is 17 cm deep and 20 cm wide; its door turns by 1.3 rad at most about a corner.
    corner = np.array([-0.1 * side, -0.085 * side])
    c, s = np.cos(0.05), np.sin(0.05)
    hinge = np.array([0.47, 0.42 * side]) + np.array([[c, -s], [s, c]]) @ corner
    assert handle.hinge == pytest.approx(hinge, abs=0.02)
    assert handle.turned == pytest.approx(1.3 * opened, abs=0.12)
    assert np.linalg.norm(handle.point[:2] - hinge) == pytest.approx(0.183, abs=0.015)


@pytest.mark.parametrize("side", [-1, 1])
def test_the_inside_of_an_open_drawer_is_found(side: int) -> None:
    inside = hollow(surface("drawer", 1.0, side)[0])
    assert inside is not None
    # The cabinet is 17 cm deep; its drawer stands 11 cm out.
    assert np.allclose(inside.middle, (0.47, side * (0.42 - 0.085 - 0.055)), atol=0.015)
    assert inside.along @ (0.0, -side) > 0.99
    assert inside.length_m == pytest.approx(0.11, abs=0.02)


def test_what_is_closed_or_turns_has_no_drawer_to_put_things_in() -> None:
    assert hollow(surface("drawer", 0.0, 1)[0]) is None
    assert hollow(surface("fridge", 1.0, 1)[0]) is None


def test_too_few_points_tell_nothing() -> None:
    assert is_open(np.zeros((10, 3), np.float32)) is None
    assert fronts(np.zeros((0, 3), np.float32)) == []


def test_a_drawer_holds_what_lies_over_it_and_below_its_rim() -> None:
    drawer = SceneObject(
        name="drawer", category="drawer", state="open", position=(0.5, 0.3, 0.055),
        size=(0.2, 0.3, 0.11),
    )  # fmt: skip
    block = SceneObject(name="block", position=(0.5, 0.2, 0.035), size=(0.04, 0.04, 0.04))
    assert is_in(block, drawer)
    assert not is_in(block.model_copy(update={"position": (0.5, 0.1, 0.02)}), drawer)
    assert not is_in(block.model_copy(update={"position": (0.5, 0.2, 0.13)}), drawer)


OPEN = Hollow(np.array([0.47, 0.28]), np.array([0.0, -1.0]), 0.11, 0.20, 0.11)
EMPTY = np.zeros((0, 3), np.float32)


def thing(x: float, y: float, across_m: float = 0.05) -> SceneObject:
    size = (across_m, across_m, across_m)
    return SceneObject(name="red block", category="block", position=(x, y, 0.04), size=size)


def test_two_things_find_room_side_by_side_in_a_drawer() -> None:
    first = free_inside(OPEN, 0.025, EMPTY, [])
    second = free_inside(OPEN, 0.025, EMPTY, [thing(*first)])
    assert abs(first[0] - second[0]) > 0.05 + 0.02
    for x, y in (first, second):
        assert abs(x - 0.47) + 0.025 < 0.09
        assert y == pytest.approx(0.28)


def test_what_lies_in_a_drawer_unnamed_is_kept_clear_of() -> None:
    floor = np.stack(np.meshgrid(np.arange(0.39, 0.55, 0.004), np.arange(0.24, 0.33, 0.004)), -1)
    floor = np.append(floor.reshape(-1, 2), np.full((floor.size // 2, 1), 0.02), axis=1)
    lump = floor[np.abs(floor[:, 0] - 0.51) < 0.025] + (0.0, 0.0, 0.04)
    x, _ = free_inside(OPEN, 0.025, np.concatenate([floor, lump]).astype(np.float32), [])
    assert x < 0.47


def test_what_fills_a_drawer_goes_into_its_middle() -> None:
    assert free_inside(OPEN, 0.06, EMPTY, []) == pytest.approx((0.47, 0.28))


def test_furniture_holds_what_is_between_its_walls_whatever_it_is_taken_for() -> None:
    def furniture(height_m: float) -> SceneObject:
        return SceneObject(
            name="brown fridge", category="fridge", position=(0.47, 0.34, height_m / 2),
            size=(0.20, 0.30, height_m), state="open",
        )  # fmt: skip

    for height_m in (0.11, 0.24):
        assert is_in(thing(0.47, 0.28), furniture(height_m))
        assert not is_in(thing(0.47, 0.10), furniture(height_m))
        on_top = thing(0.47, 0.28).model_copy(update={"position": (0.47, 0.28, height_m + 0.025)})
        assert not is_in(on_top, furniture(height_m))


@pytest.mark.parametrize("side", [-1, 1])
def test_the_inside_behind_an_open_door_is_found(side: int) -> None:
    points, observer = surface("fridge", 1.0, side)
    inside = niche(points)
    assert inside is not None
    assert inside.width_m == pytest.approx(0.20, abs=0.02)
    assert 0.10 < inside.depth_m < 0.19  # Of 17 cm; what is farthest back may be out of view.
    assert inside.inward @ (0.0, side) > 0.99
    # The door is no place to put things: the scene's box is the fridge without it.
    [fridge] = observer.scene.objects.values()
    assert max(fridge.size[:2]) < 0.22
    assert 0.0 < inside.depth_of(fridge.position) < inside.depth_m
    assert abs(inside.inward @ inside.across) < 0.02
    assert niche(surface("fridge", 0.0, side)[0]) is None
    assert niche(surface("drawer", 1.0, side)[0]) is None


def test_of_a_top_that_is_cut_off_the_inside_shows_how_deep_it_is() -> None:
    points, _ = surface("fridge", 1.0, 1)
    whole = niche(points)
    assert whole is not None
    farther = np.array([whole.depth_of(point) > 0.07 for point in points])
    top = points[:, 2] > np.percentile(points[:, 2], 99) - 0.015
    inside = niche(points[~(farther & top)])
    assert inside is not None
    assert 0.10 < inside.depth_m < 0.19


def test_what_is_called_a_box_at_a_drawer_of_its_colour_may_be_its_front() -> None:
    drawer = SceneObject(
        name="black drawer", category="drawer", color="black", state="open",
        position=(0.5, -0.35, 0.055), size=(0.21, 0.28, 0.11),
    )  # fmt: skip
    front = SceneObject(
        name="black box", category="box", color="black",
        position=(0.5, -0.23, 0.05), size=(0.2, 0.03, 0.09),
    )  # fmt: skip
    assert seems_a_part(front, drawer)
    assert not seems_a_part(front.model_copy(update={"color": "red"}), drawer)
    assert not seems_a_part(front.model_copy(update={"category": "ball"}), drawer)
    assert not seems_a_part(front.model_copy(update={"position": (0.5, 0.1, 0.05)}), drawer)
