"""Questions about a chart: every word of them is understood, or there is no answer."""

from collections.abc import Sequence

import pytest
from handeye.perception.charts import Chart, ChartRow
from handeye.perception.charts.chart import ChartKind

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
VALUES = (12.0, 34.0, 26.0, 41.0, 9.0, 17.0)


def chart(kind: ChartKind, xs: Sequence[str | float], **series: Sequence[float]) -> Chart:
    """A chart as it is read; "_" is the series of one without a legend."""
    rows = [
        ChartRow(name.strip("_"), x, y, 0.9)
        for name, ys in series.items()
        for x, y in zip(xs, ys, strict=True)
    ]
    return Chart(kind, tuple(rows))


SALES = chart("bar", MONTHS, _=VALUES)
REGIONS = {"North": (12, 34, 26), "South": (20, 21, 22)}
GROUPED = chart("bar_grouped", MONTHS[:3], **REGIONS)
STACKED = chart("bar_stacked", MONTHS[:3], **REGIONS)
YEARS = chart("bar", [str(year) for year in range(2015, 2021)], _=VALUES)
LINE = chart("line", [float(x) for x in range(6)], _=VALUES)
PIE = chart("pie", ("red", "green", "blue"), _=(50, 30, 20))
BY_YEAR = chart("bar_grouped", ("North", "South"), **{"2023": (5, 7), "2024": (6, 3)})
RAIN = Chart(
    "bar",
    tuple(
        ChartRow("", city, y, 0.9)
        for city, y in (("Paris", 3.5), ("New York", 8.1), ("York", 2.0), ("Bonn", 1200.0))
    ),
    title="Rain in four cities",
    x_label="City",
    y_label="Rain (mm)",
    y_unit="mm",
)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("how many bars are higher than 20?", "3"),
        ("how many bars are at least 17?", "4"),
        ("how many months are at least 17?", "4"),
        ("how many bars are there between 10 and 30?", "3"),
        ("how many months are over 20 and under 30?", "1"),
        ("how many bars are over 20 or under 10?", "4"),
        ("how many bars are not above 9?", "1"),
        ("how many bars don't exceed 20?", "3"),
        ("how many of the bars are 26 or more?", "3"),
        ("How many bars are >= 17?", "4"),
        ("how many months are below ten?", "1"),
        ("how many months are higher than March?", "2"),
        ("how many bars are higher than the average?", "3"),
        ("how many months other than Apr are above 20?", "2"),
        ("in how many months was the value above 20?", "3"),
        ("how many bars are there in the chart?", "6"),
        ("what is the total number of bars?", "6"),
        ("which months are below the average?", "Jan, May, Jun"),
        ("which months are not below 20?", "Feb, Mar, Apr"),
        ("name the months below 15", "Jan, May"),
        ("which months are above 100?", "none"),
        ("when was it above 30?", "Feb, Apr"),
        ("which month has exactly 26?", "Mar"),
        ("what is the fourth highest?", "Jun"),
        ("what is the 3rd highest value?", "26"),
        ("which month had the second-lowest value?", "Jan"),
        ("which month other than Apr is the highest?", "Feb"),
        ("which are the two highest months?", "Apr, Feb"),
        ("what are the 3 highest values?", "41, 34, 26"),
        ("how high is the tallest bar?", "41"),
        ("what's the minimum?", "9"),
        ("what is the difference between the highest and the lowest?", "32"),
        ("how much higher is the highest than the lowest?", "32"),
        ("how many more units did Feb have than Jan?", "22"),
        ("how much higher is Jan than Feb?", "-22"),
        ("by how much is Feb higher than Jan?", "22"),
        ("what is the max minus the min?", "32"),
        ("what is the range?", "32"),
        ("what is the total without Mar?", "113"),
        ("what is the sum of Jan and Feb?", "46"),
        ("what is the average from Feb to Apr?", "33.66666667"),
        ("what is the median?", "21.5"),
        ("how many units were sold in total?", "139"),
        ("what share of the total is Mar?", "18.7 %"),
        ("what is Mar's share of the total?", "18.7 %"),
        ("what percentage of the total did March make up?", "18.7 %"),
        ("how much was sold in Feb?", "34"),
        ("please tell me how tall the bar for Mar is", ""),
        ("please tell me how tall is the bar for Mar", "26"),
        ("is Mar higher than Apr?", "no"),
        ("did Apr sell more than Mar?", "yes"),
        ("is Jan not above average?", "yes"),
        ("is May the lowest?", "yes"),
        ("which was higher, Mar or Apr?", "Apr"),
        ("which of Jan and Feb is lower?", "Jan"),
    ],
)
def test_a_question_is_answered_as_a_whole(question: str, said: str) -> None:
    assert SALES.ask(question) == said


@pytest.mark.parametrize(
    "question",
    [
        "",
        "Feb",
        "is it raining?",
        "which month is not the highest?",
        "why is Apr the highest?",
        "which month is closest to the average?",
        "which month had the highest growth?",
        "which month is the most recent?",
        "which month follows the highest?",
        "which year was the highest?",
        "what is the highest after Apr?",
        "what is the highest, and why?",
        "what is the highest value not in Apr?",
        "what is the ratio of Feb to Jan?",
        "what is twice Jan?",
        "what was the value in August?",
        "what was the value for Jan and Feb?",
        "what is the total if Apr were 0?",
        "what is the average of the two highest?",
        "how many people are there?",
        "how many people died in Feb?",
        "how many bars are about 20?",
        "how many bars are above 20 and red?",
        "how many bars are above 20 %?",
        "how many bars are more than double Jan?",
        "how many bars are not over 20 or under 10?",
        "how many times higher is Feb than Jan?",
        "is Jan higher than Feb and Mar?",
        "how high is not the tallest bar?",
        "which month is " + "the " * 100 + "highest?",
    ],
)
def test_what_is_not_understood_has_no_answer(question: str) -> None:
    assert SALES.ask(question) == ""


@pytest.mark.parametrize("question", ["how many bars are above 20?", "what is the total of Jan?"])
def test_a_word_too_many_is_not_passed_over(question: str) -> None:
    words = question.split()
    for k in range(3, len(words) + 1):
        assert SALES.ask(" ".join([*words[:k], "hardly", *words[k:]])) == ""


@pytest.mark.parametrize(
    ("read", "question", "said"),
    [
        (GROUPED, "how many categories?", "3"),
        (GROUPED, "how many months?", "3"),
        (GROUPED, "how many bars?", "6"),
        (GROUPED, "how many lines are there?", "2"),
        (GROUPED, "which series has the highest total?", "North"),
        (GROUPED, "which group is smallest on average?", "South"),
        (GROUPED, "which month has the highest total?", "Feb"),
        (GROUPED, "which bar is the highest?", "Feb (North)"),
        (GROUPED, "which region is the highest?", ""),
        (GROUPED, "which region is the highest in Jan?", "South"),
        (GROUPED, "what is Jan?", ""),
        (GROUPED, "how many months are above 20?", ""),
        (GROUPED, "how many bars of North are above 20?", "2"),
        (GROUPED, "how many months was North above 20?", "2"),
        (GROUPED, "in which months is North higher than South?", "Feb, Mar"),
        (GROUPED, "which months of North are below average?", "Jan"),
        (GROUPED, "how much more did North have than South in Feb?", "13"),
        (GROUPED, "In Feb, how much higher was North than South?", "13"),
        (GROUPED, "is North higher in Jan than in Feb?", "no"),
        (GROUPED, "which is higher in Jan, North or South?", "South"),
        (GROUPED, "what is the difference between North and South?", ""),
        (GROUPED, "what is the difference between the total of North and the total of South?", "9"),
        (GROUPED, "what is the total of North in Jan and South in Feb?", ""),
        (GROUPED, "what is the average of North without Jan?", "30"),
        (GROUPED, "what share of the total is North?", "53.3 %"),
        (GROUPED, "what share of the total of North is Jan?", "16.7 %"),
        (GROUPED, "what share of the total is North in Jan?", ""),
        (STACKED, "which month is the highest?", "Feb"),
        (STACKED, "which segment is the largest?", "Feb (North)"),
        (STACKED, "how many bars are above 45?", "2"),
        (STACKED, "what is the value of Jan?", "32"),
        (YEARS, "how many years are above 30?", "2"),
        (YEARS, "how many years are above 2016?", "0"),
        (YEARS, "what was it in 2017?", "26"),
        (YEARS, "what is the value in 2030?", ""),
        (YEARS, "was 2017 higher than 2016?", "no"),
        (YEARS, "what is the total from 2016 to 2018?", "101"),
        (YEARS, "which month was the highest?", ""),
        (BY_YEAR, "what was North in 2023?", "5"),
        (BY_YEAR, "how many bars are above 4?", "3"),
        (BY_YEAR, "which year is highest in North?", "2024"),
        (LINE, "how many points are above 3?", "6"),
        (LINE, "what is the value at 2?", "26"),
        (LINE, "what is y at x = 2.5?", "33.5"),
        (LINE, "what was the value at 12?", ""),
        (LINE, "is the value at 2 above 3?", "yes"),
        (PIE, "what percentage is red?", "50"),
        (PIE, "how many slices are above 25 %?", "2"),
        (RAIN, "which city has the most rain?", "Bonn"),
        (RAIN, "which cities have more than 3 mm of rain?", "Paris, New York, Bonn"),
        (RAIN, "how many cities have over 1,000 mm?", "1"),
        (RAIN, "what is the difference between York and New York?", "6.1"),
        (chart("bar", ("IT", "US", "IS"), _=(1, 2, 3)), "which country is the highest?", "IS"),
        (chart("bar", ("IT", "US", "IS"), _=(1, 2, 3)), "what is the value of IT?", "1"),
        (chart("gauge", ("",), _=(42,)), "what does the gauge show?", "42"),
        (Chart("bar", ()), "how many bars are there?", ""),
    ],
)
def test_what_is_asked_for_depends_on_the_chart(read: Chart, question: str, said: str) -> None:
    assert read.ask(question) == said
