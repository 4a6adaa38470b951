"""What people do to a matplotlib chart before they show it: hatches, other formats, other sides."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .tables import Table

Dress = Callable[[Any, Table, np.random.Generator], None]
"""Changes axes that a table has been drawn into."""
_BARS = ("bar", "bar_horizontal", "bar_grouped", "bar_stacked")


def _bars(axes: Any) -> list[Any]:
    """Patches of each series, a list for each."""
    return [list(c.patches) for c in axes.containers if hasattr(c, "patches")]


def _hatched(axes: Any, _: Table, __: np.random.Generator) -> None:
    marks = ["//", "\\\\", "xx", "..", "--", "++"]
    for k, patches in enumerate(_bars(axes)):
        for patch in patches:
            patch.set(hatch=marks[k % len(marks)], edgecolor="black", linewidth=1.0)


def _outlined(axes: Any, _: Table, __: np.random.Generator) -> None:
    for patches in _bars(axes):
        for patch in patches:
            color = patch.get_facecolor()
            patch.set(facecolor=(*color[:3], 0.35), edgecolor=color[:3], linewidth=1.8)


def _gradient(axes: Any, _: Table, __: np.random.Generator) -> None:
    """Bars that grow paler towards their feet, as office programs draw them."""
    limits = axes.axis()
    for patches in _bars(axes):
        for patch in patches:
            color = np.array(patch.get_facecolor()[:3])
            x0, x1 = sorted((patch.get_x(), patch.get_x() + patch.get_width()))
            y0, y1 = sorted((patch.get_y(), patch.get_y() + patch.get_height()))
            share = np.linspace(0, 0.45, 64)[:, None, None]
            image = color * (1 - share) + share
            axes.imshow(image, extent=(x0, x1, y0, y1), aspect="auto", zorder=3)
    axes.axis(limits)


def _value_axis(axes: Any, table: Table) -> Any:
    return axes.xaxis if table.kind == "bar_horizontal" else axes.yaxis


def _formatted(form: Callable[[float], str]) -> Dress:
    def dress(axes: Any, table: Table, _: np.random.Generator) -> None:
        if table.kind != "pie" and not table.log:
            _value_axis(axes, table).set_major_formatter(lambda v, _: form(v))

    return dress


def _compact(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _right_axis(axes: Any, table: Table, _: np.random.Generator) -> None:
    if table.kind != "bar_horizontal":
        axes.yaxis.tick_right()
        axes.yaxis.set_label_position("right")


def _top_axis(axes: Any, table: Table, _: np.random.Generator) -> None:
    if table.kind == "bar_horizontal":
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.invert_yaxis()


def _bare(axes: Any, _: Table, __: np.random.Generator) -> None:
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _dashed(axes: Any, _: Table, __: np.random.Generator) -> None:
    for k, line in enumerate(axes.get_lines()):
        line.set_linestyle(["--", "-.", ":", (0, (6, 2))][k % 4])


def _area(axes: Any, table: Table, _: np.random.Generator) -> None:
    if table.kind == "line":
        for line in axes.get_lines():
            x, y = line.get_data()
            low = axes.get_ylim()[0]
            axes.fill_between(x, y, low, color=line.get_color(), alpha=0.2, linewidth=0)
            axes.set_ylim(bottom=low)


def _many_marks(axes: Any, _: Table, __: np.random.Generator) -> None:
    marks = ["o", "s", "^", "D"]
    for k, line in enumerate(axes.get_lines()):
        line.set(marker=marks[k % 4], markersize=7, markerfacecolor="white")
    for cloud in axes.collections:
        cloud.set(alpha=0.6, sizes=[60], edgecolor="white")


def _zero_line(axes: Any, table: Table, _: np.random.Generator) -> None:
    (axes.axvline if table.kind == "bar_horizontal" else axes.axhline)(0, color="black", lw=1.2)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _inside(axes: Any, _: Table, __: np.random.Generator) -> None:
    for container in axes.containers:
        axes.bar_label(container, fmt="%g", label_type="center", color="white", fontsize=8)


def _thin(axes: Any, table: Table, _: np.random.Generator) -> None:
    if table.kind in _BARS and len(table.series) == 1:
        for patches in _bars(axes):
            for patch in patches:
                if table.kind == "bar_horizontal":
                    middle = patch.get_y() + patch.get_height() / 2
                    patch.set(y=middle - 0.09, height=0.18)
                else:
                    middle = patch.get_x() + patch.get_width() / 2
                    patch.set(x=middle - 0.09, width=0.18)


DRESSES: dict[str, tuple[Dress, ...]] = {
    "hatched": (_hatched,),
    "outlined": (_outlined, _formatted(lambda v: f"{v:,.10g}")),
    "gradient": (_gradient,),
    "percent": (_formatted(lambda v: f"{v:g}%"), _bare),
    "dollars": (_formatted(lambda v: f"${v:,.10g}"), _right_axis),
    "compact": (_formatted(_compact), _dashed, _thin),
    "right": (_right_axis, _top_axis, _many_marks),
    "area": (_area, _inside),
    "zero": (_zero_line,),
    "spaced": (_formatted(lambda v: f"{v:,.10g}".replace(",", " ")), _thin, _bare),
}
"""By name of the look, of which `looks.LOOKS` may have rcParams too."""
