"""The table: found in the depth, and a word in the log where there is none to be found."""

from dataclasses import replace

import numpy as np
import pytest
from handeye.perception.frame import Frame
from handeye.perception.observer import Observer
from handeye.perception.perception import Perception
from raycast import AWAY, CUP, OVERVIEW, Room, RoomCamera, RoomVlm


class Miscalibrated(RoomCamera):
    """One whose depth or pose is not what it should be."""

    in_mm = False
    higher_m = 0.0

    def read(self, max_age_s: float = 1.0) -> Frame:
        frame = super().read(max_age_s)
        assert frame.depth is not None
        assert frame.T_world_camera is not None
        T = frame.T_world_camera.copy()
        T[2, 3] += self.higher_m
        depth = frame.depth * np.float32(1000 if self.in_mm else 1)
        return replace(frame, depth=depth, T_world_camera=T)


def looked(camera: RoomCamera, room: Room) -> Observer:
    observer = Observer({"overview": camera}, Perception.of(RoomVlm(room)), lambda: AWAY)
    observer.look()
    return observer


def test_a_table_is_known_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(CUP)
    assert looked(RoomCamera(room, "overview", OVERVIEW), room).scene.objects
    assert caplog.text == ""


def test_depth_in_millimetres_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(CUP)
    camera = Miscalibrated(room, "overview", OVERVIEW)
    camera.in_mm = True
    looked(camera, room)
    assert 'camera "overview" shows hardly anything in front of the arm' in caplog.text
    assert "is its depth in metres?" in caplog.text


def test_a_table_far_from_the_height_of_the_base_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room(CUP)
    camera = Miscalibrated(room, "overview", OVERVIEW)
    camera.higher_m = -0.3
    looked(camera, room)
    assert "shows no table within 6 cm of the height of the base" in caplog.text
