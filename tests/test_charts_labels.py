"""Labels of charts that look like something else: years in a legend, names at lines' ends."""

import cv2
import numpy as np
import pytest
from drawn_charts import image_of, text
from handeye.perception.charts import read_chart
from handeye.perception.charts.axis import Axis
from handeye.perception.charts.categories import Label, category_labels
from handeye.perception.charts.curves import bridged, find_points, trace
from handeye.perception.charts.direct_labels import named_at_ends
from handeye.perception.charts.read_curves import curve_rows
from matplotlib.figure import Figure

from benchmarks.charts.render import render
from benchmarks.charts.tables import Table


def stroke(*points: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((200, 400), np.uint8)
    cv2.polylines(mask, [np.array(points, np.int32)], False, 1, 2)
    return mask > 0


def test_years_in_a_legend_name_series_and_make_no_axis() -> None:
    series = {"2022": (30.0, 55.0), "2023": (22.0, 17.0), "2024": (44.0, 61.0)}
    table = Table("bar_grouped", "Votes", "", "Votes", ("North", "South"), series)
    chart = read_chart(render(table, ("matplotlib", "office"), np.random.default_rng(1)))
    assert set(chart.names) == set(series)
    assert chart.lookup("2024", "South") == pytest.approx(61.0, rel=0.03)


def test_names_at_the_ends_of_lines_name_them() -> None:
    curves = [trace(stroke((20, 40), (300, 60))), trace(stroke((20, 150), (300, 120)))]
    assert curves[0] is not None
    assert curves[1] is not None
    words = [text("Chile", 308, 113, 350, 127), text("Ghana", 308, 53, 350, 67)]
    both = [curves[0], curves[1]]
    axis = Axis("linear", -1.0, 160.0, ((160.0, 0.0), (10.0, 150.0)), 1.0)
    found = named_at_ends(both, words, axis)
    assert found is not None
    assert [t.text for t in found] == ["Ghana", "Chile"]
    assert named_at_ends(both, words[:1], axis) is None
    value, year = text("85", 308, 53, 330, 67), text("2021", 308, 53, 350, 67)
    assert named_at_ends(both, [words[0], value], axis) is None
    found = named_at_ends(both, [words[0], year], axis)
    assert found is not None
    assert [t.text for t in found] == ["2021", "Chile"]


def test_slanted_labels_that_hang_by_their_middles_belong_to_the_points_above() -> None:
    curve = trace(stroke((40, 100), (120, 40), (200, 160), (280, 80)))
    assert curve is not None
    labels = [
        Label(x + 30.0, name, 0.9) for x, name in zip((40, 120, 200, 280), "abcd", strict=True)
    ]
    axis = Axis("linear", -1.0, 200.0, ((0.0, 200.0), (100.0, 100.0), (200.0, 0.0)), 1.0)
    rows, _ = curve_rows([("", curve)], None, axis, labels)
    assert [row.y for row in rows] == pytest.approx([100, 160, 40, 120], abs=6)


def test_labels_set_close_are_not_taken_for_lines_of_one() -> None:
    names = ["Lyon", "Turin", "Milan", "Zurich", "Prague"]
    close = [text(name, 10, 20 + 16 * k, 60, 34 + 16 * k) for k, name in enumerate(names)]
    labels, _ = category_labels(close, 70, (20, 100), upright=False)
    assert [label.text for label in labels] == names


def test_a_grid_line_over_a_point_cuts_it_in_no_two() -> None:
    mask = np.zeros((60, 90), np.uint8)
    for x in (20, 50, 75):
        cv2.circle(mask, (x, 30), 6, 1, -1)
    guides = np.zeros((60, 90), bool)
    guides[30] = True
    cut = (mask > 0) & ~guides
    assert len(find_points(cut)) > 3
    assert len(find_points(bridged(cut, guides))) == 3


def test_lines_without_names_are_read_and_said_to_have_none() -> None:
    figure = Figure(figsize=(6, 4))
    axes = figure.add_subplot()
    for values in ((30, 55, 41, 60), (12, 17, 25, 9)):
        axes.plot(["North", "South", "West", "East"], values)
    chart = read_chart(image_of(figure))
    assert sorted(row.y for row in chart.rows) == pytest.approx(
        [9, 12, 17, 25, 30, 41, 55, 60], abs=1.5
    )
    assert "the names of 2 of the 2 series" in chart.unread


def test_a_year_below_a_quarter_is_the_second_line_of_its_label() -> None:
    quarters = [text(f"Q{k + 1}", 100.0 * k + 40, 200, 100.0 * k + 60, 214) for k in range(4)]
    years = [text("2022", 100.0 * k + 33, 217, 100.0 * k + 67, 231) for k in range(4)]
    labels, used = category_labels([*quarters, *years], 195.0, (20.0, 380.0), upright=True)
    assert [label.text for label in labels] == ["Q1 2022", "Q2 2022", "Q3 2022", "Q4 2022"]
    assert len(used) == 8


def test_what_stands_in_a_donut_names_no_sector() -> None:
    figure = Figure(figsize=(5, 5), dpi=100)
    axes = figure.add_subplot()
    axes.pie([41, 27, 19, 13], labels=["Email", "Social", "Search", "Direct"],
             wedgeprops={"width": 0.4})  # fmt: skip
    axes.text(0, 0, "12,480\nvisits", ha="center", va="center", fontsize=16)
    chart = read_chart(image_of(figure))
    found = {str(row.x): row.y for row in chart.rows}
    assert found == pytest.approx({"Email": 41, "Social": 27, "Search": 19, "Direct": 13}, abs=0.5)
