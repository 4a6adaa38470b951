"""What cameras read from: files, folders and network streams; honest Frames, or a clear error."""

import contextlib
import errno
import http.server
import io
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from handeye.perception.cameras import (
    ImageFolder,
    LiveCamera,
    PushedCamera,
    VideoFile,
    open_camera,
)
from handeye.perception.cameras.check import check_camera, check_frame
from handeye.perception.cameras.pixels import rgb_of_jpeg
from handeye.perception.cameras.pushed import depth_of
from handeye.perception.cameras.stream import FrameStream
from handeye.perception.errors import CameraError, EndOfStreamError, UserError
from handeye.perception.frame import Frame, Intrinsics
from handeye.perception.images import open_image

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


def film(path: Path, times_ms: Sequence[int]) -> None:
    """Write a video with a frame at each of these times."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for k, time_ms in enumerate(times_ms):
            image = av.VideoFrame.from_ndarray(picture(k))
            image.pts, image.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(image))
        container.mux(stream.encode())


def test_a_videos_stamps_are_its_own_also_where_its_rate_changes(tmp_path: Path) -> None:
    path, times_ms = tmp_path / "uneven.mp4", (0, 100, 150, 1000, 1033, 3000)
    film(path, times_ms)
    camera = VideoFile(path, realtime=False)
    assert [round(1000 * camera.read().stamp_s) for _ in times_ms] == list(times_ms)


def test_a_video_that_breaks_off_says_so_once_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "long.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for index in range(60):
        writer.write(picture(index)[:, :, ::-1])
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    camera, read = VideoFile(path, realtime=False), 0
    with pytest.raises(CameraError, match="breaks off at frame") as told:  # noqa: PT012
        while True:
            camera.read()
            read += 1
    assert not isinstance(told.value, EndOfStreamError)
    assert 10 < read < 50
    with pytest.raises(EndOfStreamError):
        camera.read()


def test_a_video_whose_rate_changes_does_not_break_off(tmp_path: Path) -> None:
    path, times_ms = tmp_path / "uneven.mkv", (0, 10, 500, 510, 520, 3000, 3040, 3080, 9000)
    film(path, times_ms)
    camera = VideoFile(path, realtime=False)
    assert camera.frames > 100  # Matroska has no count: it is estimated from the duration
    assert [round(1000 * camera.read().stamp_s) for _ in times_ms] == list(times_ms)
    with pytest.raises(EndOfStreamError):
        camera.read()


def test_a_video_is_closed_while_another_thread_reads_it(video: Path) -> None:
    for _ in range(20):
        camera, reading = VideoFile(video, realtime=False, loop=True), threading.Event()
        told: list[str] = []

        def read(camera: VideoFile, reading: threading.Event, told: list[str]) -> None:
            try:
                while True:
                    camera.read()
                    reading.set()
            except CameraError as error:
                told.append(str(error))

        reader = threading.Thread(target=read, args=(camera, reading, told))
        reader.start()
        assert reading.wait(20.0)
        camera.close()
        reader.join(timeout=20.0)
        assert told == ['camera "five.avi" is closed']


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


def test_a_folder_is_called_by_its_name_however_it_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "within").mkdir()
    (folder.parent / "latest").symlink_to(folder)
    monkeypatch.chdir(folder)
    for path in (".", "within/..", folder, "../images/"):
        assert ImageFolder(path).name == "images"
    assert ImageFolder("../latest").name == "latest"


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


def test_an_image_whose_exif_is_damaged_is_read_as_it_lies(tmp_path: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker" * 4
    Image.fromarray(picture(0)).save(tmp_path / "0.jpg", exif=exif)
    assert open_image(tmp_path / "0.jpg").shape == (64, 48, 3)
    data = bytearray((tmp_path / "0.jpg").read_bytes())
    header = data.index(b"Exif\0\0") + 6
    data[header : header + 4] = b"\xff\xff\xff\xff"
    assert open_image(bytes(data)).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (np.linspace(0, 1, 64, dtype=np.float32), "TIFF"),
        (np.linspace(0, 255, 64, dtype=np.float32), "TIFF"),
        (np.linspace(0, 4095, 64).astype(np.uint16), "PNG"),
        (np.linspace(0, 65535, 64).astype(np.uint16), "PNG"),
    ],
)
def test_grey_goes_from_black_to_white_in_whatever_unit(values: np.ndarray, form: str) -> None:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.tile(values, (48, 1))).save(file, form)
    rgb = open_image(file.getvalue())
    assert rgb[0, :, 0] == pytest.approx(np.linspace(0, 255, 64), abs=1.0)


def test_an_image_that_cannot_be_read_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(CameraError, match=r"0\.png cannot be read: Input/output error"):
        ImageFolder(folder).read()


def test_a_folder_without_images_says_what_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"accepted are: .*\.png"):
        ImageFolder(tmp_path)


# --- network -------------------------------------------------------------------------------------


class _Mjpeg(http.server.BaseHTTPRequestHandler):
    """Serves pictures as an IP camera does, 25 a second."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for index in range(20 if self.path == "/short" else 2000):
                data = cv2.imencode(".jpg", picture(index)[:, :, ::-1])[1].tobytes()
                if index >= 40 and (self.path == "/cut" or (self.path == "/some" and index % 2)):
                    data = data[: len(data) // 2]
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
                time.sleep(0.04)
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\ngarbage\r\n")
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


def test_a_stream_that_vanishes_is_reported_and_revived(address: str) -> None:
    """The server hangs up after twenty pictures, with garbage at the end."""
    camera = open_camera(f"http://{address}/short", frozen_s=None, deadline_s=60.0)
    assert isinstance(camera, FrameStream)
    with camera:
        seen = set()
        while camera.revived < 1:
            frame = camera.read(max_age_s=30.0)
            check_frame(frame)
            seen.add(frame.sequence)
        after = camera.read(max_age_s=30.0)
    assert after.sequence >= max(seen)
    assert camera.failures >= 1
    assert any("gives no frames" in words for words in camera.troubles)


def test_a_picture_that_breaks_off_is_passed_over(address: str) -> None:
    """FFmpeg would fill up its lower half from the picture before, which looks fresh."""
    camera = LiveCamera(f"http://{address}/some")
    frames = [camera.read()]
    while frames[-1].sequence < 60:
        frames.append(camera.read())
    for frame in frames:
        top, bottom = frame.rgb[:8].mean(axis=(0, 1)), frame.rgb[-8:].mean(axis=(0, 1))
        assert np.abs(top - bottom).max() < 20
    assert camera.dropped >= 9
    camera.close()


def test_a_camera_whose_pictures_all_break_off_is_one_clear_error(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handeye.perception.cameras.live._CUT_OFF_S", 0.2)
    camera = LiveCamera(f"http://{address}/cut")
    with pytest.raises(CameraError, match="sends pictures that break off"):  # noqa: PT012
        while True:
            camera.read()
    camera.close()


def test_a_picture_that_lacks_only_its_end_mark_is_whole() -> None:
    data = jpeg(0)
    whole = rgb_of_jpeg(data)
    assert whole is not None
    assert np.array_equal(rgb_of_jpeg(data[:-2]), whole)
    for garbage in (data[: len(data) // 2], data[:20], b"", b"no picture"):
        assert rgb_of_jpeg(garbage) is None


def test_a_camera_that_hangs_is_closed_without_waiting_for_it() -> None:
    """A server that accepts and never answers; who reads it closes the device in the end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        camera = LiveCamera(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_s=2.0)
        told: list[Exception] = []

        def read() -> None:
            try:
                camera.read()
            except CameraError as error:
                told.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        connection, _ = server.accept()
        camera.close()
        assert reader.is_alive()
        reader.join(timeout=20.0)
        connection.close()
    assert "cannot be opened" in str(told[0])


def test_an_rtsp_stream_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg listens where a camera would be, and real RTSP and RTP are pushed to it."""
    monkeypatch.setenv(
        "OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|rtsp_flags;listen|listen_timeout;20"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"rtsp://127.0.0.1:{probe.getsockname()[1]}/cam"
    over = threading.Event()
    pushing = threading.Thread(target=_push_rtsp, args=(url, over), daemon=True)
    pushing.start()
    camera = LiveCamera(url, "gate", timeout_s=20.0)
    frames = [camera.read() for _ in range(3)]
    over.set()
    for frame in frames:
        check_frame(frame, "gate")
    assert frames[0].sequence < frames[1].sequence < frames[2].sequence
    assert frames[0].sequence == camera.dropped + 1  # what queued while it was opened is counted
    camera.close()
    pushing.join(timeout=10.0)


def _push_rtsp(url: str, over: threading.Event) -> None:
    import av

    for _ in range(200):  # until the other side listens
        with contextlib.suppress(OSError):
            with av.open(url, "w", format="rtsp", options={"rtsp_transport": "tcp"}) as out:
                stream = out.add_stream("libx264", rate=20)
                stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
                stream.options = {"tune": "zerolatency", "g": "5"}
                for index in range(400):
                    out.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index))))
                    if over.wait(0.02):
                        return
            return
        if over.wait(0.05):
            return


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


# --- pushed --------------------------------------------------------------------------------------


def message(data: bytes, form: str = "jpeg", stamp_s: float = 1000.0) -> SimpleNamespace:
    """A sensor_msgs/CompressedImage."""
    stamp = SimpleNamespace(sec=int(stamp_s), nanosec=round(1e9 * (stamp_s % 1)))
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp), format=form, data=data)


def jpeg(index: int) -> bytes:
    return cv2.imencode(".jpg", picture(index)[:, :, ::-1])[1].tobytes()


def test_ros_images_come_as_frames_and_their_age_is_that_of_their_stamp() -> None:
    camera = PushedCamera("wrist", clock=lambda: 1000.5)
    camera.push_ros(message(jpeg(0), "rgb8; jpeg compressed bgr8", 1000.25))
    camera.push_ros(message(jpeg(1), "rgb8; jpeg compressed bgr8", 1000.3))
    taken = camera.take()
    assert taken is not None
    assert shows(taken.frame, 1)
    assert 0.2 <= taken.age_s < 10
    assert (camera.received, camera.taken, camera.dropped) == (2, 1, 1)
    assert camera.read(max_age_s=1.0).stamp_s == pytest.approx(1000.3)
    check_frame(taken.frame, "wrist")


def test_ros_depth_is_metres() -> None:
    camera = PushedCamera("wrist", clock=lambda: 1000.0)
    values = np.zeros((48, 64), np.uint16)
    values[10, 20] = 1500
    png = cv2.imencode(".png", values)[1].tobytes()
    depth = message(struct.pack("<iff", 0, 0, 0) + png, "16UC1; compressedDepth png")
    camera.push_ros(message(jpeg(0)), depth)
    metres = camera.read().depth
    assert metres is not None
    assert (metres[10, 20], metres[0, 0]) == (1.5, 0.0)
    scale, offset = 100.0 * 101, 101.0 - 1  # inverse depth: metres = scale / (value - offset)
    inverse = depth_of(struct.pack("<iff", 0, scale, offset) + png, "32FC1; compressedDepth png")
    assert inverse[10, 20] == pytest.approx(scale / (1500 - offset))
    assert inverse[0, 0] == 0.0


def test_garbage_that_is_pushed_is_counted_and_named() -> None:
    camera = PushedCamera("wrist", deadline_s=0.05, clock=lambda: 1000.0)
    camera.push_ros(message(b"\xff\xd8 no jpeg"))
    camera.push_ros(message(jpeg(0)), message(b"short", "16UC1; compressedDepth"))
    camera.push(Frame(picture(0), "other", 1, 1000.0))
    assert (camera.received, camera.failures) == (0, 3)
    with pytest.raises(CameraError, match=r'has given nothing for .* frame\.camera is "other"'):
        camera.read()
    camera.push_encoded(jpeg(2))
    assert shows(camera.read(), 2)
    assert camera.revived == 1


def test_nothing_that_is_pushed_raises_into_who_pushes_it() -> None:
    camera = PushedCamera("wrist", clock=lambda: 1000.0)
    size = struct.pack(">II", 100_000, 100_000)
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x10\0\0\0\0"
    camera.push_ros(message(jpeg(0)), message(b"\0" * 12 + huge, "16UC1; compressedDepth"))
    camera.push_ros(SimpleNamespace(data=jpeg(0)))
    camera.push_encoded(None)  # type: ignore[arg-type]
    camera.push(Frame(picture(0), "wrist", 1, None))  # type: ignore[arg-type]
    assert (camera.received, camera.failures) == (0, 4)


def test_a_simulator_pushes_from_its_own_thread_and_is_watched_from_another() -> None:
    from handeye.sims.simulation import simulate
    from handeye.sims.tasks import get_task

    with simulate(get_task("grab_red_cup"), 11) as simulation:
        overview = simulation.robot.cameras["overview"]
        camera = PushedCamera("overview", deadline_s=60.0, clock=lambda: simulation.world.time_s)
        simulation.world.on_step.append(lambda _: camera.push(overview.read()))
        seen: list[Frame] = []
        watching = threading.Thread(target=lambda: seen.append(camera.read(max_age_s=60.0)))
        watching.start()
        simulation.world.step(3)
        watching.join(timeout=60.0)
    assert seen[0].depth is not None
    assert camera.received == 3


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
