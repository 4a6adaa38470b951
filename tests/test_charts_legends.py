"""Legends and labels as web charts draw them: rings on strokes, grey swatches, lines to labels."""

from collections.abc import Callable

import numpy as np
import pytest
from drawn_charts import image_of, text
from handeye.perception.charts import read_chart
from handeye.perception.charts.pies import Pie, Sector
from handeye.perception.charts.read_pie import _beside
from handeye.perception.charts.swatches import unseen_names
from handeye.perception.charts.text import _is_ring
from handeye.perception.charts.true_texts import true_texts
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

COLORS = ("#5070dd", "#b6d634", "#505372", "#ff994d", "#0ca8df")
NAMES = ("Oslo", "Rome", "Lima", "Cairo", "Delhi")
SHARES = (32.0, 9.0, 13.0, 29.0, 17.0)


def picture(draw: Callable[[Axes], object]) -> np.ndarray:
    """[420, 640, 3] RGB, drawn in pixels from the upper left."""
    figure = Figure(figsize=(6.4, 4.2), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 640), ylim=(420, 0))
    axes.axis("off")
    draw(axes)
    return image_of(figure)


def test_names_beside_a_column_of_swatches_are_read_though_no_text_was_found() -> None:
    def draw(axes: Axes) -> None:
        for k, (name, color) in enumerate(zip(NAMES, ("C0", "C1", "C2", "C3", "C4"), strict=True)):
            axes.add_patch(Rectangle((500, 100 + 22 * k), 40, 12, color=color, lw=0))
            axes.text(548, 106 + 22 * k, name, va="center", fontsize=9)

    image = picture(draw)
    found = unseen_names(image, [])
    assert [t.text for t in found] == list(NAMES)
    assert unseen_names(image, found) == [], "what has been read is not read again"


def test_entries_in_a_row_are_cut_where_their_rings_are() -> None:
    def draw(axes: Axes) -> None:
        axes.text(20, 50, "Beta", va="center", fontsize=12)
        axes.plot([70, 105], [50, 50], "-", color="#505372", lw=1.5)
        axes.plot([87], [50], "o", color="#505372", markerfacecolor="white", markersize=9)
        axes.text(114, 50, "Gamma", va="center", fontsize=12)

    found = true_texts([text("Beta -O- Gamma", 18, 40, 175, 60)], picture(draw))
    assert [t.text for t in found] == ["Beta", "Gamma"]
    assert found[0].box[2] <= 72
    assert 103 <= found[1].box[0] <= 116


@pytest.mark.parametrize("columns", [1, 5])
def test_a_grey_swatch_among_coloured_ones_is_of_the_legend(columns: int) -> None:
    figure = Figure(figsize=(6.4, 4.2), dpi=100)
    axes = figure.add_axes((0.1, 0.15, 0.5, 0.75))
    wedges, _ = axes.pie(SHARES, colors=COLORS, startangle=90, counterclock=False)
    place = (0.5, 0.0) if columns == 5 else (0.85, 0.3)
    figure.legend(wedges, NAMES, ncols=columns, loc="lower center", bbox_to_anchor=place,
                  frameon=False)  # fmt: skip
    chart = read_chart(image_of(figure))
    assert chart.unread == ()
    assert {row.x: row.y for row in chart.rows} == pytest.approx(
        dict(zip(NAMES, SHARES, strict=True)), abs=0.6
    )


def test_labels_that_were_moved_aside_keep_the_order_of_their_sectors() -> None:
    shares = (0.346, 0.192, 0.039, 0.039, 0.154, 0.23)
    middles = 2 * np.pi * (np.cumsum(shares) - np.array(shares) / 2)
    sectors = tuple(
        Sector(k, share, float(angle))
        for k, (angle, share) in enumerate(zip(middles, shares, strict=True))
    )
    pie = Pie((320.0, 210.0), 126.0, 0.0, sectors)
    said = {"Jan": (480, 138), "Feb": (405, 335), "Mar": (167, 335), "Apr": (138, 319),
            "May": (76, 253), "Jun": (119, 98)}  # fmt: skip
    texts = [text(f"{name}: 9%", x, y, x + 68.0, y + 13.0) for name, (x, y) in said.items()]
    assert [name for name, _ in _beside(pie, texts)] == list(said)


def test_a_donut_is_no_letter() -> None:
    def place(x: float, y: float, side: float) -> np.ndarray:
        return np.array([(x, y), (x + side, y), (x + side, y + side), (x, y + side)], np.float32)

    labels = [place(100 + 60 * k, 120, 20) for k in range(3)]
    assert _is_ring(place(80, 60, 300), labels)
    assert not _is_ring(labels[0], [place(80, 60, 300), *labels])
