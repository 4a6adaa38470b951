"""Charts: from an image of one to the table that it shows."""

from .chart import Chart, ChartRow, ChartSeries
from .images import open_image
from .read import ChartReader, read_chart

__all__ = ["Chart", "ChartReader", "ChartRow", "ChartSeries", "open_image", "read_chart"]
