"""A folder of images as a camera."""

from pathlib import Path

from ..errors import CameraError, EndOfStreamError, ImageError
from ..frame import Frame, Intrinsics, Transform
from ..images import open_image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})
"""Names of image files end in one of these."""


class ImageFolder:
    """Gives the images of a folder, by name, one for each read; or one image for ever.

    Args:
        path: a folder, or one image file.
        name: the camera's name; the folder's or file's by default.
        loop: whether to begin again at the end; by default only one image alone is repeated.
        fps: stamps count the images at this rate, from 0, whenever they are read.
        intrinsics, T_world_camera: handed on with each frame, where they are known.

    Attributes:
        files: the images, in their order.

    Raises:
        CameraError: there is no such folder or file, it cannot be read, or no image is in it.
    """

    def __init__(
        self,
        path: str | Path,
        name: str | None = None,
        *,
        loop: bool | None = None,
        fps: float = 1.0,
        intrinsics: Intrinsics | None = None,
        T_world_camera: Transform | None = None,
    ) -> None:
        path = Path(path)
        # "." and ".." are no names; what a link is called is.
        self._name = name or (path if path.name not in ("", "..") else path.resolve()).name
        self.files = _images(path)
        self._loop = path.is_file() if loop is None else loop
        self._fps = fps
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
        if self._sequence >= len(self.files) and not self._loop:
            raise EndOfStreamError(f'camera "{self._name}": all {len(self.files)} images were read')
        file = self.files[self._sequence % len(self.files)]
        self._sequence += 1
        try:
            rgb = open_image(file)
        except ImageError as error:
            raise CameraError(str(error)) from error
        return Frame(
            rgb,
            self._name,
            self._sequence,
            (self._sequence - 1) / self._fps,
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
    try:
        files = sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise CameraError(f"{path} cannot be read: {error.strerror or error}") from error
    if not files:
        raise CameraError(f"no images in {path}; accepted are: {', '.join(sorted(SUFFIXES))}")
    return files
