"""Charts as ggplot, seaborn, pandas and plain drawing programs make them."""

from collections.abc import Callable

import numpy as np
import pytest
from drawn_charts import image_of, series
from handeye.perception.charts import read_chart
from handeye.perception.charts.text import Text
from handeye.perception.charts.true_texts import true_texts
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image, ImageDraw, ImageFont

YEARS = list(range(2010, 2020))
HEIGHTS = (7.2, 7.6, 8.0, 6.7, 5.7, 4.9, 5.7, 5.1, 5.3, 3.8)
LOWER = (4.1, 4.6, 5.1, 4.4, 3.9, 2.2, 2.9, 3.3, 3.6, 1.8)


def drawn(draw: Callable[[Axes], object], **settings: object) -> np.ndarray:
    figure = Figure(figsize=(6.4, 4.8), dpi=100)
    axes = figure.add_axes((0.12, 0.16, 0.82, 0.74))
    axes.set(**settings)  # type: ignore[arg-type]
    draw(axes)
    return image_of(figure)


def grey_panel(axes: Axes) -> None:
    """A ggplot: white lines on grey, ticks at halves of the data's steps, grey keys below."""
    axes.set_facecolor("#ebebeb")
    axes.grid(color="white")
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for k, (name, values, color) in enumerate(
        (("Alpha", HEIGHTS, "#f8766d"), ("Beta", LOWER, "#00bfc4"))
    ):
        axes.plot(YEARS, values, color=color, lw=1.2)
        x = 0.3 + 0.25 * k
        fig = axes.figure
        fig.add_artist(Rectangle((x, 0.01), 0.05, 0.065, color="#ebebeb", lw=0))
        fig.add_artist(Rectangle((x, 0.041), 0.05, 0.004, color=color, lw=0))
        fig.text(x + 0.06, 0.043, name, va="center", fontsize=10)


def test_a_panel_is_told_from_the_keys_that_share_its_colour() -> None:
    chart = read_chart(drawn(grey_panel, xticks=[2010, 2012.5, 2015, 2017.5]))
    assert chart.unread == ()
    assert series(chart, "Alpha") == pytest.approx(dict(zip(YEARS, HEIGHTS, strict=True)), abs=0.08)
    assert series(chart, "Beta") == pytest.approx(dict(zip(YEARS, LOWER, strict=True)), abs=0.08)


def test_a_vertical_axis_of_two_labels_is_enough_beside_a_horizontal_one() -> None:
    image = drawn(lambda a: a.plot(YEARS, HEIGHTS, "o-"), yticks=[4, 6], xticks=YEARS[::3])
    assert series(read_chart(image)) == pytest.approx(
        dict(zip(YEARS, HEIGHTS, strict=True)), abs=0.08
    )


@pytest.mark.parametrize("marked", [True, False])
def test_strokes_without_soft_edges_have_no_markers_but_those_drawn(marked: bool) -> None:
    image = Image.new("RGB", (640, 480), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    places = [(98 + 55 * k, 410 - 35 * value) for k, value in enumerate(HEIGHTS)]
    pen.line([(90, 60), (90, 410), (600, 410)], fill="black", width=2)
    for k, year in enumerate(YEARS):
        pen.line([(98 + 55 * k, 410), (98 + 55 * k, 415)], fill="black")
        pen.text((98 + 55 * k, 419), str(year), fill="black", anchor="ma", font=font)
    for value in range(0, 11, 2):
        pen.line([(85, 410 - 35 * value), (90, 410 - 35 * value)], fill="black")
        pen.text((81, 410 - 35 * value), str(value), fill="black", anchor="rm", font=font)
    pen.line(places, fill=(70, 130, 180), width=2)
    for x, y in places if marked else ():
        pen.ellipse([x - 4, y - 4, x + 4, y + 4], fill=(70, 130, 180))
    assert series(read_chart(np.array(image))) == pytest.approx(
        dict(zip(YEARS, HEIGHTS, strict=True)), abs=0.08
    )


def test_keys_between_names_that_were_read_as_one_line_part_them() -> None:
    figure = Figure(figsize=(6.4, 1.0), dpi=100)
    for k, (name, color) in enumerate((("Alpha", "#f8766d"), ("Beta", "#00ba38"))):
        figure.add_artist(Rectangle((0.1 + 0.2 * k, 0.49), 0.05, 0.03, color=color, lw=0))
        figure.text(0.17 + 0.2 * k, 0.5, name, va="center", fontsize=12)
    image = image_of(figure)
    corners = ((62.0, 40.0), (290.0, 40.0), (290.0, 60.0), (62.0, 60.0))
    whole = Text("Alpha  Beta", (62.0, 40.0, 290.0, 60.0), corners, 0.0, 0.99)
    assert [t.text for t in true_texts([whole], image)] == ["Alpha", "Beta"]


def test_labels_that_touch_are_parted_before_their_capitals() -> None:
    names = ("Coal", "Gas", "Wind", "Solar", "Hydro", "Nuclear")

    def draw(axes: Axes) -> None:
        axes.bar(names, (3.0, 5.0, 8.0, 4.0, 6.0, 7.0))
        axes.tick_params(axis="x", labelsize=17)

    assert [row.x for row in read_chart(drawn(draw)).rows] == list(names)


def test_an_axis_name_of_one_letter_is_no_part_of_a_label() -> None:
    names, values = (
        ("Coal", "Gas", "Wind", "Solar", "Hydro"),
        (3368.0, 977.0, 3229.0, 1199.0, 1856.0),
    )

    def draw(axes: Axes) -> None:
        axes.barh(names, values)
        axes.invert_yaxis()
        axes.set_ylabel("x", rotation=0, labelpad=4, fontsize=12)

    chart = read_chart(drawn(draw))
    assert series(chart) == pytest.approx(dict(zip(names, values, strict=True)), rel=0.01)


@pytest.mark.parametrize("shown", [0.8, 1.0])
def test_bars_beneath_a_legend_are_read_to_their_ends_or_told_of(shown: float) -> None:
    names = ("Oslo", "Rome", "Lima", "Cairo")
    men, women = (60.0, 40.0, 55.0, 96.0), (52.0, 20.0, 66.0, 90.0)

    def draw(axes: Axes) -> None:
        at = np.arange(4)
        axes.bar(at - 0.2, men, 0.38, label="Men", color="#a1c9f4")
        axes.bar(at + 0.2, women, 0.38, label="Women", color="#ffb482")
        axes.set_xticks(at, names)
        axes.legend(loc="upper right", framealpha=shown, fontsize=14)

    chart = read_chart(drawn(draw, ylim=(0, 100)))
    if shown < 1:
        assert chart.unread == ()
        assert series(chart, "Men") == pytest.approx(dict(zip(names, men, strict=True)), abs=1)
        assert series(chart, "Women") == pytest.approx(dict(zip(names, women, strict=True)), abs=1)
    else:
        hidden = [
            f"the value of {name} Cairo: the legend lies on its end" for name in ("Men", "Women")
        ]
        assert list(chart.unread) == hidden
        assert "Cairo" not in {row.x for row in chart.rows}


@pytest.mark.parametrize("framed", [True, False])
def test_bars_that_end_just_below_a_legend_are_not_hidden_by_it(framed: bool) -> None:
    values = {"Oslo": 60.0, "Rome": 40.0, "Lima": 70.0, "Cairo": 77.0}

    def draw(axes: Axes) -> None:
        axes.bar(list(values), list(values.values()), label="Visitors")
        axes.plot([0, 3], [200, 200], color="C1", label="Limit")
        axes.legend(loc="upper right", framealpha=1, fontsize=14, frameon=framed)

    chart = read_chart(drawn(draw, ylim=(0, 100)))
    assert {row.x: row.y for row in chart.rows} == pytest.approx(values, abs=1)


def test_a_line_of_which_the_legend_says_nothing_is_told_of() -> None:
    def draw(axes: Axes) -> None:
        (a,) = axes.plot(YEARS, HEIGHTS)
        (b,) = axes.plot(YEARS, LOWER)
        axes.plot(YEARS, np.array(LOWER) - 1, ":")
        axes.legend([a, b], ["Tea", "Coffee"])

    chart = read_chart(drawn(draw))
    assert "the names of 1 of the 3 series" in chart.unread
