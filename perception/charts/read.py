"""read_chart: whatever the picture is, a drawn chart or a photograph of one."""

import numpy as np

from ..errors import ImageError
from ..frame import Frame, Image
from ..images import must_be_rgb
from .chart import Chart
from .photographed import find_sheets, flatten, rounded
from .reader import read_flat

_MOST_PIXELS = 3_000_000
"""Charts have no finer detail than so many pixels show."""
_UNSURE = 0.5
"""Mean confidence under which what was read is most likely no chart."""


def read_chart(image: Image, *, photographed: bool | None = None) -> Chart:
    """Read a chart: from a picture that it fills, or from one that shows it on a sheet or screen.

    Args:
        image: [H, W, 3] uint8 RGB, at least 48 pixels each way.
        photographed: whether the chart is on something within the picture, which is then looked
            for first; told by the picture's border where it is not said.

    Returns:
        The chart; its `unread` says what could not be told.

    Raises:
        ImageError: the image shows no chart that can be read; says what is missing.
        ModelError: the text reader is not installed.
    """
    must_be_rgb(image, "a chart image")
    image = _fitted(image)
    if not photographed and (photographed is False or _is_drawn(image)):
        try:
            flat = read_flat(image)
        except ImageError:
            chart = _on_a_sheet(image)
            if chart is None:
                raise
            return chart
        if _sureness(flat) > _UNSURE:
            return flat
        # A frame on a plain wall has a plain border, too.
        return max(flat, _on_a_sheet(image) or flat, key=_sureness)
    chart = _on_a_sheet(image)
    return chart if chart is not None else read_flat(image)


class ChartReader:
    """The default reader of charts, behind the verb `read_chart`."""

    def read_chart(self, frame: Frame) -> Chart:
        """Read the chart that a frame shows; see `read_chart`.

        A camera that knows its pose looks at a scene: there the chart is on a sheet or a screen.
        """
        return read_chart(frame.rgb, photographed=frame.T_world_camera is not None or None)


def _sureness(chart: Chart) -> float:
    """Mean confidence of what was read, 0..1."""
    return float(np.mean([row.confidence for row in chart.rows])) if chart.rows else 0.0


def _fitted(image: Image) -> Image:
    """The image, made smaller if it is larger than charts need."""
    if image.shape[0] * image.shape[1] <= _MOST_PIXELS:
        return image
    import cv2

    scale = (_MOST_PIXELS / (image.shape[0] * image.shape[1])) ** 0.5
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _is_drawn(image: Image) -> bool:
    """Whether the picture's border is of one colour: a drawing's is, a photograph's is not."""
    if min(image.shape[:2]) < 8:
        return True
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).astype(np.int64)
    usual = np.median(border, axis=0)
    return bool(np.mean(np.abs(border - usual).max(axis=-1) <= 8) > 0.9)


def _on_a_sheet(image: Image) -> Chart | None:
    """The chart of the largest sheet that has one."""
    for corners in find_sheets(image):
        try:
            return read_flat(rounded(flatten(image, corners)))
        except ImageError:
            continue
    return None
