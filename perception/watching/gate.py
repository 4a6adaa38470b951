"""ChangeGate: skips frames in which nothing moved."""

import numpy as np
import numpy.typing as npt

from ..frame import Frame

_STILL = 1.2
"""Mean change of grey level, 0..255, below which nothing has moved between two frames."""


class ChangeGate:
    """Lets a frame pass if something in it moved since the last one of its camera that passed.

    Args:
        still: mean change of grey level, 0..255, of a 48th of the picture that is no movement.

    Attributes:
        skipped: frames that did not pass.
    """

    def __init__(self, still: float = _STILL) -> None:
        self._still = still
        self._kept: dict[str, npt.NDArray[np.float32]] = {}
        self.skipped = 0

    def passes(self, frame: Frame) -> bool:
        """Whether to look at a frame; the first of a camera always passes."""
        import cv2

        grey = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (64, 48), interpolation=cv2.INTER_AREA).astype(np.float32)
        before = self._kept.get(frame.camera)
        # Blocks, not single pixels: a small thing that moves changes little of a whole frame.
        if before is not None:
            blocks = np.abs(np.asarray(small) - before).reshape(6, 8, 8, 8).mean(axis=(1, 3))
            if float(blocks.max()) < self._still:
                self.skipped += 1
                return False
        self._kept[frame.camera] = np.asarray(small, np.float32)
        return True

    def forget(self, camera: str) -> None:
        """Let the next frame of a camera pass: the last one that did was not seen after all."""
        self._kept.pop(camera, None)
