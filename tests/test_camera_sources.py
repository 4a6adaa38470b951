"""What cameras read from: files, folders and network streams; honest Frames, or a clear error."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from handeye.perception.cameras import ImageFolder, LiveCamera, VideoFile, open_camera
from handeye.perception.cameras.check import check_camera, check_frame
from handeye.perception.cameras.live import redacted
from handeye.perception.cameras.stream import FrameStream
from handeye.perception.errors import CameraError, EndOfStreamError, UserError
from handeye.perception.frame import Frame, Intrinsics

COLORS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200)]


def picture(index: int) -> np.ndarray:
    return np.full((48, 64, 3), COLORS[index % len(COLORS)], np.uint8)


def shows(frame: Frame, index: int) -> bool:
    return bool(np.abs(frame.rgb.mean(axis=(0, 1)) - COLORS[index % len(COLORS)]).max() < 40)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Five frames, one a tenth of a second."""
    path = tmp_path / "five.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for index in range(5):
        writer.write(picture(index)[:, :, ::-1])
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "images"
    path.mkdir()
    for index in range(3):
        cv2.imwrite(str(path / f"{index}.png"), picture(index)[:, :, ::-1])
    (path / "notes.txt").write_text("not an image")
    return path


# --- video files ---------------------------------------------------------------------------------


def test_a_video_read_as_fast_as_possible_gives_every_frame_once(video: Path) -> None:
    camera = VideoFile(video, realtime=False)
    frames = [camera.read() for _ in range(5)]
    assert all(shows(frame, i) for i, frame in enumerate(frames))
    assert [f.sequence for f in frames] == [1, 2, 3, 4, 5]
    assert [f.stamp_s for f in frames] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    with pytest.raises(EndOfStreamError, match="at its end"):
        camera.read()


def test_a_looped_video_begins_again_and_goes_on_counting(video: Path) -> None:
    camera = VideoFile(video, realtime=False, loop=True)
    frames = [camera.read() for _ in range(12)]
    assert shows(frames[5], 0)
    assert shows(frames[11], 1)
    assert [f.sequence for f in frames] == list(range(1, 13))
    assert np.all(np.diff([f.stamp_s for f in frames]) > 0)


def test_in_real_time_frames_whose_time_has_passed_are_dropped_and_counted(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda s: now.__setitem__(0, now[0] + s))
    camera = VideoFile(video)
    assert shows(camera.read(), 0)
    now[0] += 0.35  # a slow model thinks; frames 1 and 2 pass meanwhile
    frame = camera.read()
    assert shows(frame, 3)
    assert frame.sequence == 4
    assert camera.dropped == 2
    early = now[0]
    assert shows(camera.read(), 4)
    assert now[0] == pytest.approx(early + 0.05)  # it waited until the frame was due


def test_missing_broken_and_truncated_videos_are_one_clear_error(
    video: Path, tmp_path: Path
) -> None:
    with pytest.raises(CameraError, match="no video file"):
        VideoFile(tmp_path / "none.mp4")
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"this is no video" * 100)
    with pytest.raises(CameraError, match="not a video"):
        VideoFile(noise)


# --- folders -------------------------------------------------------------------------------------


def test_a_folder_gives_its_images_by_name(folder: Path) -> None:
    camera = ImageFolder(folder, name="shelf")
    assert [shows(camera.read(), i) for i in range(3)] == [True] * 3
    with pytest.raises(EndOfStreamError, match="all 3 images were read"):
        camera.read()


def test_one_image_is_a_camera_that_never_ends(folder: Path) -> None:
    camera = open_camera(folder / "1.png")
    assert all(shows(camera.read(), 1) for _ in range(4))


def test_grey_sixteen_bit_and_transparent_images_come_as_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 8), 40_000, np.uint16))
    cv2.imwrite(str(tmp_path / "b.png"), np.full((8, 8, 4), 90, np.uint8))
    camera = ImageFolder(tmp_path)
    for _ in range(2):
        check_frame(camera.read())


def test_a_damaged_image_is_named_and_the_next_one_still_comes(folder: Path) -> None:
    (folder / "0.png").write_bytes(b"damaged")
    camera = ImageFolder(folder)
    with pytest.raises(CameraError, match=r"0\.png is no image"):
        camera.read()
    assert shows(camera.read(), 1)


def test_a_folder_without_images_says_what_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"accepted are: .*\.png"):
        ImageFolder(tmp_path)


# --- network -------------------------------------------------------------------------------------


class _Mjpeg(http.server.BaseHTTPRequestHandler):
    """Serves pictures as an IP camera does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for index in range(2000):
                data = cv2.imencode(".jpg", picture(index)[:, :, ::-1])[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
        except OSError:
            pass  # The reader went away.

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Mjpeg) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_an_http_stream_is_read(address: str) -> None:
    last = check_camera(LiveCamera(f"http://user:secret@{address}/live"))
    assert last.rgb.shape == (48, 64, 3)
    assert last.camera == f"http://{address}/live"


def test_a_url_opens_as_a_stream_in_its_own_thread(address: str) -> None:
    camera = open_camera(f"http://{address}/", name="door")
    assert isinstance(camera, FrameStream)
    frame = camera.read(max_age_s=2.0)
    assert frame.camera == "door"
    camera.close()


def test_passwords_stay_out_of_names_and_messages() -> None:
    assert redacted("rtsp://me:secret@cam.local:554/live?token=x") == "rtsp://cam.local:554/live"


def test_a_webcam_that_is_not_there_is_one_clear_error() -> None:
    with pytest.raises(CameraError, match='"webcam_93" cannot be opened'):
        LiveCamera(93).read()


@pytest.mark.parametrize("source", ["nowhere/at/all.mp4", "", "rtsp"])
def test_what_is_no_source_says_what_would_be(source: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give a webcam's number"):
        open_camera(tmp_path / source / "x" if source == "" else source)


def test_a_closed_camera_refuses_to_read(video: Path, folder: Path) -> None:
    for camera in (open_camera(video), open_camera(folder)):
        camera.close()
        camera.close()
        with pytest.raises(CameraError, match="closed"):
            camera.read()


# --- the checker ---------------------------------------------------------------------------------


class Scripted:
    """A camera that gives the frames it is told to."""

    name = "scripted"

    def __init__(self, *frames: Frame) -> None:
        self._frames = list(frames)

    def read(self, max_age_s: float = 1.0) -> Frame:
        if not self._frames:
            raise EndOfStreamError("no more")
        return self._frames.pop(0)

    def close(self) -> None:
        pass


GOOD = Frame(
    picture(0), "scripted", 1, 1.0, np.ones((48, 64), np.float32),
    Intrinsics.from_fov(64, 48, 1.0), np.eye(4),
)  # fmt: skip


def test_the_checker_accepts_files_and_folders(video: Path, folder: Path) -> None:
    assert shows(check_camera(VideoFile(video, realtime=False)), 2)
    assert shows(check_camera(ImageFolder(folder, loop=True), frames=4), 0)


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        (replace(GOOD, sequence=1, stamp_s=2.0), "sequence"),
        (replace(GOOD, sequence=2, stamp_s=0.5), "stamps went back"),
        (replace(GOOD, sequence=2, camera="other"), "other"),
        (replace(GOOD, sequence=2, rgb=np.zeros((48, 64), np.uint8)), "rgb must be"),
        (replace(GOOD, sequence=2, depth=np.ones((48, 64))), "float32"),
        (replace(GOOD, sequence=2, depth=np.ones((24, 32), np.float32)), "like rgb"),
        (replace(GOOD, sequence=2, intrinsics=Intrinsics.from_fov(32, 24, 1.0)), "intrinsics"),
        (replace(GOOD, sequence=2, T_world_camera=2 * np.eye(4)), "rigid"),
        (replace(GOOD, sequence=2, stamp_s=float("nan")), "stamp_s"),
    ],
)
def test_the_checker_names_the_breach(second: Frame, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        check_camera(Scripted(GOOD, second))


def test_the_checker_refuses_what_is_no_camera() -> None:
    with pytest.raises(UserError, match="lacks one of"):
        check_camera(object())  # type: ignore[arg-type]
