"""Numbers of charts: their marks, units and signs; and what is said where they leave it open."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from drawn_charts import image_of
from handeye.perception.charts import Chart, ChartRow, read_chart
from handeye.perception.charts.axis import Axis
from handeye.perception.charts.bars import Bar, Bars
from handeye.perception.charts.gauge import find_dial, gauge_chart
from handeye.perception.charts.layout import lay_out
from handeye.perception.charts.numbers import Notation, doubt, leaning, notations, parse_number
from handeye.perception.charts.printed_axis import printed_axis
from handeye.perception.charts.text import Text
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

import handeye.errors as errors
from handeye.cli import main

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
VALUES = (1200.0, 3400.0, 2600.0, 4100.0, 900.0, 1750.0)


def text(said: str, x: float, y: float) -> Text:
    box = (x - 20.0, y - 6.0, x + 20.0, y + 6.0)
    corners = ((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3]))
    return Text(said, box, corners, 0.0, 0.99)


def column(*said: str) -> list[Text]:
    """Tick labels above each other, the first one lowest."""
    return [text(s, 40.0, 300.0 - 40 * k) for k, s in enumerate(said)]


def upward(*said: str) -> Axis:
    axis = lay_out(column(*said)).y_axis
    assert axis is not None
    return axis


def plotted(draw: Callable[[Axes], object]) -> np.ndarray:
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    draw(figure.add_subplot())
    return image_of(figure)


def bars(say: Callable[[float], str], values: Sequence[float] = VALUES) -> Chart:
    """Bars whose value axis is labelled by a function."""

    def draw(axes: Axes) -> None:
        axes.bar(MONTHS, values)
        axes.yaxis.set_major_formatter(lambda value, _: say(value))

    return read_chart(plotted(draw))


def german(value: float) -> str:
    return f"{value:,.0f}".replace(",", ".")


class TestNumbers:
    @pytest.mark.parametrize(
        ("said", "value", "unit"),
        [
            ("€ 1,200", 1200, "€"), ("1,200 EUR", 1200, "EUR"), ("CHF 1'200.50", 1200.5, "CHF"),
            ("34 kg", 34, "kg"), ("34kg", 34, "kg"), ("2 s", 2, "s"), ("248 kWh", 248, "kWh"),
            ("$10m", 1e7, "$"), ("5m €", 5e6, "€"), ("10 m", 10, "m"), ("3,5 Mio.", 3.5e6, ""),
            ("0,100", 0.1, ""), ("0.100", 0.1, ""), ("1 200,5", 1200.5, ""), ("-0 %", 0, "%"),
            ("1.234.567", 1234567, ""), ("4,00,000", 400000, ""), ("300 K", 3e5, ""),
        ],
    )  # fmt: skip
    def test_units_stand_before_or_behind(self, said: str, value: float, unit: str) -> None:
        number = parse_number(said)
        assert number is not None
        assert (number.value, number.unit) == (pytest.approx(value), unit)
        assert not np.signbit(number.value)

    @pytest.mark.parametrize("said", ["2023 Sales", "3 Bed", "5A", "3D", "12.34.56", "11:30"])
    def test_other_words_behind_a_number_are_no_units(self, said: str) -> None:
        assert parse_number(said) is None

    def test_what_is_open_is_read_in_either_notation(self) -> None:
        values = [
            [n.value for m in ".," if (n := parse_number(said, Notation(m))) is not None]
            for said in ("1.250", "1,250", "0,125", "12,5")
        ]
        assert values == [[1.25, 1250], [1250, 1.25], [0.125, 0.125], [12.5, 12.5]]
        milli = parse_number("200m", Notation(milli=True))
        assert milli is not None
        assert (milli.value, milli.unit) == (pytest.approx(0.2), "")
        assert notations(["500", "12.5"]) == [Notation()]
        assert notations(["500", "1.000"]) == [Notation("."), Notation(",")]

    def test_a_group_speaks_for_a_mark(self) -> None:
        assert leaning(["0", "1.000"]) == leaning(["500", "1.000"]) == ","
        assert leaning(["0.500", "1.000"]) == leaning(["0", "1,000"]) == "."
        assert leaning(["1.000", "2.000"]) == ""
        assert leaning(["1.000", "2.000"], ["0,5"]) == ","

    def test_only_what_nothing_tells_is_in_doubt(self) -> None:
        assert 'the "." of "1.250"' in doubt(["1.250", "2.480"])
        assert 'the "," of "1,250"' in doubt(["1,250", "2,481"])
        assert doubt(["1,000", "2,500"]) == doubt(["0", "1.000"]) == doubt(["1.5", "2.0"]) == ""


class TestAxes:
    @pytest.mark.parametrize(
        ("said", "top"),
        [
            (("500", "1.000", "1.500", "2.000"), 2000),
            (("0", "5.000", "10.000", "15.000"), 15000),
            (("0,100", "0,200", "0,300"), 0.3),
            (("0,500", "1,000", "1,500"), 1.5),
            (("0.500", "1.000", "1.500"), 1.5),
            (("800", "1,000", "1.200", "1,400"), 1400),
            (("0", "10 m", "20 m", "30 m"), 30),
            (("0", "200m", "400m", "600m", "800m", "1"), 1),
            (("500µ", "1m", "1.5m", "2m"), 2e-3),
            (("1m", "10m", "100m", "1", "10", "1k"), None),
        ],
    )
    def test_the_labels_of_an_axis_tell_how_they_are_meant(
        self, said: tuple[str, ...], top: float | None
    ) -> None:
        axis = upward(*said)
        assert axis.doubt == ""
        if top is None:
            assert axis.value(300.0) == pytest.approx(1e-3, rel=0.02)
        else:
            assert axis.value(300.0 - 40 * (len(said) - 1)) == pytest.approx(top, rel=0.01)

    def test_metres_and_thousandths_have_their_units(self) -> None:
        assert upward("10 m", "20 m", "30 m").unit == "m"
        assert upward("0", "200m", "400m", "600m", "800m", "1").unit == ""
        assert upward("0", "10 kg", "20 kg", "30 kg").unit == "kg"

    def test_labels_in_another_unit_are_not_of_the_axis(self) -> None:
        axis = upward("0 kg", "1 kg", "2 kg", "3 g", "4 kg")
        assert axis.unit == "kg"
        assert len(axis.ticks) == 4

    def test_where_nothing_tells_the_usual_reading_is_in_doubt(self) -> None:
        axis = upward("1.000", "1.500", "2.000")
        assert axis.value(300.0) == pytest.approx(1.0)
        assert 'the "." of "1.000"' in axis.doubt

    def test_one_axis_tells_of_the_other(self) -> None:
        across = [text(s, 100.0 + 60 * k, 330.0) for k, s in enumerate(("0,5", "1,0", "1,5"))]
        layout = lay_out([*column("1.000", "2.000", "3.000"), *across])
        assert layout.y_axis is not None
        assert layout.y_axis.value(300.0) == pytest.approx(1000.0)
        assert layout.y_axis.doubt == ""

    def test_no_value_is_less_than_nothing_by_nothing(self) -> None:
        axis = Axis("linear", -1.0, 100.0, ((0.0, 100.0), (100.0, 0.0)), 1.0)
        assert not np.signbit(axis.rounded_at(100.01))


class TestPrintedValues:
    LENGTHS = (125.0, 248.0, 310.0, 98.0)

    def axis(self, *said: str) -> Axis | None:
        columns = [50.0 + 60 * k for k in range(4)]
        drawn = tuple(
            Bar(0, x - 20, 400 - length, x + 20, 400)
            for x, length in zip(columns, self.LENGTHS, strict=True)
        )
        above = [
            text(s, x, 400 - length - 9)
            for s, x, length in zip(said, columns, self.LENGTHS, strict=True)
        ]
        return printed_axis(Bars(drawn, True, 400.0, False), above)

    @pytest.mark.parametrize(
        ("said", "highest"),
        [
            (("1.250", "2.480", "3.100", "980"), 3100),
            (("1.250", "2.480", "3.100", "0.980"), 3.1),
            (("1.250", "2.480", "3.100", "0.98"), 3.1),
            (("$1.25m", "$2.48m", "$3.10m", "$0.98m"), 3.1e6),
            (("125 kWh", "248 kWh", "310 kWh", "98 kWh"), 310),
        ],
    )
    def test_they_tell_how_each_other_is_meant(self, said: tuple[str, ...], highest: float) -> None:
        axis = self.axis(*said)
        assert axis is not None
        assert abs(axis.slope) * 310 == pytest.approx(highest, rel=0.03)

    def chart(self, values: Sequence[float]) -> Chart:
        def draw(axes: Axes) -> None:
            drawn = axes.bar(MONTHS, values, color="#22aa77")
            axes.bar_label(drawn, labels=[german(v) for v in values])
            axes.spines[["left", "top", "right"]].set_visible(False)
            axes.set_yticks([])

        return read_chart(plotted(draw))

    def test_bars_without_an_axis_are_read_in_thousands(self) -> None:
        values = (1250.0, 2480.0, 3100.0, 980.0, 1720.0, 2050.0)
        chart = self.chart(values)
        assert [row.y for row in chart.rows] == pytest.approx(values, rel=0.02)
        assert chart.unread == ()

    def test_doubt_about_all_of_them_is_said(self) -> None:
        chart = self.chart((1250.0, 2480.0, 3100.0, 1980.0, 1720.0, 2050.0))
        assert any("begins decimals" in said for said in chart.unread)


class TestCharts:
    @pytest.mark.parametrize(
        ("say", "share", "unit"),
        [
            (german, 1.0, ""),
            (lambda v: f"{v / 1e4:.3f}".replace(".", ","), 1e-4, ""),
            (lambda v: f"€ {v:,.0f}", 1.0, "€"),
            (lambda v: f"{v / 100:.0f} kg", 0.01, "kg"),
            (lambda v: f"{v / 100:.0f} m", 0.01, "m"),
            (lambda v: f"${v / 100:.0f}m", 1e4, "$"),
        ],
        ids=["german", "comma", "euro", "kg", "metres", "millions"],
    )
    def test_labels_are_read_as_they_are_meant(
        self, say: Callable[[float], str], share: float, unit: str
    ) -> None:
        chart = bars(say)
        assert [row.y for row in chart.rows] == pytest.approx([v * share for v in VALUES], rel=0.03)
        assert chart.y_unit == unit
        assert chart.unread == ()

    def test_counts_in_a_pie_are_values_and_no_names(self) -> None:
        names = ["Alpha", "Beta", "Gamma", "Delta"]

        def draw(axes: Axes) -> None:
            axes.pie([12, 34, 26, 28], labels=names, autopct=lambda share: f"{share * 10:.0f}")

        chart = read_chart(plotted(draw))
        assert {row.x: row.y for row in chart.rows} == dict(
            zip(names, (12, 34, 26, 28), strict=True)
        )

    def test_years_beside_a_pie_name_its_sectors(self) -> None:
        years = ["2019", "2020", "2021"]

        def draw(axes: Axes) -> None:
            axes.pie([40, 35, 25], labels=years, autopct=lambda share: f"{share * 7:.0f}")

        assert {row.x for row in read_chart(plotted(draw)).rows} == set(years)

    def test_a_second_pie_is_said_to_be_there(self) -> None:
        figure = Figure(figsize=(9, 4))
        for axes, shares in zip(figure.subplots(1, 2), ([30, 70], [55, 45]), strict=True):
            axes.pie(shares, labels=["Yes", "No"], autopct="%.0f%%")
        assert read_chart(image_of(figure)).unread == ("1 more of such circles beside this one",)

    def test_groups_of_bars_without_names_are_said_to_have_none(self, tmp_path: Path) -> None:
        def draw(axes: Axes) -> None:
            places = np.arange(4)
            axes.bar(places - 0.2, [3, 2, 5, 4], 0.4)
            axes.bar(places + 0.2, [1, 2.5, 3, 4.5], 0.4)
            axes.set_xticks(places, MONTHS[:4])

        image = plotted(draw)
        chart = read_chart(image)
        assert chart.kind == "bar_grouped"
        assert len(chart.rows) == 8
        assert chart.unread == ("the names of 2 of the 2 series",)
        with pytest.raises(errors.AmbiguousError, match="Jan = "):
            chart.lookup("", "Jan")
        Image.fromarray(image).save(tmp_path / "bars.png")
        said = "not read: the names of 2 of the 2 series\n"
        for options in (["--csv"], ["--out", str(tmp_path / "a.csv")], ["--ask", "how many bars"]):
            result = CliRunner().invoke(main, ["chart", str(tmp_path / "bars.png"), *options])
            assert result.stderr == said
            assert said not in result.stdout
        result = CliRunner().invoke(main, ["chart", str(tmp_path / "bars.png"), "--json"])
        assert result.stderr == ""
        assert json.loads(result.stdout)["unread"] == ["the names of 2 of the 2 series"]

    def test_bars_of_a_colour_each_are_no_groups(self) -> None:
        chart = read_chart(
            plotted(lambda axes: axes.bar(MONTHS, VALUES, color=[f"C{k}" for k in range(6)]))
        )
        assert (chart.kind, chart.unread) == ("bar", ())

    def test_entries_that_are_one_value_are_not_ambiguous(self) -> None:
        chart = Chart("bar", (ChartRow("", "Jan", 3.0, 1.0), ChartRow("", "Jan", 3.0, 1.0)))
        assert chart.lookup("", "Jan") == 3.0


class TestDials:
    def dial(self, said: Sequence[str], start: float, sweep: float) -> list[Text]:
        angles = np.radians(np.linspace(start, start + sweep, len(said)))
        return [
            text(s, 200 + 120 * float(np.sin(a)), 200 - 120 * float(np.cos(a)))
            for s, a in zip(said, angles, strict=True)
        ]

    def test_thousands_are_told_by_the_zero(self) -> None:
        dial = find_dial(self.dial(["0", "1.000", "2.000", "3.000", "4.000"], -120, 240))
        assert dial is not None
        assert dial.value(0.0) == pytest.approx(2000.0, rel=0.01)

    @pytest.mark.parametrize(
        ("said", "start", "sweep"),
        [
            ([str(k) for k in range(1, 13)], 30, 330),
            ([str(k) for k in range(1, 12)], 30, 300),
            (["3", "6", "9", "12"], 90, 270),
            ([str(k) for k in range(0, 360, 45)], 0, 315),
        ],
    )
    def test_clocks_and_compasses_are_no_gauges(
        self, said: list[str], start: float, sweep: float
    ) -> None:
        texts = self.dial(said, start, sweep)
        dial = find_dial(texts)
        assert dial is not None
        with pytest.raises(errors.ImageError, match="all the way round"):
            gauge_chart(np.full((400, 400, 3), 255, np.uint8), dial, texts)

    def test_a_gauge_that_is_open_below_is_one(self) -> None:
        texts = self.dial(["0", "50", "100", "150"], -135, 270)
        dial = find_dial(texts)
        assert dial is not None
        with pytest.raises(errors.ImageError, match="no needle"):
            gauge_chart(np.full((400, 400, 3), 255, np.uint8), dial, texts)


def test_one_label_that_lost_a_digit_does_not_make_decimals_of_thousands() -> None:
    axis = upward("$0", "$2,500", "$5,000", "$7,500", "$10,000", "$12,50", "$15,000", "$17,500")
    assert axis.notation.decimal == "."
    assert axis.ticks[-1][1] == 17500.0


def test_printed_values_are_in_the_notation_of_the_axis() -> None:
    values = [40_000, 1_200, 26_000, 1_050, 9_000, 17_500]

    def german(value: float) -> str:
        return f"{value:,.0f}".replace(",", ".")

    def draw(axes: Axes) -> None:
        axes.bar_label(axes.bar(MONTHS, values), [german(value) for value in values])
        axes.yaxis.set_major_formatter(lambda value, _: german(value))

    assert [row.y for row in read_chart(plotted(draw)).rows] == values
