"""quiet: keep the banners of libraries out of the command's output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_banners() -> Iterator[None]:
    """Import the simulator with standard error closed to its C code, which greets on import."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def import_simulator() -> None:
    """Import PyBullet without its greeting; model loading shows no bar of its own either."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with without_banners():
        import pybullet  # noqa: F401


def quiet_libraries() -> None:
    """Keep OpenCV, FFmpeg and model loading off standard error; our own errors say what matters."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
