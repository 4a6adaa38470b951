"""Cameras and streams, on real files written here and on a camera that fails on purpose."""

from pathlib import Path

import numpy as np
import pytest
from handeye.perception.cameras.check import check_camera
from handeye.perception.cameras.opencv import open_camera
from handeye.perception.cameras.stream import FrameStream
from handeye.perception.errors import CameraError, UserError
from handeye.perception.frame import Frame
from handeye.sims.simulation import Simulation


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Eight frames at 20 fps, each a little brighter than the one before."""
    import av

    path = tmp_path / "brighter.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(8):
            image = np.full((48, 64, 3), 20 + 25 * k, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_video_file_gives_its_frames_in_order(video: Path) -> None:
    camera = open_camera(video, realtime=False)
    levels = [camera.read().rgb.mean() for _ in range(8)]
    assert levels == sorted(levels)
    with pytest.raises(CameraError, match="at its end"):
        camera.read()
    camera.close()


def test_a_real_time_video_keeps_its_own_pace(video: Path) -> None:
    camera = open_camera(video)
    first, second = camera.read(), camera.read()
    assert second.stamp_s - first.stamp_s > 0.01
    camera.close()


def test_a_folder_of_images_is_a_camera(tmp_path: Path) -> None:
    from PIL import Image

    for k, color in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
        Image.new("RGB", (32, 24), color).save(tmp_path / f"{k}.png")
    camera = open_camera(tmp_path, name="shelf")
    assert camera.read().rgb[0, 0].tolist() == [255, 0, 0]
    check_camera(camera, frames=2)
    with pytest.raises(CameraError, match="all 3 images were read"):
        camera.read()


def test_what_cannot_be_opened_says_what_can(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give a webcam's number"):
        open_camera(tmp_path / "nothing.mp4")
    with pytest.raises(UserError, match="no images"):
        open_camera(tmp_path)


def test_the_simulated_cameras_keep_the_contract(grab: Simulation) -> None:
    for camera in grab.robot.cameras.values():
        check_camera(camera)


def test_the_checker_names_what_is_wrong() -> None:
    class Gray:
        name = "gray"

        def read(self, max_age_s: float = 1.0) -> Frame:
            return Frame(np.zeros((4, 4), np.uint8), "gray", 0, 0.0)

        def close(self) -> None:
            pass

    with pytest.raises(UserError, match=r"rgb must be \[H, W, 3\] uint8, it is \(4, 4\) uint8"):
        check_camera(Gray())


class Counting:
    """A camera that counts, and dies after some frames."""

    name = "counting"

    def __init__(self, lives: int = 1_000_000) -> None:
        self.lives, self.count = lives, 0

    def read(self, max_age_s: float = 1.0) -> Frame:
        if self.count >= self.lives:
            raise CameraError("unplugged")
        self.count += 1
        return Frame(np.zeros((4, 4, 3), np.uint8), "counting", self.count, float(self.count))

    def close(self) -> None:
        pass


def test_the_newest_frame_wins_and_drops_are_counted() -> None:
    with FrameStream(Counting) as stream:
        first = stream.read()
        while stream.received < first.sequence + 50:
            pass
        second = stream.read()
        assert second.sequence >= first.sequence + 50
        assert stream.dropped > 0


def test_a_dead_camera_is_reported_within_its_deadline() -> None:
    opened = iter([Counting(lives=1)])

    def once() -> Counting:
        try:
            return next(opened)
        except StopIteration:
            raise CameraError("still unplugged") from None

    with FrameStream(once, deadline_s=0.3) as stream:
        stream.read()
        with pytest.raises(CameraError, match='camera "counting" has given nothing for'):
            stream.read(max_age_s=0.0)


def test_a_dead_camera_is_revived() -> None:
    with FrameStream(lambda: Counting(lives=3), deadline_s=5.0) as stream:
        while stream.revived < 2:
            stream.read(max_age_s=10.0)
        assert stream.read(max_age_s=10.0).rgb.shape == (4, 4, 3)
