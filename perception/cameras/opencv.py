"""open_camera: from what a user writes to a Camera, through OpenCV."""

import time
from pathlib import Path

from ..errors import CameraError
from ..frame import Camera, Intrinsics, Transform
from .image_folder import SUFFIXES, ImageFolder
from .live import LiveCamera
from .stream import FrameStream
from .video_file import VideoFile


def open_camera(
    source: int | str | Path,
    name: str | None = None,
    *,
    realtime: bool = True,
    loop: bool = False,
    deadline_s: float = 5.0,
    intrinsics: Intrinsics | None = None,
    T_world_camera: Transform | None = None,
) -> Camera:
    """Make a camera of a webcam's index, a URL, a video file, an image, or a folder of images.

    Webcams and URLs come as a FrameStream, which reads them in its own thread.

    Args:
        source: 0 or "0"; "rtsp://…", "http://…"; a path.
        name: the camera's name; made from the source by default.
        realtime: for a video file, whether to keep to its frame rate.
        loop: for a video file or folder, whether to begin again at the end.
        deadline_s: for a live source, the silence after which it counts as dead.
        intrinsics, T_world_camera: handed on with each frame, where they are known.

    Raises:
        CameraError: the source is none of these. A live source is only opened when it is read.
    """
    text = str(source)
    if isinstance(source, int) or text.isdecimal() or "://" in text:
        device: int | str = text if "://" in text else int(text)
        live = LiveCamera(
            device, name, timeout_s=deadline_s, intrinsics=intrinsics, T_world_camera=T_world_camera
        )
        return FrameStream(live, deadline_s=deadline_s, clock=time.monotonic)
    path = Path(source)
    if path.is_dir() or (path.is_file() and path.suffix.lower() in SUFFIXES):
        return ImageFolder(
            path, name, loop=loop, intrinsics=intrinsics, T_world_camera=T_world_camera
        )
    if path.is_file():
        return VideoFile(
            path, name, realtime=realtime, loop=loop,
            intrinsics=intrinsics, T_world_camera=T_world_camera,
        )  # fmt: skip
    raise CameraError(
        f'there is no camera "{source}"; give a webcam\'s number (0), an address (rtsp://…, '
        "http://…), or the path of a video file, an image, or a folder of images"
    )
