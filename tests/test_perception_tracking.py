"""From detections to a scene that doesn't flicker: lifting, ids, memory, the gripper.

The frames are ray-cast here: boxes and spheres on a table, seen by a camera in front of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from handeye.perception.arm_view import ArmView
from handeye.perception.errors import CameraError
from handeye.perception.frame import Frame, Intrinsics
from handeye.perception.geometry import backproject, main_cluster, points_of, project, table_height
from handeye.perception.lifting import lift
from handeye.perception.scene import Scene
from handeye.perception.tracking import SceneTracker
from handeye.perception.vlm.verbs import Detection

LENS = Intrinsics.from_fov(160, 120, 0.8)


@dataclass(frozen=True)
class Thing:
    """A box, or a ball, that stands somewhere; "color category" is its name."""

    name: str
    at: tuple[float, float]
    size: tuple[float, float, float] = (0.05, 0.05, 0.05)
    bottom: float = 0.0

    @property
    def center(self) -> np.ndarray:
        return np.array([*self.at, self.bottom + self.size[2] / 2])


def looking_at(eye: Sequence[float], target: Sequence[float]) -> np.ndarray:
    z = np.subtract(target, eye)
    z = z / np.linalg.norm(z)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x = x / np.linalg.norm(x)
    T = np.eye(4)
    T[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    T[:3, 3] = eye
    return T


OVERVIEW = looking_at((1.3, 0.0, 0.7), (0.48, 0.0, 0.0))
ABOVE = looking_at((0.45, 0.01, 0.8), (0.5, 0.0, 0.0))


class Room:
    """Renders depth and perfect detections of things on a table."""

    def __init__(self, *things: Thing, table_m: float = 0.0) -> None:
        self.things = list(things)
        self.table_m = table_m
        self.sequence = 0

    def see(
        self, T: np.ndarray = OVERVIEW, camera: str = "overview"
    ) -> tuple[Frame, list[Detection]]:
        rows, columns = np.mgrid[: LENS.height, : LENS.width]
        rays = np.stack(
            [(columns - LENS.cx) / LENS.fx, (rows - LENS.cy) / LENS.fy, np.ones_like(rows)], -1
        ) @ T[:3, :3].T  # fmt: skip
        eye = T[:3, 3]
        depth = (self.table_m - eye[2]) / rays[..., 2]
        depth[(depth < 0) | (depth > 3)] = 0.0
        owner = np.full(depth.shape, -1)
        for index, thing in enumerate(self.things):
            hit = _ball(thing, eye, rays) if "ball" in thing.name else _box(thing, eye, rays)
            nearer = (hit > 0) & ((hit < depth) | (depth == 0))
            depth[nearer], owner[nearer] = hit[nearer], index
        self.sequence += 1
        frame = Frame(
            np.zeros((LENS.height, LENS.width, 3), np.uint8), camera, self.sequence,
            0.1 * self.sequence, depth.astype(np.float32), LENS, T,
        )  # fmt: skip
        return frame, [self._detection(i, owner == i) for i in np.unique(owner[owner >= 0])]

    def _detection(self, index: int, mask: np.ndarray) -> Detection:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        color, category = self.things[index].name.split()
        name = self.things[index].name
        return Detection(name, tuple(map(float, box)), 0.9, category, color, mask)  # type: ignore[arg-type]


def _ball(thing: Thing, eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    to = eye - thing.center
    a, b = (rays**2).sum(-1), 2 * rays @ to
    inside = b * b - 4 * a * (to @ to - (thing.size[0] / 2) ** 2)
    return np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / (2 * a), 0.0)


def _box(thing: Thing, eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    half = np.array(thing.size) / 2
    with np.errstate(divide="ignore"):
        one, two = (thing.center - half - eye) / rays, (thing.center + half - eye) / rays
    near, far = np.minimum(one, two).max(-1), np.maximum(one, two).min(-1)
    return np.where((near < far) & (near > 0), near, 0.0)


def arm_at(x: float, y: float, z: float, width_m: float = 0.08) -> ArmView:
    """A hand that points down, fingers opening along y."""
    T = np.diag([1.0, -1.0, -1.0, 1.0])
    T[:3, 3] = x, y, z
    return ArmView(T, width_m, 0.08, 0.0)


AWAY = arm_at(0.0, 0.5, 0.9)
CUP = Thing("red cup", (0.45, 0.10), (0.07, 0.07, 0.09))
BLOCK = Thing("green block", (0.55, -0.15))
BALL = Thing("blue ball", (0.40, -0.05), (0.06, 0.06, 0.06))


def look(
    tracker: SceneTracker, room: Room, arm: ArmView | None = None, lost: Sequence[str] = ()
) -> Scene:
    """One look from the front; the model overlooks what is `lost`."""
    frame, found = room.see()
    return tracker.update(
        {"overview": frame}, {"overview": [d for d in found if d.label not in lost]}, arm
    )


# --- geometry ------------------------------------------------------------------------------------


def test_backprojected_points_project_to_the_pixels_they_came_from() -> None:
    frame, _ = Room(CUP, BALL).see()
    assert frame.depth is not None
    points = backproject(frame.depth, LENS, OVERVIEW)
    rows, columns = np.nonzero(frame.depth > 0)
    pixels, distance = project(points, frame)
    assert np.array_equal(pixels, np.stack([columns, rows], axis=1))
    assert distance == pytest.approx(frame.depth[rows, columns], abs=1e-5)


def test_holes_in_the_depth_are_no_points() -> None:
    frame, _ = Room(CUP).see()
    assert frame.depth is not None
    holed = frame.depth.copy()
    holed[:60], holed[60:, :80] = 0.0, np.nan
    assert len(points_of(replace(frame, depth=holed))) == 60 * 80


@pytest.mark.parametrize("height", [-0.02, 0.0, 0.017])
def test_the_height_of_the_table_is_found_under_the_things(height: float) -> None:
    things = [replace(thing, bottom=height) for thing in (CUP, BLOCK, BALL)]
    frame, _ = Room(*things, table_m=height).see()
    assert table_height(points_of(frame)) == pytest.approx(height, abs=0.001)


def test_stray_points_are_not_of_the_main_cluster() -> None:
    rng = np.random.default_rng(0)
    body = rng.normal(0, 0.01, (300, 3)).astype(np.float32)
    stray = (rng.normal(0, 0.01, (20, 3)) + 0.3).astype(np.float32)
    assert len(main_cluster(np.concatenate([stray, body]))) == pytest.approx(300, abs=15)


def test_a_camera_without_depth_or_pose_says_what_it_lacks() -> None:
    frame, _ = Room(CUP).see()
    with pytest.raises(CameraError, match='"overview" gives no depth and no T_world_camera'):
        points_of(replace(frame, depth=None, T_world_camera=None))


# --- lifting -------------------------------------------------------------------------------------


def test_things_are_lifted_to_where_they_are() -> None:
    tracker = SceneTracker()
    scene = look(tracker, Room(CUP, BLOCK, BALL))
    for thing in (CUP, BLOCK, BALL):
        seen = next(o for o in scene.objects.values() if o.name == thing.name)
        assert seen.position == pytest.approx(thing.center, abs=0.008)
        assert seen.size == pytest.approx(thing.size, abs=0.015)
    assert sorted(scene.objects) == ["ball_1", "block_1", "cup_1"]


def test_a_box_without_a_mask_is_lifted_as_well() -> None:
    frame, found = Room(CUP, BLOCK, BALL).see()
    for detection in found:
        (item,) = lift([replace(detection, mask=None)], frame, 0.0, None)
        (exact,) = lift([detection], frame, 0.0, None)
        assert item.center == pytest.approx(exact.center, abs=0.01)


def test_names_are_read_off_the_label_where_a_model_says_no_more() -> None:
    frame, found = Room(CUP).see()
    (item,) = lift([replace(found[0], category=None, color=None)], frame, 0.0, None)
    assert item.name == ("red", "cup")
    (item,) = lift([replace(found[0], label="teapot", category=None)], frame, 0.0, None)
    assert item.name == ("red", "teapot")


def test_boxes_off_the_image_or_without_depth_are_left_out() -> None:
    frame, _ = Room(CUP).see()
    off = Detection("red cup", (-50.0, -50.0, -10.0, -10.0), 0.9)
    table = Detection("red cup", (0.0, 100.0, 10.0, 110.0), 0.9)
    assert lift([off, table], frame, 0.0, None) == []


# --- ids that stay -------------------------------------------------------------------------------


def test_ids_stay_over_many_looks() -> None:
    tracker, room = SceneTracker(), Room(CUP, BLOCK, BALL)
    first = look(tracker, room)
    for _ in range(5):
        assert look(tracker, room).objects.keys() == first.objects.keys()


def test_a_look_in_which_the_model_overlooks_something_changes_nothing() -> None:
    tracker, room = SceneTracker(), Room(CUP, BLOCK)
    look(tracker, room)
    look(tracker, room)
    scene = look(tracker, room, lost=["red cup"])
    assert scene.objects["cup_1"].visible
    assert scene.objects["cup_1"].position == pytest.approx(CUP.center, abs=0.008)


def test_one_wrong_label_changes_neither_id_nor_name() -> None:
    tracker, room = SceneTracker(), Room(CUP, BLOCK)
    look(tracker, room)
    look(tracker, room)
    frame, found = room.see()
    wrong = [replace(d, label="pink can", color="pink", category="can") for d in found]
    scene = tracker.update({"overview": frame}, {"overview": wrong})
    assert {i: o.name for i, o in scene.objects.items()} == {
        "cup_1": "red cup",
        "block_1": "green block",
    }


def test_a_name_that_was_wrong_at_first_is_put_right() -> None:
    tracker, room = SceneTracker(), Room(CUP)
    frame, found = room.see()
    wrong = [replace(found[0], color="pink", score=0.6)]
    assert tracker.update({"overview": frame}, {"overview": wrong}).objects["cup_1"].color == "pink"
    assert look(tracker, room).objects["cup_1"].color == "red"


def test_two_readings_of_one_thing_are_one_thing() -> None:
    tracker, room = SceneTracker(), Room(CUP, BLOCK)
    frame, found = room.see()
    again = [replace(d, label="pink can", color="pink", category="can", score=0.5) for d in found]
    scene = tracker.update({"overview": frame}, {"overview": [*again, *found]})
    assert sorted(o.name for o in scene.objects.values()) == ["green block", "red cup"]


def test_a_doubtful_newcomer_is_not_believed_at_once() -> None:
    tracker, room = SceneTracker(), Room(CUP, BLOCK)
    look(tracker, room, lost=["green block"])
    frame, found = room.see()
    doubtful = [replace(d, score=0.4) if d.category == "block" else d for d in found]
    assert "block_1" not in tracker.update({"overview": frame}, {"overview": doubtful}).objects
    assert "block_1" in look(tracker, room).objects


def test_a_thing_that_was_pushed_keeps_its_id_though_another_looks_like_it() -> None:
    tracker = SceneTracker()
    near, far = Thing("red block", (0.40, 0.15)), Thing("red block", (0.55, -0.15))
    scene = look(tracker, Room(near, far))
    (pushed,) = (i for i, o in scene.objects.items() if o.position[1] > 0)
    scene = look(tracker, Room(replace(near, at=(0.55, 0.15)), far))
    assert scene.objects[pushed].position[:2] == pytest.approx((0.55, 0.15), abs=0.01)
    assert len(scene.objects) == 2


def test_neighbours_are_not_confused() -> None:
    tracker = SceneTracker()
    red, blue = Thing("red block", (0.45, 0.04)), Thing("blue block", (0.45, -0.04))
    before = look(tracker, Room(red, blue))
    after = look(tracker, Room(red, blue), lost=["red block"])
    assert {i: o.name for i, o in before.objects.items()} == {
        i: o.name for i, o in after.objects.items()
    }


def test_several_cameras_see_one_thing() -> None:
    tracker, room = SceneTracker(), Room(CUP, BLOCK, BALL)
    front, top = room.see(), room.see(ABOVE, "wrist")
    scene = tracker.update(
        {"overview": front[0], "wrist": top[0]}, {"overview": front[1], "wrist": top[1]}
    )
    assert len(scene.objects) == 3
    assert scene.views == {"overview": 1, "wrist": 2}
    alone = SceneTracker()
    alone.update({"overview": front[0]}, {"overview": front[1]})
    assert len(tracker.points("cup_1")) > len(alone.points("cup_1"))


def test_a_camera_that_looks_elsewhere_says_nothing_about_a_thing() -> None:
    tracker, room = SceneTracker(), Room(CUP, BLOCK)
    look(tracker, room)
    aside = looking_at((0.6, -0.15, 0.3), (0.55, -0.15, 0.0))
    frame, found = room.see(aside, "wrist")
    assert [d.category for d in found] == ["block"]
    scene = tracker.update({"wrist": frame}, {"wrist": found})
    assert scene.objects["cup_1"].visible


# --- memory --------------------------------------------------------------------------------------


def test_what_something_stands_in_front_of_is_remembered() -> None:
    tracker = SceneTracker()
    look(tracker, Room(BALL, BLOCK))
    wall = Thing("white box", (0.60, -0.05), (0.04, 0.20, 0.25))
    for _ in range(4):
        scene = look(tracker, Room(BALL, BLOCK, wall))
    assert not scene.objects["ball_1"].visible
    assert scene.objects["ball_1"].position == pytest.approx(BALL.center, abs=0.008)
    assert look(tracker, Room(BALL, BLOCK)).objects["ball_1"].visible


def test_what_is_partly_hidden_keeps_its_size() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP))
    post = Thing("white box", (0.62, 0.12), (0.02, 0.05, 0.12))
    scene = look(tracker, Room(CUP, post))
    assert scene.objects["cup_1"].size == pytest.approx(CUP.size, abs=0.015)
    assert scene.objects["cup_1"].position == pytest.approx(CUP.center, abs=0.01)


def test_what_is_gone_is_forgotten_after_a_second_look() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, BLOCK))
    look(tracker, Room(CUP, BLOCK))
    assert not look(tracker, Room(BLOCK)).objects["cup_1"].visible
    assert "cup_1" not in look(tracker, Room(BLOCK)).objects


def test_a_number_is_never_given_twice() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP))
    look(tracker, Room())
    look(tracker, Room())
    assert list(look(tracker, Room(CUP)).objects) == ["cup_2"]


# --- the gripper ---------------------------------------------------------------------------------

LIFTED = replace(BLOCK, at=(0.45, 0.0), bottom=0.25)
HOLDS = arm_at(0.45, 0.0, 0.275, width_m=0.05)


def test_what_is_between_the_fingers_is_held() -> None:
    tracker = SceneTracker()
    assert look(tracker, Room(CUP, BLOCK), AWAY).holding is None
    scene = look(tracker, Room(CUP, LIFTED), HOLDS)
    assert scene.holding == "block_1"
    assert scene.objects["block_1"].on is None


def test_a_held_thing_that_the_model_overlooks_is_still_held_and_moves_with_the_hand() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, BLOCK), AWAY)
    look(tracker, Room(CUP, LIFTED), HOLDS)
    there = replace(LIFTED, at=(0.45, 0.2))
    moved = arm_at(0.45, 0.2, 0.275, width_m=0.05)
    for _ in range(3):
        scene = look(tracker, Room(CUP, there), moved, lost=["green block"])
        assert scene.holding == "block_1"
    assert scene.objects["block_1"].position == pytest.approx(there.center, abs=0.02)


def test_a_held_thing_is_recognised_by_where_it_vanished() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, BLOCK), AWAY)
    look(tracker, Room(CUP, BLOCK), AWAY)
    scene = look(tracker, Room(CUP, LIFTED), HOLDS, lost=["green block"])
    assert scene.holding == "block_1"


def test_it_is_not_held_if_it_is_seen_elsewhere() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, BLOCK), AWAY)
    look(tracker, Room(CUP, LIFTED), HOLDS)
    scene = look(tracker, Room(CUP, BLOCK), HOLDS)  # it slipped; the fingers still look apart
    assert scene.holding is None
    assert scene.objects["block_1"].position == pytest.approx(BLOCK.center, abs=0.01)


@pytest.mark.parametrize("width", [0.0, 0.08])
def test_shut_and_wide_open_fingers_hold_nothing(width: float) -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, BLOCK), AWAY)
    scene = look(tracker, Room(CUP, LIFTED), arm_at(0.45, 0.0, 0.275, width_m=width))
    assert scene.holding is None


def test_without_an_arm_nothing_is_known_to_be_held() -> None:
    tracker = SceneTracker()
    assert look(tracker, Room(CUP, LIFTED)).holding is None


# --- points --------------------------------------------------------------------------------------


def test_the_cloud_leaves_out_the_arm_and_what_is_excluded() -> None:
    tracker = SceneTracker()
    finger = Thing("white box", (0.45, 0.025 + 0.012), (0.02, 0.02, 0.06), bottom=0.26)
    frame, found = Room(CUP, BLOCK, finger).see()
    seen = [d for d in found if d.category != "box"]
    tracker.update({"overview": frame}, {"overview": seen}, HOLDS)
    cloud = tracker.cloud()
    assert cloud[:, 2].max() < CUP.size[2] + 0.01
    without = tracker.cloud(exclude=["cup_1"])
    assert 0 < len(without) < len(cloud)
    assert without[:, 2].max() < BLOCK.size[2] + 0.01


def test_unknown_ids_have_no_points() -> None:
    assert SceneTracker().points("cup_9").shape == (0, 3)
    assert SceneTracker().cloud().shape == (0, 3)
