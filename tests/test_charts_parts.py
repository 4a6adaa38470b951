"""Parts of reading a chart, each on what it is for: joints, legends, colours, places of text."""

import cv2
import numpy as np
import pytest
from drawn_charts import text
from handeye.perception.charts.axis import Axis
from handeye.perception.charts.bars import Bar, Bars, find_bars
from handeye.perception.charts.categories import Label, category_labels
from handeye.perception.charts.curves import find_points
from handeye.perception.charts.ink import take_apart
from handeye.perception.charts.joints import sealed
from handeye.perception.charts.layout import Layout, lay_out
from handeye.perception.charts.legend import find_legend
from handeye.perception.charts.legend_gaps import with_missed
from handeye.perception.charts.missing_labels import missed_texts
from handeye.perception.charts.parts import parts_of
from handeye.perception.charts.photographed import find_sheets
from handeye.perception.charts.read_bars import bar_rows
from handeye.perception.charts.rims import without_rims
from handeye.perception.charts.similar import told_apart
from handeye.perception.charts.spaces import with_spaces
from handeye.perception.charts.splitting import column_places
from handeye.perception.charts.text import Text, piece_among
from handeye.perception.charts.true_texts import true_texts

BLUE, ORANGE, GREEN = (31, 119, 180), (255, 127, 14), (44, 160, 44)
PLACES = (60, 140, 220)
"""Columns at which bars of 50 pixels begin."""


def page(height: int = 300, width: int = 400) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


def stacked(
    between: list[tuple[int, int, int]], at: tuple[int, ...] = (200, 180, 160)
) -> np.ndarray:
    """Orange on blue down to row 260, with rows of other colours from `at` on between them."""
    image = page()
    for x, y in zip(PLACES, at, strict=True):
        image[60:y, x : x + 50] = ORANGE
        image[y:260, x : x + 50] = BLUE
        for k, color in enumerate(between):
            image[y + k, x : x + 50] = color
    return image


class TestJoints:
    @pytest.mark.parametrize(
        ("between", "joint"),
        [
            ([], 200.0),
            ([(0, 0, 0), (0, 0, 0)], 201.0),
            ([(255, 255, 255), (255, 255, 255), (255, 255, 255)], 201.5),
            ([tuple(round(0.7 * a + 0.3 * b) for a, b in zip(ORANGE, BLUE, strict=True))], 200.7),
        ],
        ids=["nothing", "an outline", "a gap", "a mixture"],
    )
    def test_what_is_between_two_segments_is_shared(
        self, between: list[tuple[int, int, int]], joint: float
    ) -> None:
        image = stacked(between)
        canvas = take_apart(image, [])
        bars = find_bars(canvas, canvas.inks, True)
        assert bars is not None
        lower, upper = sealed(bars, canvas.rgb).bars[:2]
        assert lower.y0 == upper.y1 == pytest.approx(joint, abs=0.15)

    def test_level_bars_have_joints_as_well(self) -> None:
        image = stacked([(0, 0, 0), (0, 0, 0)]).transpose(1, 0, 2)
        canvas = take_apart(np.ascontiguousarray(image), [])
        bars = find_bars(canvas, canvas.inks, False)
        assert bars is not None
        first, second = sealed(bars, canvas.rgb).bars[:2]
        assert first.y0 == second.y1 == pytest.approx(201.0, abs=0.15)

    def test_a_short_first_segment_begins_where_the_axis_says(self) -> None:
        """A thick axis line hides 1 of its 5 pixels."""
        pieces = [
            bar
            for x in PLACES
            for bar in (Bar(0, x, 195.5, x + 50, 199.5), Bar(1, x, 100.0, x + 50, 195.5))
        ]
        bars = Bars(tuple(pieces), upright=True, base=199.5, stacked=True)
        axis = Axis("linear", -1.0, 200.0, ((200.0, 0.0), (100.0, 100.0)), 1.0, marked=True)
        labels = [Label(x + 25.0, f"{x}", 0.9) for x in PLACES]
        rows, _ = bar_rows(bars, ("a", "b"), axis, labels, [])
        assert [row.y for row in rows if row.series == "a"] == pytest.approx([5.0] * 3)


class TestLegends:
    def entries(
        self, image: np.ndarray, names: list[str], colors: list[tuple[int, int, int]]
    ) -> list[Text]:
        """Draw a legend at the right; the places of its names."""
        places = []
        for k, (name, color) in enumerate(zip(names, colors, strict=True)):
            y = 30 + 22 * k
            image[y : y + 12, 300:320] = color
            cv2.putText(
                image, name, (328, y + 11), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA
            )
            places.append(text(name, 327, y - 1, 329 + 10 * len(name), y + 14))
        return places

    def test_entries_that_stand_on_a_bar_follow_from_the_one_that_does_not(self) -> None:
        image = page(300, 420)
        image[60:260, 60:110] = BLUE
        image[46:260, 280:420] = (73, 52, 70)
        colors = [BLUE, ORANGE, GREEN, (243, 139, 168)]
        names = self.entries(image, ["Cash", "Card", "Transfer", "Voucher"], colors)
        legend = find_legend(take_apart(image, names), names)
        assert [e.text.text for e in legend] == ["Cash", "Card", "Transfer", "Voucher"]

    def test_a_name_that_was_missed_is_read_beside_its_swatch(self) -> None:
        image = stacked([])
        names = self.entries(image, ["Import", "Export", "Stock"], [BLUE, ORANGE, GREEN])
        canvas = take_apart(image, names[:2])
        legend = find_legend(canvas, names[:2])
        assert [e.text.text for e in legend] == ["Import", "Export"]
        assert [e.text.text for e in with_missed(image, canvas, legend)] == [
            "Import",
            "Export",
            "Stock",
        ]

    def test_shades_of_one_hue_go_to_the_entry_of_their_own_shade(self) -> None:
        """The middle shade has most area, which does not make it the others' as well."""
        shades = [(198, 219, 239), (158, 202, 225), (107, 174, 214)]
        image = page(300, 420)
        for x in PLACES:
            for (top, bottom), color in zip(((60, 75), (75, 245), (245, 260)), shades, strict=True):
                image[top:bottom, x : x + 50] = color
        names = self.entries(image, ["low", "mid", "high"], shades)
        parts = parts_of(image, take_apart(image, names), Layout(free=names))
        assert parts.names == ("low", "mid", "high")
        tops = [int(np.flatnonzero(ink.mask.any(axis=1))[0]) for ink in parts.inks]
        assert tops == pytest.approx([60, 75, 245], abs=1)

    def test_colours_that_only_the_legend_tells_apart_are_two(self) -> None:
        light, pale = (190, 231, 151), (204, 235, 172)
        image = page(300, 420)
        for x in PLACES:
            image[60:150, x : x + 50] = pale
            image[150:260, x : x + 50] = light
        names = self.entries(image, ["Actual", "Planned"], [light, pale])
        canvas = take_apart(image, names)
        assert len(canvas.inks) == 1
        inks = told_apart(canvas.rgb, find_legend(canvas, names), list(canvas.inks))
        rows = sorted(int(np.median(np.nonzero(ink.mask[:, :280])[0])) for ink in inks)
        assert rows == pytest.approx([104, 204], abs=2)

    def test_one_colour_stays_one(self) -> None:
        image = stacked([])
        names = self.entries(image, ["Import", "Export"], [BLUE, ORANGE])
        canvas = take_apart(image, names)
        legend = find_legend(canvas, names)
        assert told_apart(canvas.rgb, legend, list(canvas.inks)) == list(canvas.inks)


class TestPlacesOfText:
    def quad(self, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
        return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)

    def test_the_whole_of_a_word_takes_the_place_of_a_piece_of_it(self) -> None:
        others = [self.quad(10, 10, 60, 24), self.quad(100, 10, 130, 24)]
        assert piece_among(self.quad(99, 9, 180, 25), others) == 1
        assert piece_among(self.quad(9, 99, 25, 180), [self.quad(10, 100, 24, 130)]) == 0

    def test_a_place_that_holds_two_or_is_much_higher_does_not(self) -> None:
        others = [self.quad(10, 10, 60, 24), self.quad(100, 10, 130, 24)]
        assert piece_among(self.quad(9, 9, 140, 25), others) is None
        assert piece_among(self.quad(90, 0, 190, 40), others) is None
        assert piece_among(self.quad(98, 9, 132, 25), others) is None

    def test_a_word_that_stands_half_on_a_bar_is_not_cut_where_the_bar_ends(self) -> None:
        image = page()
        image[31:, :171] = ORANGE
        cv2.putText(image, "Women", (128, 42), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1)
        word = text("Women", 125, 30, 183, 45)
        assert true_texts([word], image) == [word]


class TestWords:
    def line(self, words: list[str], gap: int) -> tuple[np.ndarray, list[float]]:
        """A line of text, 48 pixels high, and where the middles of its letters are."""
        image, x, places = np.full((48, 600, 3), 255, np.uint8), 8, []
        for word in words:
            for letter in word:
                wide = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, 1.1, 3)[0][0]
                cv2.putText(image, letter, (x, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (0, 0, 0), 3)
                places.append(x + wide / 2)
                x += wide
            x += gap
        return image[:, :x], places

    def test_a_space_that_was_not_read_is_seen(self) -> None:
        image, places = self.line(["55", "and", "older"], 18)
        assert with_spaces("55andolder", places, image) == "55 and older"

    def test_one_word_stays_one(self) -> None:
        image, places = self.line(["Marketing"], 18)
        assert with_spaces("Marketing", places, image) == "Marketing"

    def test_a_tick_that_was_read_as_a_dash_is_no_part_of_a_label(self) -> None:
        said = ("Q1 2023", "Q2 2023-", "Q3 2023")
        texts = [text(s, 60.0 + 100 * k, 300, 120.0 + 100 * k, 312) for k, s in enumerate(said)]
        labels, _ = category_labels(texts, 290.0, (50.0, 330.0), upright=True)
        assert [label.text for label in labels] == ["Q1 2023", "Q2 2023", "Q3 2023"]


class TestMarks:
    def test_the_blurred_edge_of_a_black_mark_is_no_grey_mark(self) -> None:
        image = page()
        for x in (80, 160, 240):
            cv2.circle(image, (x, 100), 7, (0, 0, 0), -1)
            cv2.circle(image, (x, 200), 7, (118, 118, 118), -1)
        canvas = take_apart(cv2.GaussianBlur(image, (0, 0), 1.0), [])
        marks = [find_points(ink.mask) for ink in without_rims(canvas.inks)]
        assert sorted(round(y / 100) for points in marks for _, y in points) == [1, 1, 1, 2, 2, 2]

    def test_what_is_left_of_axis_lines_is_no_mark(self) -> None:
        mask = np.zeros((300, 400), bool)
        disc = np.zeros((300, 400), np.uint8)
        for x, y in ((100, 80), (180, 150), (260, 60)):
            cv2.circle(disc, (x, y), 7, 1, -1)
        mask |= disc > 0
        for x in range(40, 400, 40):
            mask[250:252, x : x + 3] = mask[252:256, x + 1] = True
        mask[250:252, 300:380] = True
        found = sorted(find_points(mask))
        assert found == [pytest.approx(p, abs=0.5) for p in ((100, 80), (180, 150), (260, 60))]

    def test_stacked_bars_close_to_each_other_are_columns_of_their_own(self) -> None:
        pieces = [Bar(k, 90.0 * c, 0, 90.0 * c + 80, 50) for c in range(4) for k in range(2)]
        bars = Bars(tuple(pieces), upright=True, base=50.0, stacked=True)
        assert column_places(bars) == [40.0, 130.0, 220.0, 310.0]


class TestSheets:
    def test_a_corner_that_lies_in_the_dark_is_drawn_out(self) -> None:
        corners = np.array([[60, 50], [420, 30], [450, 300], [40, 320]])
        photo = np.full((360, 500, 3), (90, 110, 40), np.uint8)
        cv2.fillConvexPoly(photo, corners, (225, 225, 230))
        cv2.fillConvexPoly(photo, np.array([[460, 230], [460, 330], [360, 330]]), (90, 110, 40))
        found = find_sheets(photo)
        assert np.abs(found[0] - corners).max() < 6

    def test_what_has_round_corners_is_no_sheet(self) -> None:
        photo = np.full((360, 500, 3), (90, 110, 40), np.uint8)
        cv2.circle(photo, (250, 180), 140, (225, 225, 230), -1)
        assert find_sheets(photo) == []


class TestMissedLabels:
    def test_a_label_that_was_missed_is_found_where_it_must_be(self) -> None:
        image, used, labels = page(), [], []
        for x, said in zip((85, 165, 245), ("North", "South", "West"), strict=True):
            cv2.putText(
                image, said, (x - 24, 290), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA
            )
            if said != "South":
                used.append(text(said, x - 25, 278, x + 22, 292))
                labels.append(Label(float(x), said, 0.9))
        found = missed_texts(image, [85.0, 165.0, 245.0], labels, used, upright=True)
        assert [t.text for t in found] == ["South"]
        assert missed_texts(image, [85.0, 245.0], labels, used, upright=True) == []


class TestLogarithmicAxes:
    def axis(self, *said: str) -> Axis | None:
        return lay_out(
            [text(s, 80.0 + 100 * k, 300, 120.0 + 100 * k, 312) for k, s in enumerate(said)]
        ).x_axis

    def test_values_that_happen_to_grow_evenly_are_no_axis(self) -> None:
        assert self.axis("884000", "1.1e+06", "1.37e+06") is None

    @pytest.mark.parametrize(
        "said", [("1", "10", "100"), ("2", "8", "32", "128"), ("0.5", "5", "50")]
    )
    def test_round_powers_are_one(self, said: tuple[str, ...]) -> None:
        axis = self.axis(*said)
        assert axis is not None
        assert axis.scale == "log"


def test_a_pattern_of_pale_specks_is_no_panel() -> None:
    image = page(320, 420)
    for y in range(20, 300, 20):
        for x in range(20, 400, 20):
            image[y : y + 8, x : x + 8] = 216
    image[100:220, 150:250] = BLUE
    assert take_apart(image, []).backgrounds.tolist() == [[255.0, 255.0, 255.0]]


def test_a_panel_is_one_below_a_dense_log_grid_too() -> None:
    image = page(420, 640)
    image[40:380, 100:620] = 202
    for y in np.cumsum([8, 6, 6, 6] * 4 + [24] * 8):
        image[40 + y, 100:620][np.arange(520) % 8 < 5] = 40
    image[300:302, 120:600] = BLUE
    assert take_apart(image, []).backgrounds.tolist() == [[255.0] * 3, [202.0] * 3]
