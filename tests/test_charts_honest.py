"""Charts that do not show all of their data, or more than one table: nothing is made up."""

from typing import Any

import numpy as np
import pytest
from drawn_charts import plotted, series
from handeye.perception.charts import read_chart
from handeye.perception.errors import ImageError
from matplotlib.axes import Axes

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun"]
VALUES = [12, 34, 26, 41, 9, 17]


def test_data_far_beyond_the_last_label_are_measured_to_their_end() -> None:
    def draw(axes: Axes) -> None:
        axes.bar(MONTHS, VALUES)
        axes.set_yticks([0, 10, 20])

    found = series(read_chart(plotted(draw)))
    assert found == pytest.approx(dict(zip(MONTHS, VALUES, strict=True)), abs=0.3)


def test_bars_that_the_plot_cuts_off_have_no_value() -> None:
    def draw(axes: Axes) -> None:
        axes.bar(MONTHS, VALUES)
        axes.set_ylim(0, 32)

    chart = read_chart(plotted(draw))
    assert sorted(series(chart)) == ["Jan", "Jun", "Mar", "May"]
    assert "the value of Feb: it goes on beyond the plot" in chart.unread


def test_bars_that_stop_at_a_tick_on_the_frame_are_doubted() -> None:
    def draw(axes: Axes) -> None:
        axes.bar(MONTHS, VALUES)
        axes.set_ylim(0, 30)

    chart = read_chart(plotted(draw))
    sure = {row.x: row.confidence for row in chart.rows}
    assert sure["Feb"] < 0.7 * sure["Mar"]
    assert any("Feb goes on beyond the plot" in said for said in chart.unread)


def test_a_gap_in_a_line_is_no_value() -> None:
    def draw(axes: Axes) -> None:
        axes.plot(range(8), [3, 4, 5, np.nan, np.nan, 2, 1, 2], marker="o")

    chart = read_chart(plotted(draw))
    assert sorted(series(chart)) == [0, 1, 2, 5, 6, 7]
    assert "the value at 3: the line has a gap there" in chart.unread


def test_points_between_the_labels_are_told_of() -> None:
    def draw(axes: Axes) -> None:
        axes.plot(range(7), [1, 4, 2, 5, 3, 6, 2], marker="o")
        axes.set_xticks([0, 2, 4, 6], ["Mon", "Wed", "Fri", "Sun"])

    chart = read_chart(plotted(draw))
    assert series(chart) == pytest.approx({"Mon": 1, "Wed": 2, "Fri": 3, "Sun": 2}, abs=0.1)
    assert "3 points between the labels" in chart.unread


def test_a_second_axis_is_refused() -> None:
    def draw(axes: Axes) -> None:
        axes.plot(range(6), VALUES)
        axes.twinx().plot(range(6), [100, 300, 500, 200, 400, 600], "r")

    with pytest.raises(ImageError, match="two axes of numbers"):
        read_chart(plotted(draw))


def test_a_series_that_is_no_bar_is_told_of() -> None:
    def draw(axes: Axes) -> None:
        axes.bar(MONTHS, VALUES)
        axes.plot(MONTHS, [30, 20, 35, 25, 38, 30], "r", linewidth=2)

    chart = read_chart(plotted(draw))
    assert "the series drawn in #ff0000" in chart.unread


def test_the_bars_of_a_histogram_touch_and_are_named_by_the_axis() -> None:
    counts, edges = [7, 29, 87, 112, 62, 21], np.arange(20.0, 81.0, 10.0)

    def draw(axes: Axes) -> None:
        axes.hist(edges[:-1], bins=edges, weights=counts)

    chart = read_chart(plotted(draw))
    assert chart.kind == "bar"
    assert [row.y for row in chart.rows] == pytest.approx(counts, abs=1.0)
    assert [float(row.x) for row in chart.rows] == pytest.approx(edges[:-1] + 5, abs=0.3)


def test_bars_a_year_are_named_where_every_fifth_has_a_label() -> None:
    years = list(range(1990, 2011))
    values = [50 + 30 * np.sin(k / 3) for k in range(21)]
    chart = read_chart(plotted(lambda axes: axes.bar(years, values)))
    assert [row.x for row in chart.rows] == [str(year) for year in years]
    assert [row.y for row in chart.rows] == pytest.approx(values, abs=0.6)


def test_one_tall_bar_does_not_lift_the_feet_of_the_others() -> None:
    values = [1, 2, 3, 4, 5, 200]
    found = series(read_chart(plotted(lambda axes: axes.bar(MONTHS, values))))
    assert list(found.values()) == pytest.approx(values, abs=0.6)


def test_bars_drawn_over_each_other_are_two_series() -> None:
    other = [6, 40, 12, 20, 14, 8]

    def draw(axes: Axes) -> None:
        axes.bar(MONTHS, VALUES, alpha=0.5, label="A")
        axes.bar(MONTHS, other, alpha=0.5, label="B")
        axes.legend()

    chart = read_chart(plotted(draw))
    for name, values in (("A", VALUES), ("B", other)):
        read = [row.y for row in chart.rows if row.series == name]
        assert read == pytest.approx(values, abs=0.3)


def test_filled_shapes_are_no_lines() -> None:
    def draw(axes: Axes) -> None:
        axes.violinplot([np.random.default_rng(0).normal(5, 2, 200) for _ in range(3)])

    with pytest.raises(ImageError, match="neither bars nor lines nor points"):
        read_chart(plotted(draw))


@pytest.mark.parametrize(
    "image",
    [np.zeros((100, 100), np.uint8), np.zeros((0, 0, 3), np.uint8), np.ones((99, 99, 3)), None],
)
def test_what_is_no_image_is_named(image: Any) -> None:
    with pytest.raises(ImageError, match=r"a chart image must be \[H, W, 3\] uint8, RGB; this one"):
        read_chart(image)
