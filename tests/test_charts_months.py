"""Lines over months of which only some have a label."""

import datetime

import cv2
import matplotlib.dates
import numpy as np
import pytest
from drawn_charts import image_of
from handeye.perception.charts import read_chart
from handeye.perception.charts.categories import Label
from handeye.perception.charts.curves import Curve, trace
from handeye.perception.charts.months import with_months_between
from matplotlib.figure import Figure

VALUES = [97.8, 93.5, 93.5, 96.2, 101.7, 103.2, 102.0, 99.8, 103.8, 111.4, 113.4, 109.5, 106.8]


def curve(*points: tuple[float, float]) -> Curve:
    mask = np.zeros((200, 500), np.uint8)
    cv2.polylines(mask, [np.array(points, np.int32)], False, 1, 2)
    found = trace(mask > 0)
    assert found is not None
    return found


def labels(*said: str, step: float = 61.0) -> list[Label]:
    return [Label(50 + step * k, text, 0.99) for k, text in enumerate(said)]


def zigzag(count: int, step: float = 30.5) -> Curve:
    return curve(*((50 + step * k, 100 + 40 * (-1) ** k) for k in range(count)))


def test_points_between_the_labels_of_months_have_their_month() -> None:
    days = [datetime.date(2021 + k // 12, k % 12 + 1, 1) for k in range(len(VALUES))]
    figure = Figure(figsize=(7, 4.5), dpi=100)
    axes = figure.add_subplot()
    axes.plot(np.array(days), VALUES, marker="o")
    axes.xaxis.set_major_locator(matplotlib.dates.MonthLocator(interval=3))
    axes.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%Y-%m"))
    chart = read_chart(image_of(figure))
    assert (chart.kind, chart.x_scale, chart.unread) == ("line", "date", ())
    assert [row.x for row in chart.rows] == [f"{day:%Y-%m}" for day in days]
    assert [row.y for row in chart.rows] == pytest.approx(VALUES, abs=0.4)


@pytest.mark.parametrize(
    ("said", "between"),
    [
        (("Mar", "May", "Jul", "Sep"), ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep"]),
        (("2023", "March", "May"), ["2023", "February", "March", "April", "May"]),
        (("Nov 2022", "Jan 2023", "Mar 2023"),
         ["Nov 2022", "Dec 2022", "Jan 2023", "Feb 2023", "Mar 2023"]),
    ],
)  # fmt: skip
def test_months_are_called_as_their_neighbours_are(
    said: tuple[str, ...], between: list[str]
) -> None:
    found = with_months_between(labels(*said), [zigzag(2 * len(said) - 1)])
    assert [label.text for label in found] == between


def test_what_are_no_months_or_have_their_points_elsewhere_stay_as_they_are() -> None:
    names = labels("Mar", "May", "Jul", "Sep")
    weekly = curve(*((50 + 10 * k, 100 + 30 * (-1) ** k) for k in range(19)))
    assert with_months_between(names, [weekly]) is names
    people = labels("May", "June", "April", "Ann")
    assert with_months_between(people, [zigzag(7)]) is people
    years = labels("2019", "2020", "2021", "2022")
    assert with_months_between(years, [zigzag(7)]) is years
