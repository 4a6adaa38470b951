"""Cameras that give Frames: devices, network streams, files, what is pushed; FrameStream.

Names are imported when they are first used, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check import check_camera
    from .image_folder import ImageFolder
    from .live import LiveCamera
    from .opencv import open_camera
    from .pushed import PushedCamera
    from .stream import FrameStream
    from .video_file import VideoFile

_HOMES = {
    "FrameStream": "stream",
    "ImageFolder": "image_folder",
    "LiveCamera": "live",
    "PushedCamera": "pushed",
    "VideoFile": "video_file",
    "check_camera": "check",
    "open_camera": "opencv",
}

__all__ = [
    "FrameStream",
    "ImageFolder",
    "LiveCamera",
    "PushedCamera",
    "VideoFile",
    "check_camera",
    "open_camera",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: {__all__}")
