"""Charts as the drawing libraries of the web make them: frameless, rounded, named in colour."""

import numpy as np
import pytest
from drawn_charts import image_of, series
from handeye.perception.charts import Chart, read_chart
from handeye.perception.charts.bars import find_bars
from handeye.perception.charts.ink import take_apart
from handeye.perception.charts.label_ticks import without_label_ticks
from handeye.perception.charts.layout import lay_out, zero_told
from handeye.perception.charts.missing_labels import even_places, missed_along, missed_around
from handeye.perception.charts.pies import find_pie
from handeye.perception.charts.text import Text
from handeye.perception.charts.true_texts import rings_among_labels, true_texts
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont
from scipy.interpolate import PchipInterpolator

YEARS = (2018, 2019, 2020, 2021, 2022)
VALUES = (95.0, 16.0, 20.0, 43.0, 34.0)


def frameless() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.2), dpi=100)
    axes = figure.add_axes((0.12, 0.12, 0.72, 0.82))
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.margins(0.1, 0.02)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure, axes


def read(figure: Figure) -> Chart:
    return read_chart(image_of(figure))


@pytest.mark.parametrize("names", [("Sales", "Costs"), ("2021", "2022")])
def test_names_in_colour_at_the_ends_of_lines_are_no_legend(names: tuple[str, str]) -> None:
    figure, axes = frameless()
    cities = ("Oslo", "Rome", "Lima", "Cairo", "Delhi")
    table = dict(
        zip(names, ((930.0, 110, 980, 920, 870), (190.0, 810, 480, 470, 590)), strict=True)
    )
    for (name, values), color in zip(table.items(), ("#4269d0", "#efb118"), strict=True):
        axes.plot(cities, values, color=color, lw=1.5)
        axes.annotate(
            name, (4, values[-1]), (7, 0), textcoords="offset points", color=color, va="center"
        )
    chart = read(figure)
    assert chart.unread == ()
    for name, values in table.items():
        assert series(chart, name) == pytest.approx(dict(zip(cities, values, strict=True)), abs=12)


def test_ticks_below_a_plot_are_no_part_of_a_black_line() -> None:
    figure, axes = frameless()
    fruits, values = ("Apples", "Pears", "Plums", "Grapes", "Figs"), (0.4, 0.9, 0.2, 0.4, 0.8)
    axes.plot(fruits, values, color="black", lw=1.5)
    assert series(read(figure)) == pytest.approx(dict(zip(fruits, values, strict=True)), abs=0.015)


def test_a_rounded_line_is_read_at_the_labels_and_what_it_does_between_is_told() -> None:
    figure, axes = frameless()
    fine = np.linspace(2018, 2022, 200)
    axes.plot(fine, PchipInterpolator(YEARS, VALUES)(fine), color="#8884d8", lw=1.2)
    axes.set_xticks(YEARS)
    axes.set_ylim(0, 100)
    chart = read(figure)
    assert series(chart) == pytest.approx(dict(zip(YEARS, VALUES, strict=True)), abs=1.0)
    assert chart.unread == ("how the line runs between the labels",)


def test_a_name_above_a_pie_is_no_title_where_a_sector_has_no_other() -> None:
    figure = Figure(figsize=(6.4, 4.2), dpi=100)
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    names, shares = ("North", "South", "East", "West"), (6.5, 37.0, 19.5, 37.0)
    colors = ("#8884d8", "#82ca9d", "#ffc658", "#ff8042")
    wedges, texts = axes.pie(shares, labels=names, colors=colors, startangle=0)[:2]
    for wedge, text in zip(wedges, texts, strict=True):
        text.set_color(wedge.get_facecolor())
        text.set_horizontalalignment("center")
    chart = read(figure)
    assert chart.title == ""
    assert series(chart) == pytest.approx(dict(zip(names, shares, strict=True)), abs=0.6)


def test_a_tick_right_above_a_digit_is_no_part_of_it() -> None:
    image = Image.new("RGB", (60, 60), "white")
    pen = ImageDraw.Draw(image)
    pen.line([(30, 14), (30, 19)], fill="black")
    pen.text((30, 33), "7", fill="black", anchor="mb", font=ImageFont.load_default(12))
    box = (24.0, 12.0, 37.0, 35.0)
    corners = ((24.0, 35.0), (24.0, 12.0), (37.0, 12.0), (37.0, 35.0))
    (label,) = without_label_ticks([Text("17", box, corners, 90.0, 0.8)], np.array(image))
    assert (label.text, label.is_level) == ("7", True)
    assert label.box[1] > 19


def test_labels_of_which_none_was_found_are_read_in_a_strip_of_their_own() -> None:
    image = Image.new("RGB", (300, 200), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    for k in range(4):
        pen.text((74, 30 + 45 * k), f"Q{k + 1}", fill="#666666", anchor="rm", font=font)
        pen.rectangle([80, 20 + 45 * k, 250 - 40 * k, 40 + 45 * k], fill="#8884d8")
    found = missed_along(np.array(image), 80.0, (20.0, 175.0), upright=False)
    places = {t.text: t.center[1] for t in found}
    assert places == pytest.approx({f"Q{k + 1}": 30 + 45 * k for k in range(4)}, abs=4)


def test_sectors_of_like_colours_are_told_apart_by_the_legend() -> None:
    figure = Figure(figsize=(6.4, 4.2), dpi=100)
    axes = figure.add_axes((0.3, 0.05, 0.65, 0.9))
    names, shares = ("Mon", "Tue", "Wed", "Thu", "Fri"), (14.0, 19.5, 22.0, 25.5, 19.0)
    colors = ("#f87973", "#7785cc", "#4bb3ab", "#ffd252", "#ff8a64")
    wedges = axes.pie(shares, colors=colors, startangle=90, counterclock=False)[0]
    axes.legend(wedges, names, loc="center left", bbox_to_anchor=(-0.45, 0.8), frameon=False)
    assert series(read(figure)) == pytest.approx(dict(zip(names, shares, strict=True)), abs=0.6)


def test_a_quarter_is_no_mark_among_quarters() -> None:
    image = Image.new("RGB", (300, 60), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    texts = []
    for k, name in enumerate(("Q1", "Q2", "Q3")):
        pen.text((20 + 90 * k, 20), name, fill="#82ca9d", font=font)
        x0, y0, x1, y1 = 18.0 + 90 * k, 20.0, 44.0 + 90 * k, 38.0
        corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        texts.append(Text(name, (x0, y0, x1, y1), corners, 0.0, 0.99))
    found = [t.text for t in true_texts(texts, np.array(image))]
    assert found == ["Q1", "Q2", "Q3"]
    assert true_texts(texts[1:2], np.array(image)) == []


def test_an_o_at_the_zero_of_an_axis_is_a_zero() -> None:
    def label(said: str, y: float) -> Text:
        corners = ((50.0, y - 7), (60.0, y - 7), (60.0, y + 7), (50.0, y + 7))
        return Text(said, (50.0, y - 7, 60.0, y + 7), corners, 0.0, 0.99)

    texts = [label(str(9 - 3 * k), 100.0 + 60 * k) for k in range(3)]
    for y, said in ((280.0, "0"), (310.0, "O")):
        read_as = [*texts, label("O", y)]
        assert zero_told(read_as, lay_out(read_as))[-1].text == said


def test_a_thin_line_has_its_own_colour_though_most_of_it_is_pale() -> None:
    image = np.full((120, 300, 3), 255, np.uint8)
    for x in range(20, 280):
        y = 60 + round(30 * np.sin(x / 20))
        image[[y - 1, y + 1], x] = 255, 244, 223
    for x in range(20, 280):
        image[60 + round(30 * np.sin(x / 20)), x] = 255, 198, 88
    (ink,) = take_apart(image, []).inks
    assert ink.color.tolist() == [255, 198, 88]


def test_stacks_stand_on_their_feet_though_many_have_a_seam_at_one_height() -> None:
    image = np.full((400, 600, 3), 255, np.uint8)
    for k, (seam, top) in enumerate(((326, 236), (245, 150), (298, 176), (245, 115), (245, 160))):
        image[seam:370, 80 + 100 * k : 150 + 100 * k] = 136, 132, 216
        image[top:seam, 80 + 100 * k : 150 + 100 * k] = 130, 202, 157
    canvas = take_apart(image, [])
    bars = find_bars(canvas, canvas.inks, True)
    assert bars is not None
    assert bars.base == pytest.approx(370, abs=1)


def test_a_series_of_the_legend_that_is_not_found_is_told_of() -> None:
    figure, axes = frameless()
    names = ("Apples", "Pears", "Plums", "Grapes", "Figs")
    axes.bar(names, (3.0, 8.0, 6.0, 8.0, 8.0), color="#8884d8", label="Alpha")
    axes.bar(names, [0.0] * 5, color="#82ca9d", label="Beta")
    figure.legend(loc="upper center", ncols=2, frameon=False)
    assert "the series Beta" in read(figure).unread


def test_arrows_beside_names_tell_which_axis_is_called_so() -> None:
    figure, axes = frameless()
    axes.plot((1.0, 4.0, 6.0, 9.0), (12.0, 31.0, 22.0, 44.0), "o", color="black", mfc="none")
    figure.text(0.02, 0.96, "↑ Rainfall (mm)")
    figure.text(0.98, 0.02, "Dose →", ha="right")
    chart = read(figure)
    assert (chart.title, chart.x_label, chart.y_label) == ("", "Dose", "Rainfall (mm)")
    assert chart.y_unit == "mm"


def test_names_that_hang_on_lines_around_a_pie_are_found_without_these() -> None:
    image = Image.new("RGB", (400, 300), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    for start, end, color in ((0, 150, "#ff8042"), (150, 360, "#8884d8")):
        pen.pieslice([90, 40, 290, 240], start, end, fill=color)
    pen.text((270, 40), "North", fill="#8884d8", font=font)
    pen.line([(197, 243), (203, 264)], fill="#ff8042")
    pen.text((200, 256), "West 42%", fill="#ff8042", font=font)
    corners = ((270.0, 41.0), (316.0, 41.0), (316.0, 55.0), (270.0, 55.0))
    north = Text("North", (270.0, 41.0, 316.0, 55.0), corners, 0.0, 0.99)
    canvas = take_apart(np.array(image), [north])
    pie = find_pie(canvas)
    assert pie is not None
    assert [t.text for t in missed_around(canvas, pie, [north])] == ["West 42%"]


def test_places_between_labels_that_were_missed_are_known_by_the_others() -> None:
    assert even_places([119.0, 319.0, 420.0], (119.0, 520.0)) == pytest.approx(
        [119, 219.25, 319.5, 419.75, 520]
    )
    assert even_places([100.0, 160.0, 250.0, 300.0], (100.0, 300.0)) == []
    assert even_places([100.0], (100.0, 300.0)) == []


def test_hollow_points_that_touch_the_labels_are_told_of() -> None:
    def ring(x: float, y: float) -> Text:
        box = (x - 6, y - 6, x + 6, y + 6)
        corners = ((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3]))
        return Text("O", box, corners, 0.0, 0.9)

    touching = [ring(42, 80), ring(150, 176)]
    elsewhere = [ring(38, 178), ring(150, 90), ring(150, 196), ring(12, 80)]
    window = (44.0, 0.0, 300.0, 178.0)
    assert rings_among_labels([*touching, *elsewhere], window) == touching
