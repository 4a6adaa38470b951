"""Random tables to draw: what a chart shows, before any library has drawn it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["bar", "bar_horizontal", "bar_grouped", "bar_stacked", "line", "scatter", "pie"]
KINDS: tuple[Kind, ...] = (
    "bar", "bar_horizontal", "bar_grouped", "bar_stacked", "line", "scatter", "pie",
)  # fmt: skip

_CATEGORIES = (
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    ("Germany", "France", "Spain", "Italy", "Poland", "Norway", "Greece", "Ireland"),
    ("red", "blue", "green", "yellow", "purple", "orange", "pink"),
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ("Apples", "Pears", "Plums", "Cherries", "Bananas", "Grapes", "Melons"),
    ("18-24 years", "25-34 years", "35-44 years", "45-54 years", "55 and older"),
    ("Research and development", "Marketing", "Customer support", "Sales", "Legal"),
    ("Q1 2023", "Q2 2023", "Q3 2023", "Q4 2023", "Q1 2024", "Q2 2024"),
    ("2015", "2016", "2017", "2018", "2019", "2020", "2021", "2022"),
    ("Robot A", "Robot B", "Robot C", "Robot D", "Robot E"),
)
_SERIES = (
    ("North", "South", "East", "West"),
    ("Men", "Women", "Children"),
    ("Actual", "Forecast", "Last year"),
    ("Cash", "Card", "Transfer", "Voucher"),
    ("Model A", "Model B", "Model C"),
    ("Import", "Export"),
)
_TITLES = (
    "Sales by region", "Number of visitors", "Energy use per household", "Average temperature",
    "Share of respondents", "Units produced", "Budget by department", "Success rate of grasps",
    "Rainfall in the valley", "Orders handled each day", "Deliveries", "Monthly revenue",
)  # fmt: skip
_Y_LABELS = (
    "Units sold", "Visitors (thousands)", "Energy (kWh)", "Temperature (°C)", "Share (%)",
    "Count", "Budget (EUR)", "Rate", "Rainfall (mm)", "Orders",
)  # fmt: skip
_X_LABELS = ("Category", "Month", "Group", "Item", "")


@dataclass(frozen=True)
class Table:
    """What a chart shows.

    Attributes:
        kind: of chart.
        title, x_label, y_label: printed; "" for none.
        x: categories, or numbers of a line or scatter's axis.
        series: name -> values, one for each x; one series is named "".
        points: of a scatter, (series, x, y).
        values: whether values are printed.
        log: whether the value axis is logarithmic.
        markers: of lines.
    """

    kind: Kind
    title: str
    x_label: str
    y_label: str
    x: tuple[str | float, ...]
    series: dict[str, tuple[float, ...]]
    points: tuple[tuple[str, float, float], ...] = ()
    values: bool = False
    log: bool = False
    markers: bool = True

    def rows(self) -> list[tuple[str, str | float, float]]:
        """(series, x, y) of everything that is shown."""
        if self.kind == "scatter":
            return list(self.points)
        return [
            (name, x, y)
            for name, ys in self.series.items()
            for x, y in zip(self.x, ys, strict=True)
        ]


def draw_table(rng: np.random.Generator, kind: Kind) -> Table:
    """A random table for a kind of chart."""
    title = str(rng.choice(_TITLES)) if rng.random() < 0.85 else ""
    y_label = str(rng.choice(_Y_LABELS)) if rng.random() < 0.8 else ""
    x_label = str(rng.choice(_X_LABELS))
    if kind == "scatter":
        return _scatter(rng, title, x_label or "Distance", y_label or "Rate")
    names = _categories(rng, kind)
    single = kind in ("bar", "bar_horizontal", "pie") or (kind == "line" and rng.random() < 0.4)
    series = ("",) if single else _series(rng)
    log = kind in ("bar", "line") and rng.random() < 0.12
    negative = kind in ("bar", "bar_horizontal", "bar_grouped", "line") and rng.random() < 0.15
    top = float(rng.choice([1, 10, 40, 100, 100, 500, 3000, 20_000, 1_500_000]))
    ys = {name: _values(rng, len(names), kind, top, log, negative and not log) for name in series}
    x: tuple[str | float, ...] = names
    if kind == "line" and rng.random() < 0.5:
        x = _numbers(rng)
        ys = {name: _values(rng, len(x), kind, top, log, negative and not log) for name in series}
    many = len(x) * len(series)
    printed = rng.random() < (0.35 if many <= 12 else 0.1) and kind != "line"
    return Table(
        kind, title, x_label, y_label, x, ys, values=printed, log=log,
        markers=bool(rng.random() < 0.5),
    )  # fmt: skip


def _categories(rng: np.random.Generator, kind: Kind) -> tuple[str, ...]:
    pool = _CATEGORIES[int(rng.integers(len(_CATEGORIES)))]
    most = min(len(pool), 6 if kind == "pie" else 10)
    count = int(rng.integers(3, most + 1))
    start = int(rng.integers(0, len(pool) - count + 1))
    return pool[start : start + count]


def _series(rng: np.random.Generator) -> tuple[str, ...]:
    pool = _SERIES[int(rng.integers(len(_SERIES)))]
    return pool[: int(rng.integers(2, len(pool) + 1))]


def _numbers(rng: np.random.Generator) -> tuple[float, ...]:
    kind = rng.random()
    count = int(rng.integers(5, 12))
    if kind < 0.5:
        start = int(rng.integers(1980, 2014))
        return tuple(float(start + i) for i in range(count))
    step = float(rng.choice([1, 2, 5, 10, 0.5]))
    return tuple(step * i for i in range(count))


def _values(
    rng: np.random.Generator, count: int, kind: Kind, top: float, log: bool, negative: bool
) -> tuple[float, ...]:
    if log:
        return tuple(float(_rounded(v)) for v in 10 ** rng.uniform(0.3, 4.2, count))
    if kind == "pie":
        shares = rng.uniform(0.4, 2.0, count)
        return tuple(float(v) for v in np.round(100 * shares / shares.sum(), 1))
    if kind == "line":
        steps = rng.normal(0, 0.13, count).cumsum() + rng.uniform(0.3, 0.7)
        values = top * np.clip(steps, 0.03, 1.2)
    else:
        values = top * rng.uniform(0.08, 1.0, count)
    if negative:
        values = values - 0.4 * top
    return tuple(float(_rounded(v)) for v in values)


def _rounded(value: float) -> float:
    if value == 0:
        return 0.0
    digits = 2 - int(np.floor(np.log10(abs(value))))
    return round(value, digits)


def _scatter(rng: np.random.Generator, title: str, x_label: str, y_label: str) -> Table:
    series = _series(rng)[:2] if rng.random() < 0.5 else ("",)
    x_top, y_top = float(rng.choice([10, 100, 500])), float(rng.choice([1, 50, 2000]))
    points = []
    for name in series:
        slope, count = rng.uniform(-0.6, 0.9), int(rng.integers(6, 22))
        for _ in range(count):
            x = rng.uniform(0.03, 1.0)
            y = np.clip(0.45 + slope * (x - 0.5) + rng.normal(0, 0.15), 0.02, 1.1)
            points.append((name, _rounded(x * x_top), _rounded(y * y_top)))
    return Table("scatter", title, x_label, y_label, (), {}, tuple(points))
