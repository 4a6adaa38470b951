"""Charts with shading: spans of time, bands, areas, pale bars and hatched ones."""

import numpy as np
import pytest
from drawn_charts import plotted, series
from handeye.perception.charts import read_chart
from handeye.perception.charts.hatching import hatchings, unhatched
from matplotlib.axes import Axes

YEARS = np.arange(2000, 2013)
RATES = np.array([4.1, 4.7, 5.8, 6.0, 5.5, 5.1, 4.6, 4.6, 5.8, 9.3, 9.6, 8.9, 8.1])


@pytest.mark.parametrize("color", ["0.85", "#ffe0b2"])
def test_a_line_goes_on_over_spans_that_are_shaded(color: str) -> None:
    def draw(axes: Axes) -> None:
        axes.axvspan(2001.2, 2001.9, color=color)
        axes.axvspan(2007.9, 2009.5, color=color)
        axes.plot(YEARS, RATES, color="navy")
        axes.set_xlim(2000, 2012)
        axes.set_xticks(YEARS[::4])

    chart = read_chart(plotted(draw))
    assert (chart.kind, chart.unread) == ("line", ())
    found = series(chart)
    assert [found[year] for year in YEARS] == pytest.approx(RATES, abs=0.1)


def test_a_band_around_a_line_is_no_data() -> None:
    def draw(axes: Axes) -> None:
        steps = np.arange(0, 110, 10)
        for color, level in (("tab:blue", 20.0), ("tab:orange", 30.0)):
            means = level + 40 * (1 - np.exp(-steps / 30))
            axes.plot(steps, means, color=color, label=color[4:])
            spread = 2 + means / 8
            axes.fill_between(steps, means - spread, means + spread, color=color, alpha=0.2, lw=0)
        axes.legend()

    chart = read_chart(plotted(draw))
    assert (chart.kind, chart.unread) == ("line", ())
    for name, level in (("blue", 20.0), ("orange", 30.0)):
        found = series(chart, name)
        assert found[0.0] == pytest.approx(level, abs=0.8)
        assert found[100.0] == pytest.approx(level + 40 * (1 - np.exp(-100 / 30)), abs=0.8)


def test_the_side_of_an_area_is_not_where_its_line_ends() -> None:
    def draw(axes: Axes) -> None:
        axes.plot(YEARS, RATES, color="#b71c1c", lw=2)
        axes.fill_between(YEARS, RATES, color="#ef9a9a", edgecolor="#b71c1c")
        axes.set_ylim(0)
        axes.set_xticks(YEARS[::4])

    found = series(read_chart(plotted(draw)))
    assert found[2000] == pytest.approx(4.1, abs=0.1)
    assert found[2012] == pytest.approx(8.1, abs=0.1)


@pytest.mark.parametrize("grey", ["#bdbdbd", "#d9d9d9"])
def test_pale_bars_are_no_panel(grey: str) -> None:
    def draw(axes: Axes) -> None:
        at = np.arange(4)
        axes.bar(at - 0.2, [57, 28, 51, 40], 0.38, color=grey, label="Plan")
        axes.bar(at + 0.2, [56, 49, 11, 54], 0.38, color="#1e88e5", label="Actual")
        axes.set_xticks(at, ["Q1", "Q2", "Q3", "Q4"])
        axes.set_ylim(0, 80)
        axes.legend(ncol=2)

    chart = read_chart(plotted(draw))
    assert list(series(chart, "Plan").values()) == pytest.approx([57, 28, 51, 40], abs=0.5)
    assert list(series(chart, "Actual").values()) == pytest.approx([56, 49, 11, 54], abs=0.5)


def test_one_bar_in_a_colour_of_its_own_is_no_second_series() -> None:
    def draw(axes: Axes) -> None:
        colors = ["#9e9e9e"] * 13
        colors[9] = "#d32f2f"
        axes.bar(YEARS, RATES, color=colors)

    chart = read_chart(plotted(draw))
    assert (chart.kind, chart.unread) == ("bar", ())
    assert list(series(chart).values()) == pytest.approx(RATES, abs=0.1)
    assert [row.x for row in chart.rows] == [str(year) for year in YEARS]


def test_an_axis_of_two_powers_of_ten_is_logarithmic() -> None:
    def draw(axes: Axes) -> None:
        axes.semilogy(np.arange(0, 60, 10), [2.1, 0.62, 0.21, 0.083, 0.034, 0.015], "o-")

    chart = read_chart(plotted(draw))
    assert (chart.y_scale, chart.y_unit) == ("log", "")
    assert series(chart)[0.0] == pytest.approx(2.1, rel=0.05)


def test_hatchings_in_black_and_white_tell_series_apart() -> None:
    def draw(axes: Axes) -> None:
        at = np.arange(4)
        for k, (hatch, name) in enumerate((("///", "Std"), ("xxx", "Aug"), ("\\\\\\", "Ours"))):
            values = 40 + 10 * k + 7 * at
            axes.bar(
                at + 0.27 * (k - 1), values, 0.25, color="w", edgecolor="k", hatch=hatch, label=name
            )
        axes.set_xticks(at, ["A", "B", "C", "D"])
        axes.set_ylim(0, 110)
        axes.legend(ncol=3, loc="upper left")

    chart = read_chart(plotted(draw))
    assert (chart.kind, chart.unread) == ("bar_grouped", ())
    for k, name in enumerate(("Std", "Aug", "Ours")):
        found = series(chart, name)
        assert list(found) == ["A", "B", "C", "D"]
        assert list(found.values()) == pytest.approx(40 + 10 * k + 7 * np.arange(4), abs=0.6)
    # Black on white is grey from afar, whatever it was painted in to be read.
    assert all(np.ptp(one.color) < 5 for one in chart.series)


def test_grids_and_plain_pictures_are_left_as_they_are() -> None:
    def draw(axes: Axes) -> None:
        axes.plot(YEARS, RATES)
        axes.minorticks_on()
        axes.grid(visible=True, which="both")

    image = plotted(draw)
    assert unhatched(image, hatchings(image)) is image
    assert hatchings(np.full((60, 80, 3), 200, np.uint8)) == []
