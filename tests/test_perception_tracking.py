"""From detections to a scene that doesn't flicker: lifting, ids, memory, the gripper.

The frames are ray-cast (see raycast.py): boxes and balls, seen by a camera in front of the table.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from handeye.perception.arm_view import ArmView
from handeye.perception.errors import CameraError
from handeye.perception.geometry import backproject, main_cluster, points_of, project
from handeye.perception.grip import Grip
from handeye.perception.lifting import lift
from handeye.perception.scene import Scene
from handeye.perception.table import table_height
from handeye.perception.track import Track, place_of
from handeye.perception.tracking import SceneTracker
from handeye.perception.vlm.verbs import Detection
from raycast import ABOVE, AWAY, BALL, BLOCK, CUP, LENS, OVERVIEW, Room, Thing, arm_at, looking_at


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


@pytest.mark.parametrize("sliver_score", [0.5, 0.97])
def test_a_sliver_of_a_thing_is_no_second_thing(sliver_score: float) -> None:
    tracker, room = SceneTracker(), Room(CUP, BLOCK)
    frame, found = room.see()
    [block] = [d for d in found if d.category == "block"]
    rows = np.flatnonzero(block.mask.any(axis=1))
    mask = block.mask.copy()
    mask[rows[0] + 4 :] = False
    x0, y0, x1, _ = block.box
    sliver = replace(block, mask=mask, box=(x0, y0, x1, y0 + 4.0), score=sliver_score)
    scene = tracker.update({"overview": frame}, {"overview": [sliver, *found]})
    assert sorted(o.name for o in scene.objects.values()) == ["green block", "red cup"]
    whole = look(SceneTracker(), room).objects["block_1"]
    assert scene.objects["block_1"].size == pytest.approx(whole.size, abs=0.002)


def test_a_small_block_on_a_like_one_is_a_second_thing() -> None:
    big = Thing("red block", (0.5, 0.0), (0.06, 0.06, 0.06))
    small = Thing("red block", (0.5, 0.0), (0.034, 0.034, 0.034), bottom=0.06)
    scene = look(SceneTracker(), Room(big, small))
    assert [o.name for o in scene.objects.values()] == ["red block", "red block"]


def test_of_what_lies_in_a_bowl_more_is_there_than_its_top() -> None:
    tracker = SceneTracker()
    block = Thing("pink block", (0.4, 0.1), (0.05, 0.05, 0.05))
    walls = [
        Thing("white bowl", (0.55 + dx, dy), (0.012 + abs(dy) * 2, 0.012 + abs(dx) * 2, 0.045))
        for dx, dy in ((-0.05, 0.0), (0.05, 0.0), (0.0, -0.05), (0.0, 0.05))
    ]
    look(tracker, Room(block, *walls))
    inside = Thing("pink block", (0.55, 0.0), (0.05, 0.05, 0.05), bottom=0.01)
    frame, found = Room(inside, *walls).see()
    for _ in range(3):
        scene = tracker.update({"overview": frame}, {"overview": found})
    seen = scene.objects["block_1"]
    assert seen.position[2] - seen.size[2] / 2 < 0.03
    assert seen.position[2] + seen.size[2] / 2 == pytest.approx(0.06, abs=0.006)


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
    assert list(look(tracker, Room(replace(CUP, name="blue cup"))).objects) == ["cup_2"]


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


@pytest.mark.parametrize("looks", [1, 2])
def test_a_held_thing_is_recognised_by_where_it_vanished(looks: int) -> None:
    tracker = SceneTracker()
    for _ in range(looks):
        look(tracker, Room(CUP, BLOCK), AWAY)
    scene = look(tracker, Room(CUP, LIFTED), HOLDS, lost=["green block"])
    assert scene.holding == "block_1"


def test_what_vanished_is_held_though_the_model_calls_it_something_else_now() -> None:
    dish = Thing("blue plate", (0.45, 0.06), (0.16, 0.16, 0.02))
    on_edge = Thing("black bottle", (0.45, 0.06), (0.02, 0.16, 0.16), bottom=0.13)
    tracker = SceneTracker()
    for _ in range(3):
        look(tracker, Room(CUP, dish), AWAY)
    scene = look(tracker, Room(CUP, on_edge), HOLDS)
    assert scene.holding == "plate_1"
    assert {name: o.name for name, o in scene.objects.items()} == {
        "cup_1": "red cup",
        "plate_1": "blue plate",
    }
    assert scene.objects["plate_1"].position == pytest.approx(on_edge.center, abs=0.02)


def test_what_no_model_sees_in_its_place_any_more_is_what_has_its_name_in_the_fingers() -> None:
    # Its place does not look empty: the plate that it lay on is close behind.
    def block(identity: str, at: tuple[float, float, float], stamp_s: float) -> Track:
        middle = np.array(at)
        points = (middle + np.random.default_rng(0).uniform(-0.02, 0.02, (40, 3))).astype("f4")
        track = Track(identity, middle - 0.02, middle + 0.02, sightings=1)
        track.seen["overview"] = stamp_s, points
        track.vote(("orange", "block"), 0.9)
        return track

    placed, lifted = (
        block("block_1", (0.45, 0.0, 0.03), 1.0),
        block("block_2", (0.45, 0, 0.275), 2.0),
    )
    placed.sightings = 3
    tracks = {track.id: track for track in (placed, lifted)}
    grip = Grip(tracks)
    grip.settle(HOLDS, 0.0, np.zeros((0, 3), np.float32))
    assert grip.holding == "block_1"
    assert set(tracks) == {"block_1"}
    assert placed.center == pytest.approx([0.45, 0.0, 0.275], abs=0.001)


def test_a_stranger_in_the_fingers_stays_one_while_all_that_is_known_is_in_its_place() -> None:
    tracker = SceneTracker()
    for _ in range(3):
        look(tracker, Room(CUP, BLOCK), AWAY)
    bottle = Thing("green bottle", LIFTED.at, LIFTED.size, LIFTED.bottom)
    scene = look(tracker, Room(CUP, BLOCK, bottle), HOLDS)
    assert scene.holding == "bottle_1"
    assert set(scene.objects) == {"cup_1", "block_1", "bottle_1"}


def test_a_flat_thing_that_was_taken_is_gone_though_the_table_is_close_behind_it() -> None:
    dish = Thing("blue plate", (0.55, -0.15), (0.16, 0.16, 0.008))
    tracker = SceneTracker()
    look(tracker, Room(CUP, dish), AWAY)
    [track] = [track for track in tracker.tracks.values() if track.name[1] == "plate"]
    there, empty = (place_of(track.points, room.see()[0], AWAY)
                    for room in (Room(CUP, dish), Room(CUP)))  # fmt: skip
    assert (there.verdict, empty.verdict) == ("there", "empty")


def test_what_was_lifted_off_a_plate_is_gone_though_some_plate_was_taken_for_it() -> None:
    plate = Thing("blue plate", (0.55, -0.15), (0.16, 0.16, 0.012))
    block = Thing("red block", plate.at, (0.04, 0.04, 0.04), plate.size[2])
    tracker = SceneTracker()
    look(tracker, Room(plate, block), AWAY)
    dish, thing = (tracker.tracks[i].points for i in ("plate_1", "block_1"))
    assert len(dish) > len(thing)
    there, empty = (place_of(np.concatenate([dish, thing]), room.see()[0], AWAY)
                    for room in (Room(plate, block), Room(plate)))  # fmt: skip
    assert (there.verdict, empty.verdict) == ("there", "empty")


@pytest.mark.parametrize(("said", "held"), [(None, "ball_2"), ("block_1", "block_1")])
def test_what_the_fingers_closed_on_is_held_whatever_a_model_takes_it_for(
    said: str | None, held: str
) -> None:
    tracker = SceneTracker()
    block, ball = Thing("black block", (0.55, 0.0)), Thing("red ball", (0.42, 0.2))
    for _ in range(2):
        look(tracker, Room(block, ball, CUP), AWAY)
    if said is not None:
        tracker.grasped(said)
    frame, found = Room(replace(block, at=(0.5, 0.0), bottom=0.15), CUP).see()
    seen = [replace(d, label="black ball", category="ball") for d in found if d.color == "black"]
    rest = [d for d in found if d.color != "black"]
    arm = arm_at(0.5, 0.0, 0.175, width_m=0.05)
    for _ in range(2):
        scene = tracker.update({"overview": frame}, {"overview": seen + rest}, arm)
        assert scene.holding == held


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


# --- what comes back -----------------------------------------------------------------------------


def test_what_left_the_scene_comes_back_under_its_old_id() -> None:
    tracker = SceneTracker()
    for room in (Room(CUP, BLOCK), Room(CUP, BLOCK), Room(BLOCK), Room(BLOCK)):
        scene = look(tracker, room)
    assert "cup_1" not in scene.objects
    elsewhere = replace(CUP, at=(0.60, 0.05))
    assert look(tracker, Room(elsewhere, BLOCK)).objects["cup_1"].position[0] > 0.55


def test_what_moved_and_is_misnamed_at_once_is_still_the_same_thing() -> None:
    tracker = SceneTracker()
    look(tracker, Room(BLOCK, BALL))
    look(tracker, Room(BLOCK, BALL))
    frame, found = Room(replace(BLOCK, at=(0.40, 0.20)), BALL).see()
    wrong = [replace(d, color="yellow") if d.category == "block" else d for d in found]
    scene = tracker.update({"overview": frame}, {"overview": wrong})
    assert scene.objects["block_1"].position[1] == pytest.approx(0.20, abs=0.01)
    assert scene.objects["block_1"].color == "green"


def test_a_thing_put_where_another_was_is_not_taken_for_it() -> None:
    tracker = SceneTracker()
    bowl = Thing("white bowl", (0.5, 0.1), (0.15, 0.15, 0.06))
    look(tracker, Room(bowl, BALL))
    look(tracker, Room(bowl, BALL))
    on_top = replace(BALL, at=(0.5, 0.1), bottom=0.06)
    scene = look(tracker, Room(bowl, on_top), lost=["white bowl"])
    assert scene.objects["bowl_1"].name == "white bowl"
    assert scene.objects["ball_1"].position == pytest.approx(on_top.center, abs=0.01)


def test_of_two_stacked_blocks_neither_becomes_the_other() -> None:
    tracker = SceneTracker()
    low, high = Thing("purple block", (0.5, 0.1)), Thing("pink block", (0.4, -0.1))
    look(tracker, Room(low, high))
    before = look(tracker, Room(low, high))
    stacked = replace(high, at=(0.5, 0.1), bottom=0.05)
    for lost in (["purple block"], [], ["pink block"]):
        after = look(tracker, Room(low, stacked), lost=lost)
        assert {i: o.name for i, o in after.objects.items()} == {
            i: o.name for i, o in before.objects.items()
        }


def test_what_stands_on_a_thing_may_hide_it_in_part_without_moving_it() -> None:
    tracker = SceneTracker()
    low, high = Thing("green block", (0.5, 0.0)), Thing("orange block", (0.4, -0.2))
    before = look(tracker, Room(low, high))
    frame, found = Room(low, replace(high, at=(0.48, 0.0), bottom=0.05)).see()
    green, orange = (next(d for d in found if d.color == c) for c in ("green", "orange"))
    assert green.mask is not None
    assert orange.mask is not None
    # The lowest rows of the upper block are taken for the lower one's.
    edge = orange.mask & np.roll(green.mask, -2, axis=0)
    found = [replace(green, mask=green.mask | edge), replace(orange, mask=orange.mask & ~edge)]
    for _ in range(2):
        scene = tracker.update({"overview": frame}, {"overview": found})
    place = scene.objects["block_1"].position
    assert place == pytest.approx(before.objects["block_1"].position, abs=0.005)
    assert scene.objects["block_2"].on == "block_1"


def test_what_was_carried_out_of_the_picture_and_put_down_is_the_same_thing() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, BLOCK), AWAY)
    look(tracker, Room(CUP, LIFTED), HOLDS)
    high = arm_at(0.45, 0.0, 1.2, width_m=0.05)
    assert look(tracker, Room(CUP), high).holding == "block_1"
    scene = look(tracker, Room(CUP, replace(BLOCK, at=(0.60, 0.20))), AWAY)
    assert scene.holding is None
    assert sorted(scene.objects) == ["block_1", "cup_1"]
    assert scene.objects["block_1"].position[:2] == pytest.approx((0.60, 0.20), abs=0.01)


def test_what_was_let_go_out_of_the_picture_cannot_be_told() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, BLOCK), AWAY)
    look(tracker, Room(CUP, LIFTED), HOLDS)
    look(tracker, Room(CUP), arm_at(0.45, 0.0, 1.2, width_m=0.05))
    scene = look(tracker, Room(CUP), AWAY)
    assert scene.holding is None
    assert not scene.objects["block_1"].visible


def test_a_newcomer_of_another_shape_is_not_what_is_missing() -> None:
    tracker = SceneTracker()
    look(tracker, Room(BLOCK, BALL))
    look(tracker, Room(BLOCK, BALL))
    bottle = Thing("green bottle", (0.40, 0.20), (0.06, 0.06, 0.18))
    scene = look(tracker, Room(bottle, BALL))
    assert scene.objects["bottle_1"].name == "green bottle"
    assert not scene.objects["block_1"].visible


# --- letting go ----------------------------------------------------------------------------------

STAND = Thing("blue plate", (0.60, 0.15), (0.16, 0.16, 0.02))
PLACED = replace(BLOCK, at=(0.60, 0.15), bottom=0.02)


def test_what_was_let_go_is_found_by_depth_where_the_model_does_not_see_it() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, STAND, BLOCK), AWAY)
    look(tracker, Room(CUP, STAND, LIFTED), HOLDS)
    for _ in range(2):
        scene = look(tracker, Room(CUP, STAND, PLACED), AWAY, lost=["green block"])
        assert scene.holding is None
        assert scene.objects["block_1"].visible
        assert scene.objects["block_1"].on == "plate_1"


def test_what_the_hand_had_hidden_above_is_not_what_was_let_go() -> None:
    tracker = SceneTracker()
    low = replace(BLOCK, at=(0.60, 0.15), bottom=0.03)
    look(tracker, Room(CUP, BLOCK), AWAY)
    look(tracker, Room(CUP, low), arm_at(0.60, 0.15, 0.06, width_m=0.05))
    shelf = Thing("blue plate", (0.45, 0.2), (0.05, 0.05, 0.05), bottom=0.15)
    scene = look(tracker, Room(CUP, shelf), AWAY, lost=["green block", "blue plate"])
    assert scene.holding is None
    block = scene.objects["block_1"]
    assert not block.visible or block.position[2] < 0.1


def test_what_was_let_go_keeps_its_id_though_the_model_calls_it_something_else() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, STAND, BLOCK), AWAY)
    look(tracker, Room(CUP, STAND, LIFTED), HOLDS)
    frame, found = Room(CUP, STAND, PLACED).see()
    wrong = [
        replace(d, color="red", category="lego") if d.category == "block" else d for d in found
    ]
    scene = tracker.update({"overview": frame}, {"overview": wrong}, AWAY)
    assert sorted(scene.objects) == ["block_1", "cup_1", "plate_1"]
    assert scene.objects["block_1"].name == "green block"
    assert scene.objects["block_1"].on == "plate_1"


def test_a_detection_that_takes_in_what_stands_on_a_thing_does_not_make_it_grow() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, STAND), AWAY)
    frame, found = Room(CUP, STAND, PLACED).see()
    plate, block = (next(d for d in found if d.category == c) for c in ("plate", "block"))
    assert plate.mask is not None
    assert block.mask is not None
    both = replace(plate, category="duck", mask=plate.mask | block.mask)
    cup = next(d for d in found if d.category == "cup")
    scene = tracker.update({"overview": frame}, {"overview": [cup, both]}, AWAY)
    assert scene.objects["plate_1"].name == "blue plate"
    assert scene.objects["plate_1"].size == pytest.approx(STAND.size, abs=0.015)


def test_fingers_that_opened_a_little_have_let_go() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, STAND, BLOCK), AWAY)
    look(tracker, Room(CUP, STAND, LIFTED), HOLDS)
    opened = arm_at(0.30, 0.0, 0.5, width_m=0.072)
    scene = look(tracker, Room(CUP, STAND, PLACED), opened)
    assert scene.holding is None
    assert scene.objects["block_1"].on == "plate_1"


def test_a_still_thing_of_which_parts_are_detected_neither_shrinks_nor_splits() -> None:
    tracker = SceneTracker()
    look(tracker, Room(CUP, STAND), AWAY)
    frame, found = Room(CUP, STAND).see()
    cup, plate = (next(d for d in found if d.category == c) for c in ("cup", "plate"))
    assert plate.mask is not None
    left, right = plate.mask.copy(), plate.mask.copy()
    middle = int(plate.box[0] + plate.box[2]) // 2
    left[:, middle:], right[:, : middle + 2] = False, False
    parts = [replace(plate, mask=left), replace(plate, mask=right, score=0.6)]
    scene = tracker.update({"overview": frame}, {"overview": [cup, *parts]}, AWAY)
    assert sorted(scene.objects) == ["cup_1", "plate_1"]
    assert scene.objects["plate_1"].size == pytest.approx(STAND.size, abs=0.015)


def test_what_is_lifted_from_its_place_is_seen_lifted() -> None:
    tracker = SceneTracker()
    for _ in range(4):
        look(tracker, Room(CUP, BLOCK), AWAY)
    up = replace(BLOCK, bottom=0.15)
    scene = look(tracker, Room(CUP, up), arm_at(*BLOCK.at, 0.175, width_m=0.05))
    assert scene.holding == "block_1"
    assert scene.objects["block_1"].position == pytest.approx(up.center, abs=0.02)


# --- furniture -----------------------------------------------------------------------------------

DRAWER = Thing("green drawer", (0.50, 0.10), (0.20, 0.24, 0.11))


def named(found: Sequence[Detection], label: str, state: str | None = None) -> list[Detection]:
    """The detections, the drawer among them called something else."""
    color, category = label.split()
    return [
        replace(d, label=label, color=color, category=category, state=state)
        if d.category == "drawer"
        else d
        for d in found
    ]


def test_furniture_that_is_taken_for_a_box_stays_what_it_is() -> None:
    room, tracker = Room(DRAWER), SceneTracker()
    for label, state in [("green drawer", "open")] * 4 + [("green box", None)] * 6:
        frame, found = room.see()
        scene = tracker.update({"overview": frame}, {"overview": named(found, label, state)})
        [drawer] = scene.objects.values()
        assert (drawer.category, drawer.state) == ("drawer", "open")


def test_a_front_of_furniture_that_is_taken_for_a_thing_is_no_new_thing() -> None:
    # The model sees the body of a drawer, and a teddy in its front.
    room, tracker = Room(DRAWER), SceneTracker()
    frame, found = room.see()
    [whole] = named(found, "green drawer", "open")
    tracker.update({"overview": frame}, {"overview": [whole]})
    for _ in range(3):
        frame, _ = room.see()
        assert whole.mask is not None
        columns = np.flatnonzero(whole.mask.any(axis=0))
        left = np.zeros_like(whole.mask)
        left[:, : int(columns.mean())] = True
        body = replace(whole, mask=whole.mask & left)
        teddy = replace(
            whole, mask=whole.mask & ~left, label="green teddy", category="teddy", state=None
        )
        scene = tracker.update({"overview": frame}, {"overview": [body, teddy]})
        assert [thing.category for thing in scene.objects.values()] == ["drawer"]


def test_a_small_thing_in_the_middle_of_furniture_is_not_the_furniture() -> None:
    room, tracker = Room(DRAWER), SceneTracker()
    frame, found = room.see()
    tracker.update({"overview": frame}, {"overview": named(found, "green drawer", "open")})
    room.things.append(Thing("green lego", (0.50, 0.10), (0.05, 0.05, 0.05), bottom=0.11))
    frame, found = room.see()
    small = [d for d in found if d.category == "lego"]
    scene = tracker.update({"overview": frame}, {"overview": small})
    assert scene.objects["drawer_1"].size[1] > 0.2
    assert scene.objects["lego_1"].size[1] < 0.06
