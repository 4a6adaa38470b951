"""Judging: how many looks at a recording or a camera failed, and when to give up."""

from ..errors import HandeyeError

_PATIENCE = 10
"""So many looks may fail before the first works; then none is thought to."""


class Judging:
    """Counts the frames that could be judged, and those that could not.

    Attributes:
        judged, failed: frames.
    """

    def __init__(self) -> None:
        self.judged = 0
        self.failed = 0
        self._last: HandeyeError | None = None

    def worked(self) -> None:
        """Count a frame that was judged."""
        self.judged += 1

    def failed_with(self, error: HandeyeError) -> None:
        """Count one that was not; raises the error where none was judged in so many."""
        self.failed += 1
        self._last = error
        if not self.judged and self.failed >= _PATIENCE:
            raise error

    def end(self) -> None:
        """Raise the last error where no frame at all was judged."""
        if self._last is not None and not self.judged:
            raise self._last

    @property
    def gaps(self) -> str:
        """How many frames could not be judged, and why the last could not; "" if all could."""
        if not self.failed:
            return ""
        looked_at = self.failed + self.judged
        return f"{self.failed} of {looked_at} frames could not be judged: {self._last}"
