"""open_camera: from what a user writes to a Camera, through OpenCV."""

import time
from pathlib import Path

from ..errors import CameraError, UserError
from ..frame import Camera, Intrinsics, Transform
from .image_folder import SUFFIXES, ImageFolder
from .inbox import Inbox
from .live import LiveCamera
from .stream import FrameStream
from .video_file import VideoFile


def open_camera(
    source: int | str | Path,
    name: str | None = None,
    *,
    realtime: bool = True,
    loop: bool | None = None,
    deadline_s: float = 5.0,
    frozen_s: float | None = 10.0,
    intrinsics: Intrinsics | None = None,
    T_world_camera: Transform | None = None,
) -> Camera:
    """Make a camera of a webcam's index, a URL, a video file, an image, or a folder of images.

    Webcams and URLs come as a FrameStream, which reads them in its own thread.

    Args:
        source: 0 or "0"; "rtsp://…", "http://…"; a path.
        name: the camera's name; made from the source by default.
        realtime: for a video file, whether to keep to its frame rate.
        loop: for files, whether to begin again at the end; by default only one image alone is
            repeated.
        deadline_s: for a live source, the silence after which it counts as dead.
        frozen_s: for a live source, how long the very same picture may last before it counts as
            frozen; None for one that may stand still, such as a drawn one.
        intrinsics, T_world_camera: handed on with each frame, where they are known.

    Raises:
        UserError: the source is none of these, or a file of it that cannot be read. A live source
            is only opened when it is read.
    """
    text = str(source)
    if isinstance(source, int) or text.isdecimal() or "://" in text:
        device: int | str = text if "://" in text else int(text)
        return FrameStream(
            lambda: LiveCamera(
                device, name, timeout_s=deadline_s,
                intrinsics=intrinsics, T_world_camera=T_world_camera,
            ),
            deadline_s=deadline_s, frozen_s=frozen_s, clock=time.monotonic,
        )  # fmt: skip
    path = Path(source)
    image = path.is_file() and path.suffix.lower() in SUFFIXES
    try:
        if path.is_dir() or image:
            return ImageFolder(
                path, name, loop=loop, intrinsics=intrinsics, T_world_camera=T_world_camera
            )
        if path.is_file():
            return VideoFile(
                path, name, realtime=realtime, loop=bool(loop),
                intrinsics=intrinsics, T_world_camera=T_world_camera,
            )  # fmt: skip
    except CameraError as error:
        raise UserError(str(error)) from error
    raise UserError(
        f'there is no camera "{source}"; give a webcam\'s number (0), an address (rtsp://…, '
        "http://…), or the path of a video file, an image, or a folder of images"
    )


def as_stream(camera: Camera) -> Inbox:
    """A camera in a thread of its own, unless it is one already.

    Files that are not read in real time give every frame, and wait until it was taken; of
    everything else the newest frame wins.
    """
    if isinstance(camera, Inbox):
        return camera
    if isinstance(camera, LiveCamera) or (isinstance(camera, VideoFile) and camera.realtime):
        return FrameStream(camera, deadline_s=5.0, clock=time.monotonic)
    if isinstance(camera, VideoFile | ImageFolder):
        return FrameStream(camera, deadline_s=60.0, every=True)
    return FrameStream(camera)
