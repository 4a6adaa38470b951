"""Charts drawn for a test, as images; and what was read off them."""

from collections.abc import Callable

import numpy as np
from handeye.perception.charts import Chart
from handeye.perception.charts.text import Text
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def image_of(figure: Figure) -> np.ndarray:
    """[H, W, 3] uint8, RGB."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def plotted(draw: Callable[[Axes], object], size: tuple[float, float] = (6.4, 4.8)) -> np.ndarray:
    """What a function draws into axes, on so many inches of 100 dots."""
    figure = Figure(figsize=size, dpi=100)
    draw(figure.add_subplot())
    return image_of(figure)


def series(chart: Chart, name: str = "") -> dict[str | float, float]:
    """The values of one series, by where they are."""
    return {row.x: row.y for row in chart.rows if row.series == name}


def text(said: str, x0: float, y0: float, x1: float, y1: float) -> Text:
    """Level text in a box, as if it had been read."""
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    return Text(said, (x0, y0, x1, y1), corners, 0.0, 0.99)
