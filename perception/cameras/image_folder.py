"""A folder of images as a camera."""

import time
from pathlib import Path

from ..errors import CameraError, EndOfStreamError
from ..frame import Frame, Intrinsics, Transform
from .pixels import as_rgb

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})
"""Names of image files end in one of these."""


class ImageFolder:
    """Gives the images of a folder, by name, one for each read; or one image for ever.

    Args:
        path: a folder, or one image file, which is then repeated.
        name: the camera's name; the folder's or file's by default.
        loop: whether to begin again at the end.
        intrinsics, T_world_camera: handed on with each frame, where they are known.

    Raises:
        CameraError: there is no such folder or file, or no image in it.
    """

    def __init__(
        self,
        path: str | Path,
        name: str | None = None,
        *,
        loop: bool = False,
        intrinsics: Intrinsics | None = None,
        T_world_camera: Transform | None = None,
    ) -> None:
        path = Path(path)
        self._name = name or path.name
        self._files = _images(path)
        self._loop = loop or path.is_file()
        self._intrinsics, self._T_world_camera = intrinsics, T_world_camera
        self._sequence = 0
        self._closed = False

    @property
    def name(self) -> str:
        """Unique among a robot's cameras."""
        return self._name

    def read(self, max_age_s: float = 1.0) -> Frame:  # noqa: ARG002 - it is read right now
        """The next image, whatever its age as a file.

        Raises:
            CameraError: the file cannot be read as an image; the next read goes on after it.
            EndOfStreamError: every image was given.
        """
        if self._closed:
            raise CameraError(f'camera "{self._name}" is closed')
        if self._sequence >= len(self._files) and not self._loop:
            raise EndOfStreamError(
                f'camera "{self._name}": all {len(self._files)} images were read'
            )
        file = self._files[self._sequence % len(self._files)]
        self._sequence += 1
        import cv2

        bgr = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if bgr is None:
            raise CameraError(f"{file} cannot be read as an image")
        return Frame(
            as_rgb(bgr, self._name),
            self._name,
            self._sequence,
            time.monotonic(),
            intrinsics=self._intrinsics,
            T_world_camera=self._T_world_camera,
        )

    def close(self) -> None:
        """Nothing is held open; reads are refused from now on."""
        self._closed = True


def _images(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise CameraError(f"there is no folder of images {path}")
    files = sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES)
    if not files:
        raise CameraError(f"no images in {path}; accepted are: {', '.join(sorted(SUFFIXES))}")
    return files
