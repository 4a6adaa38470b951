"""Chart: the table that was read off a chart image, and what can be asked of it."""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import AmbiguousError, NotFoundError
from .axis import Scale

if TYPE_CHECKING:
    import pandas as pd

ChartKind = Literal[
    "bar", "bar_horizontal", "bar_grouped", "bar_stacked", "line", "scatter", "pie",
    "gauge", "display",
]  # fmt: skip
Color = tuple[int, int, int]


@dataclass(frozen=True)
class ChartRow:
    """One entry of a chart's table.

    Attributes:
        series: name in the legend, "" where the chart has but one.
        x: category, or the independent variable's value, whatever the orientation.
        y: the value; of a stacked segment its own height, of a pie its share in percent.
        confidence: 0..1.
    """

    series: str
    x: str | float
    y: float
    confidence: float


@dataclass(frozen=True)
class ChartSeries:
    """A series: its name in the legend and its colour, RGB 0..255."""

    name: str
    color: Color


@dataclass(frozen=True)
class Chart:
    """The table that was read off a chart image.

    Attributes:
        kind: of chart.
        rows: the entries that could be read.
        title, x_label, y_label: as printed; "" for none. x is the independent variable.
        x_unit, y_unit: such as "%"; "" for none.
        x_scale, y_scale: "linear", "log", "date" or "category".
        series: in the legend's order.
        unread: what could not be read, in words.
    """

    kind: ChartKind
    rows: tuple[ChartRow, ...]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    x_unit: str = ""
    y_unit: str = ""
    x_scale: Scale = "category"
    y_scale: Scale = "linear"
    series: tuple[ChartSeries, ...] = ()
    unread: tuple[str, ...] = ()

    def lookup(self, series: str, x: str | float) -> float:
        """The value of a series at x; "" is the only series.

        Between two points of a line with a numeric axis it is interpolated.

        Raises:
            NotFoundError: there is no such entry; says what there is.
            AmbiguousError: several entries without a series' name are of one x.
        """
        rows = [r for r in self.rows if _same(r.series, series) or (not series and self._single)]
        if not rows:
            raise NotFoundError(series, self.names, where="series")
        found = [row for row in rows if _same(row.x, x)]
        if len({row.y for row in found}) > 1:
            raise AmbiguousError(f"{x}", [f"{row.x} = {row.y:g}" for row in found])
        if found:
            return found[0].y
        if self.kind == "line" and not isinstance(x, str):
            points = sorted((float(r.x), r.y) for r in rows if not isinstance(r.x, str))
            if points and points[0][0] <= x <= points[-1][0]:
                return _between(points, x)
        raise NotFoundError(str(x), [str(row.x) for row in rows], where="categories")

    @property
    def names(self) -> list[str]:
        """The series' names, in order."""
        return list(dict.fromkeys(row.series for row in self.rows))

    @property
    def _single(self) -> bool:
        return len(self.names) == 1

    def ask(self, question: str) -> str:
        """A short answer to a plain question; "" where it is not understood."""
        from .questions import answer

        return answer(self, question)

    def to_pandas(self) -> "pd.DataFrame":
        """A data frame with the columns series, x, y, confidence; needs pandas."""
        import pandas as pd

        columns = ["series", "x", "y", "confidence"]
        return pd.DataFrame(
            [[getattr(row, c) for c in columns] for row in self.rows], None, columns
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {
            "kind": self.kind,
            "title": self.title,
            "x_label": self.x_label,
            "y_label": self.y_label,
            "x_unit": self.x_unit,
            "y_unit": self.y_unit,
            "x_scale": self.x_scale,
            "y_scale": self.y_scale,
            "series": [{"name": s.name, "color": list(s.color)} for s in self.series],
            "rows": [
                {"series": r.series, "x": r.x, "y": r.y, "confidence": round(r.confidence, 3)}
                for r in self.rows
            ],
            "unread": list(self.unread),
        }


def _same(a: str | float, b: str | float) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return _plain(a) == _plain(b)
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1.0)


def _plain(value: str | float) -> str:
    text = value if isinstance(value, str) else f"{value:g}"
    return " ".join(text.lower().split())


def _between(points: list[tuple[float, float]], x: float) -> float:
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 <= x <= x1:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]
