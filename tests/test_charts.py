"""Charts: from an image of one to the table that it shows."""

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from handeye.perception.charts import Chart, ChartRow, read_chart
from handeye.perception.charts.axis import fit_axis
from handeye.perception.charts.layout import lay_out
from handeye.perception.charts.numbers import parse_number, power_of_ten
from handeye.perception.charts.photographed import find_sheets, flatten
from handeye.perception.charts.sequences import put_right
from handeye.perception.charts.text import Text
from handeye.perception.frame import Frame
from handeye.perception.images import open_image
from handeye.perception.perception import Perception
from PIL import Image

import handeye.errors as errors
from benchmarks.charts.photograph import photograph
from benchmarks.charts.render import render
from benchmarks.charts.score import lookups, rms_f1
from benchmarks.charts.tables import KINDS, Table, draw_table
from handeye.cli import main

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May")
PLAIN = ("matplotlib", "default")
TABLES = {
    "bar": Table("bar", "Deliveries", "Month", "Units", MONTHS, {"": (30, 55, 12, 48, 70)}),
    "bar_horizontal": Table(
        "bar_horizontal", "Deliveries", "Month", "Units", MONTHS, {"": (30, 55, 12, 48, 70)}
    ),
    "bar_grouped": Table(
        "bar_grouped", "Votes", "Month", "Votes", MONTHS,
        {"North": (30, 55, 12, 48, 70), "South": (22, 17, 66, 40, 35)},
    ),
    "bar_stacked": Table(
        "bar_stacked", "Votes", "Month", "Votes", MONTHS,
        {"North": (30, 55, 12, 48, 70), "South": (22, 17, 66, 40, 35)},
    ),
    "line": Table(
        "line", "Energy", "Year", "kWh", (2001.0, 2002.0, 2003.0, 2004.0, 2005.0),
        {"Men": (3.0, 5.5, 4.2, 6.1, 2.0), "Women": (1.0, 2.5, 5.2, 4.1, 3.3)},
    ),
    "scatter": Table(
        "scatter", "Runs", "Distance", "Time", (), {},
        (("", 1.0, 4.0), ("", 2.5, 6.0), ("", 4.0, 3.0), ("", 6.5, 8.0), ("", 9.0, 5.0)),
    ),
    "pie": Table("pie", "Shares", "", "", ("red", "green", "blue"), {"": (50.0, 30.0, 20.0)}),
}  # fmt: skip

_CORNERS = ((0.0, 0.0), (40.0, 0.0), (40.0, 12.0), (0.0, 12.0))


def drawn(table: Table, style: tuple[str, str] = PLAIN) -> np.ndarray:
    return render(table, style, np.random.default_rng(1))


def rows(chart: Chart) -> list[tuple[str, str | float, float]]:
    return [(row.series, row.x, row.y) for row in chart.rows]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_recognised_and_read_to_within_five_percent(kind: str) -> None:
    chart = read_chart(drawn(TABLES[kind]))
    assert chart.kind == kind
    assert lookups(rows(chart), TABLES[kind].rows()) == 1.0
    assert rms_f1(rows(chart), TABLES[kind].rows()) > 0.95
    assert chart.title == TABLES[kind].title


@pytest.mark.parametrize(
    "style", [("plotly", "plotly_dark"), ("altair", "none"), ("pygal", "DefaultStyle")]
)
def test_other_libraries_are_read_as_well(style: tuple[str, str]) -> None:
    chart = read_chart(drawn(TABLES["bar_grouped"], style))
    assert lookups(rows(chart), TABLES["bar_grouped"].rows()) >= 0.9


def test_axes_have_names_units_and_scales() -> None:
    table = Table(
        "bar", "Use", "Month", "Energy (kWh)", MONTHS, {"": (3, 900, 40, 5000, 12)}, log=True
    )
    chart = read_chart(drawn(table))
    assert (chart.x_label, chart.y_label, chart.y_unit) == ("Month", "Energy (kWh)", "kWh")
    assert (chart.x_scale, chart.y_scale) == ("date", "log")
    assert lookups(rows(chart), table.rows()) == 1.0


def test_printed_values_are_preferred_to_measured_ones() -> None:
    table = Table("bar", "", "", "", MONTHS, {"": (30.25, 55.5, 12.75, 48.0, 70.0)}, values=True)
    chart = read_chart(drawn(table))
    assert [row.y for row in chart.rows] == [30.2, 55.5, 12.8, 48.0, 70.0] or [
        row.y for row in chart.rows
    ] == [30.25, 55.5, 12.75, 48.0, 70.0]
    assert min(row.confidence for row in chart.rows) > 0.9


def test_greys_with_black_outlines_are_told_apart() -> None:
    chart = read_chart(drawn(TABLES["bar_grouped"], ("matplotlib", "r")))
    assert chart.kind == "bar_grouped"
    assert lookups(rows(chart), TABLES["bar_grouped"].rows()) == 1.0


def test_negative_bars_hang_down() -> None:
    table = Table("bar", "", "", "Change", MONTHS, {"": (30.0, -55.0, 12.0, -48.0, 70.0)})
    assert lookups(rows(read_chart(drawn(table))), table.rows()) == 1.0


def test_a_photographed_sheet_is_found_and_laid_flat() -> None:
    photo = photograph(drawn(TABLES["bar_grouped"]), np.random.default_rng(0))
    chart = read_chart(photo)
    assert chart.kind == "bar_grouped"
    assert lookups(rows(chart), TABLES["bar_grouped"].rows()) >= 0.9


def test_white_paper_is_found_where_half_of_it_lies_before_a_pale_wall() -> None:
    height, width = 840, 1120
    room = np.full((height, width, 3), (160, 156, 152), np.uint8)
    cv2.fillPoly(room, [np.array([[860, 0], [width, 0], [width, height], [970, height]])],
                 (240, 238, 232))  # fmt: skip
    corners = np.array([[147, 105], [977, 171], [995, 713], [116, 721]], np.float32)
    sheet = drawn(TABLES["bar"])
    h, w = sheet.shape[:2]
    T = cv2.getPerspectiveTransform(np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32), corners)
    lying = cv2.warpPerspective(sheet, T, (width, height), dst=room, flags=cv2.INTER_AREA,
                                borderMode=cv2.BORDER_TRANSPARENT)  # fmt: skip
    [found, *_] = find_sheets(np.asarray(lying, np.uint8))
    assert np.abs(found - corners).max() < 6


def test_a_sheet_of_which_a_part_lies_in_shadow_is_found_whole() -> None:
    rng = np.random.default_rng([1, 6])
    table = draw_table(rng, "pie")
    chart = read_chart(photograph(render(table, ("matplotlib", "huge"), rng), rng))
    assert chart.kind == "pie"
    assert lookups(rows(chart), table.rows()) == 1.0


def test_evenly_grey_paper_is_made_white() -> None:
    sheet = np.full((700, 1000, 3), 128, np.uint8)
    sheet[300:500, 200:800] = 30
    flat = flatten(sheet, np.array([[0, 0], [1000, 0], [1000, 700], [0, 700]], np.float32))
    assert np.median(flat) > 240
    assert flat[350:450, 300:700].max() < 80


def test_a_framed_chart_on_a_plain_wall_is_read_within_its_frame() -> None:
    sheet = (drawn(TABLES["bar_horizontal"]) * 0.35).astype(np.uint8)
    h, w = sheet.shape[:2]
    wall = np.full((h + 300, w + 300, 3), 255, np.uint8)
    wall[100:-100, 100:-100] = (32, 24, 16)
    wall[150:-150, 150:-150] = sheet
    chart = read_chart(wall)
    assert lookups(rows(chart), TABLES["bar_horizontal"].rows()) >= 0.9


def test_a_perception_reads_charts_with_the_default_reader_where_its_model_does_not() -> None:
    class Blind:
        def ask(self, frame: Frame, question: str) -> None: ...

    chart = Perception.of(Blind()).read_chart(Frame(drawn(TABLES["bar"]), "page", 0, 0.0))
    assert chart.lookup("", "May") == pytest.approx(70, rel=0.02)


class TestLooks:
    """What people draw besides plain bars and lines on a white page."""

    @pytest.mark.parametrize("kind", ["bar", "bar_stacked", "bar_horizontal"])
    def test_bars_that_fade_are_of_one_colour(self, kind: str) -> None:
        chart = read_chart(drawn(TABLES[kind], ("matplotlib", "gradient")))
        assert chart.kind == kind
        assert lookups(rows(chart), TABLES[kind].rows()) >= 0.9

    def test_narrow_hatched_bars_keep_their_feet(self) -> None:
        table = TABLES["bar_grouped"]
        chart = read_chart(drawn(table, ("matplotlib", "hatched")))
        assert lookups(rows(chart), table.rows()) >= 0.9

    def test_the_area_under_a_line_is_not_the_line(self) -> None:
        table = Table("line", "Energy", "", "kWh", MONTHS, {"": (63.7, 48.6, 42.9, 38.1, 57.0)})
        chart = read_chart(drawn(table, ("matplotlib", "area")))
        assert chart.kind == "line"
        assert lookups(rows(chart), table.rows()) == 1.0

    def test_hollow_marks_and_an_axis_at_the_right_are_read(self) -> None:
        chart = read_chart(drawn(TABLES["line"], ("matplotlib", "right")))
        assert lookups(rows(chart), TABLES["line"].rows()) == 1.0

    def test_an_outline_around_pygal_bars_is_not_counted_in_full(self) -> None:
        table = TABLES["bar_stacked"]
        chart = read_chart(drawn(table, ("pygal", "LightStyle")))
        assert lookups(rows(chart), table.rows()) == 1.0

    def test_bars_without_a_value_axis_are_read_by_their_printed_values(self) -> None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), dpi=100)
        axes = figure.add_subplot()
        axes.bar_label(axes.bar(("2015", "2016", "2017", "2018"), (12.5, 30, 7, 21)))
        axes.spines[:].set_visible(False)
        axes.set_yticks([])
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        chart = read_chart(open_image(buffer.getvalue()))
        assert chart.kind == "bar"
        assert [row.x for row in chart.rows] == ["2015", "2016", "2017", "2018"]
        assert [row.y for row in chart.rows] == pytest.approx([12.5, 30, 7, 21], rel=0.03)

    def test_labels_that_touch_are_taken_apart(self) -> None:
        days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
        table = Table("bar", "", "", "", days, {"": (30, 55, 12, 48, 70, 20)})
        chart = read_chart(drawn(table, ("matplotlib", "classic")))
        assert [row.x for row in chart.rows] == list(days)

    @pytest.mark.parametrize(
        ("read", "meant"),
        [
            (["Aug", "\u0259ep", "Oct", "Nov"], ["Aug", "Sep", "Oct", "Nov"]),
            (["06", "2017", "2018"], ["2016", "2017", "2018"]),
            (["Monday", "uesda", "Wednesday"], ["Monday", "Tuesday", "Wednesday"]),
            (["May", "Sales", "June"], ["May", "Sales", "June"]),
            (["2010", "2015", "2020"], ["2010", "2015", "2020"]),
            (["Ann", "Bob"], ["Ann", "Bob"]),
            (["Apr", "May", "Jul"], ["Apr", "May", "Jul"]),
            (["2017", "2018", "2019", "2021"], ["2017", "2018", "2019", "2021"]),
        ],
    )
    def test_slips_in_a_known_order_are_put_right(self, read: list[str], meant: list[str]) -> None:
        assert put_right(read) == meant


class TestQuestions:
    CHART = Chart(
        "bar_grouped",
        tuple(
            ChartRow(name, x, y, 0.9)
            for name, ys in TABLES["bar_grouped"].series.items()
            for x, y in zip(MONTHS, ys, strict=True)
        ),
    )

    @pytest.mark.parametrize(
        ("question", "said"),
        [
            ("Which month was the highest in the North?", "May"),
            ("which month has the lowest bar of South", "Feb"),
            ("which has the second highest value for North?", "Feb"),
            ("How much is South in Mar?", "66"),
            ("What is the total of North?", "215"),
            ("What is the average of South?", "36"),
            ("How many bars of North are above 40?", "3"),
            ("How many series are there?", "2"),
            ("What is the difference between North and South in Jan?", "8"),
            ("What is the highest value of North?", "70"),
            ("Is it raining?", ""),
        ],
    )
    def test_plain_questions_are_answered(self, question: str, said: str) -> None:
        assert self.CHART.ask(question) == said

    def test_lookup_names_what_there_is_instead(self) -> None:
        with pytest.raises(errors.NotFoundError, match="Jan, Feb"):
            self.CHART.lookup("North", "Dec")
        with pytest.raises(errors.NotFoundError, match="North, South"):
            self.CHART.lookup("West", "Jan")

    def test_a_line_is_interpolated_between_its_points(self) -> None:
        line = Chart("line", (ChartRow("", 1.0, 10.0, 1.0), ChartRow("", 3.0, 20.0, 1.0)))
        assert line.lookup("", 2.0) == 15.0
        assert line.to_pandas()["y"].tolist() == [10.0, 20.0]


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1,200", 1200), ("1.200,5", 1200.5), ("−3.5", -3.5), ("45 %", 45), ("1.2M", 1.2e6),
            ("500k", 5e5), ("$3", 3), ("12 000", 12000), ("3e+06", 3e6), ("0,5", 0.5), ("l0", 10),
            ("le+06", 1e6),
        ],
    )  # fmt: skip
    def test_numbers_are_read_as_they_are_printed(self, text: str, value: float) -> None:
        number = parse_number(text)
        assert number is not None
        assert number.value == pytest.approx(value)

    @pytest.mark.parametrize("text", ["Q1 2023", "Sales", "18-24 years", "", "1 2023", "A4"])
    def test_what_is_no_number_is_none(self, text: str) -> None:
        assert parse_number(text) is None

    def test_powers_of_ten_are_read_with_and_without_their_height(self) -> None:
        assert [power_of_ten(t) for t in ("10³", "103", "10°", "3×10²")] == [1e3, 1e3, 1.0, 300.0]

    def test_an_axis_bears_a_misread_label(self) -> None:
        ticks = [[(100.0 - 20 * i, v)] for i, v in enumerate([0.0, 10.0, 28.0, 30.0, 40.0])]
        axis = fit_axis(ticks)
        assert axis is not None
        assert axis.value(60.0) == pytest.approx(20.0)
        assert axis.agreed == 0.8

    def test_powers_of_ten_make_up_for_one_that_is_blurred(self) -> None:
        blurred = [(20.0, 10.0**k) for k in range(-6, 13)]
        read = [[(120.0, 102.0), (120.0, 100.0)], [(220.0, 101.0), (220.0, 10.0)]]
        axis = fit_axis([blurred, *read])
        assert axis is not None
        assert axis.scale == "log"
        assert axis.value(20.0) == pytest.approx(1000.0)


class TestBadInput:
    def test_what_is_no_chart_is_refused_with_what_is_missing(self) -> None:
        noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
        with pytest.raises(errors.ImageError, match="no chart found"):
            read_chart(noise)
        with pytest.raises(errors.ImageError, match="no chart found"):
            read_chart(np.full((300, 400, 3), 255, np.uint8))

    def test_a_plate_of_two_colours_is_no_pie(self) -> None:
        import cv2

        scene = np.full((360, 480, 3), (150, 120, 90), np.uint8)
        cv2.circle(scene, (240, 180), 90, (200, 40, 40), -1)
        cv2.ellipse(scene, (240, 180), (90, 90), 0, 0, 140, (40, 60, 200), -1)
        with pytest.raises(errors.ImageError, match="no chart found"):
            read_chart(scene)

    def test_a_lone_digit_with_a_speck_beside_it_is_no_display(self) -> None:
        scene = np.full((300, 400, 3), 40, np.uint8)
        scene[60:240, 150:250] = 230
        scene[80:140, 170:230] = scene[160:220, 170:230] = 40
        scene[225:240, 115:130] = 230
        with pytest.raises(errors.ImageError, match="no chart found"):
            read_chart(scene)

    def test_numbers_that_are_cut_off_make_no_axis(self) -> None:
        texts = [
            Text(said, (100.0 * k, 300.0, 100.0 * k + 40, 312.0), corners, 0.0, 0.9)
            for k, said in enumerate(["1000...", "2000...", "3000...", "4000..."])
            for corners in [tuple((100.0 * k + x, 300.0 + y) for x, y in _CORNERS)]
        ]
        assert lay_out(texts).x_axis is None

    def test_a_tiny_image_is_refused(self) -> None:
        with pytest.raises(errors.ImageError, match="1 × 1 pixels is too small"):
            read_chart(np.zeros((1, 1, 3), np.uint8))

    @pytest.mark.parametrize("mode", ["RGBA", "L", "CMYK", "P", "I;16", "1"])
    def test_every_mode_of_an_image_becomes_rgb(self, mode: str) -> None:
        grey = Image.linear_gradient("L")
        picture = (
            Image.fromarray(np.asarray(grey, np.uint16) * 257)
            if mode == "I;16"
            else grey.convert(mode)
        )
        buffer = io.BytesIO()
        picture.save(buffer, format="TIFF")
        image = open_image(buffer.getvalue())
        assert image.shape == (256, 256, 3)
        assert image.dtype == np.uint8
        assert image[-1].mean() > image[0].mean()

    def test_see_through_images_lie_on_white(self) -> None:
        buffer = io.BytesIO()
        Image.new("RGBA", (60, 60), (0, 0, 0, 0)).save(buffer, format="PNG")
        assert open_image(buffer.getvalue()).min() == 255

    def test_an_animation_gives_its_first_picture(self) -> None:
        buffer = io.BytesIO()
        pictures = [Image.new("RGB", (60, 60), c) for c in ("red", "blue")]
        pictures[0].save(buffer, format="GIF", save_all=True, append_images=pictures[1:])
        assert open_image(buffer.getvalue())[0, 0].tolist() == [255, 0, 0]

    def test_twenty_megapixels_are_scaled_down(self) -> None:
        buffer = io.BytesIO()
        Image.new("RGB", (5200, 4000), "white").save(buffer, format="PNG")
        assert open_image(buffer.getvalue(), most_pixels=3_000_000).size <= 3 * 3_010_000
        with pytest.raises(errors.ImageError, match="no chart found"):
            read_chart(open_image(buffer.getvalue()))

    def test_damaged_files_are_named(self, tmp_path: Path) -> None:
        buffer = io.BytesIO()
        Image.fromarray(drawn(TABLES["bar"])).save(buffer, format="JPEG")
        cut = tmp_path / "cut.jpg"
        cut.write_bytes(buffer.getvalue()[:2000])
        with pytest.raises(errors.ImageError, match=r"cut\.jpg is damaged or cut off"):
            open_image(cut)
        text = tmp_path / "notes.png"
        text.write_text("no image")
        with pytest.raises(errors.ImageError, match=r"notes\.png is no image"):
            open_image(text)
        with pytest.raises(errors.ImageError, match=r"there is no image .*none\.png"):
            open_image(tmp_path / "none.png")


class TestCommand:
    def test_json_of_one_image_is_one_object(self, tmp_path: Path) -> None:
        Image.fromarray(drawn(TABLES["bar"])).save(tmp_path / "bar.png")
        result = CliRunner().invoke(main, ["chart", str(tmp_path / "bar.png"), "--json"])
        said = json.loads(result.output)
        assert {"kind", "title", "x_label", "y_label", "rows"} <= said.keys()
        assert said["kind"] == "bar"
        assert [row["x"] for row in said["rows"]] == list(MONTHS)

    def test_a_folder_gives_a_line_an_image_and_goes_on_after_a_bad_one(
        self, tmp_path: Path
    ) -> None:
        Image.fromarray(drawn(TABLES["bar"])).save(tmp_path / "a.png")
        (tmp_path / "b.png").write_text("no image")
        result = CliRunner().invoke(main, ["chart", str(tmp_path), "--json"])
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert [Path(line["image"]).name for line in lines] == ["a.png", "b.png"]
        assert "is no image" in lines[1]["error"]
        assert result.exit_code == 1

    def test_a_question_is_answered(self, tmp_path: Path) -> None:
        Image.fromarray(drawn(TABLES["bar"])).save(tmp_path / "bar.png")
        arguments = ["chart", str(tmp_path / "bar.png"), "--ask", "which month is the highest?"]
        assert CliRunner().invoke(main, arguments).output.strip() == "May"

    def test_an_answer_is_json_where_json_is_asked_for(self, tmp_path: Path) -> None:
        Image.fromarray(drawn(TABLES["bar"])).save(tmp_path / "bar.png")
        question = ["--ask", "which month is the highest?", "--json"]
        one = CliRunner().invoke(main, ["chart", str(tmp_path / "bar.png"), *question])
        assert json.loads(one.stdout) == {"answer": "May"}
        folder = CliRunner().invoke(main, ["chart", str(tmp_path), *question])
        assert json.loads(folder.stdout) == {"image": str(tmp_path / "bar.png"), "answer": "May"}

    def test_a_file_of_rows_is_written(self, tmp_path: Path) -> None:
        Image.fromarray(drawn(TABLES["bar"])).save(tmp_path / "bar.png")
        out = tmp_path / "rows.csv"
        arguments = ["chart", str(tmp_path / "bar.png"), "--out", str(out)]
        assert CliRunner().invoke(main, arguments).exit_code == 0
        lines = out.read_text().splitlines()
        assert lines[0] == "series,x,y"
        assert len(lines) == 6
