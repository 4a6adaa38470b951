"""Charts: from an image of one to the table that it shows."""

from .chart import Chart, ChartRow, ChartSeries
from .read import ChartReader, read_chart

__all__ = ["Chart", "ChartReader", "ChartRow", "ChartSeries", "read_chart"]
