"""Dials with a needle and seven-segment displays, behind the same verb as charts."""

import numpy as np
import pytest
from handeye.perception.charts import read_chart
from handeye.perception.charts.gauge import find_dial
from handeye.perception.charts.text import Text

import handeye.errors as errors
from benchmarks.charts.instruments import USED, Display, Gauge, draw_display, draw_gauge
from benchmarks.charts.photograph import photograph

RED = USED["display red"]
LCD = USED["display lcd"]
assert isinstance(RED, Display)
assert isinstance(LCD, Display)


def label(text: str, x: float, y: float) -> Text:
    box = (x - 8.0, y - 6.0, x + 8.0, y + 6.0)
    corners = ((x - 8.0, y - 6.0), (x + 8.0, y - 6.0), (x + 8.0, y + 6.0), (x - 8.0, y + 6.0))
    return Text(text, box, corners, 0.0, 1.0)


class TestGauge:
    @pytest.mark.parametrize("name", ["gauge plain", "gauge dark"])
    def test_the_value_is_where_the_needle_points(self, name: str) -> None:
        look = USED[name]
        assert isinstance(look, Gauge)
        chart = read_chart(draw_gauge(look, 100.0, 36.0, "bar"))
        assert chart.kind == "gauge"
        assert chart.rows[0].y == pytest.approx(36.0, abs=2.0)
        assert chart.y_unit == "bar"

    def test_a_printed_value_that_agrees_is_preferred(self) -> None:
        chart = read_chart(draw_gauge(Gauge(printed=True), 200.0, 123.4, "km/h"))
        assert chart.rows[0].y == 123.4

    def test_a_dial_without_a_needle_is_refused(self) -> None:
        blank = draw_gauge(Gauge(needle="white"), 100.0, 36.0, "bar")
        with pytest.raises(errors.ImageError, match="no needle"):
            read_chart(blank)

    def test_a_photographed_gauge_is_read(self) -> None:
        photo = photograph(draw_gauge(Gauge(), 10.0, 7.2, "bar"), np.random.default_rng(3))
        assert read_chart(photo).rows[0].y == pytest.approx(7.2, abs=0.3)

    def test_a_scale_may_run_either_way_and_bears_a_misread_label(self) -> None:
        for turn in (1, -1):
            angles = np.radians([turn * (-120 + 40 * k) for k in range(7)])
            texts = [
                label(str(10 * k), 200 + 90 * float(np.sin(a)), 200 - 90 * float(np.cos(a)))
                for k, a in enumerate(angles)
            ]
            texts[2] = label("70", *texts[2].center)
            dial = find_dial(texts)
            assert dial is not None
            assert dial.center == pytest.approx((200, 200), abs=1.0)
            assert dial.value(0.0) == pytest.approx(30.0, abs=0.5)
            assert dial.value(np.pi) is None

    def test_numbers_in_rows_and_columns_make_no_dial(self) -> None:
        grid = [label(str(10 * k), 50.0 + 60 * (k % 4), 50.0 + 40 * (k // 4)) for k in range(12)]
        assert find_dial(grid) is None


class TestDisplay:
    @pytest.mark.parametrize(
        ("look", "said"), [(RED, "30.8"), (LCD, "-142.5"), (LCD, "967"), (RED, "0.25")]
    )
    def test_digits_points_and_signs_are_read(self, look: Display, said: str) -> None:
        chart = read_chart(draw_display(look, said, np.random.default_rng(0)))
        assert chart.kind == "display"
        assert (chart.rows[0].x, chart.rows[0].y) == (said, float(said))

    def test_a_photographed_display_is_read(self) -> None:
        photo = photograph(
            draw_display(RED, "48.2", np.random.default_rng(0)), np.random.default_rng(1)
        )
        assert read_chart(photo).rows[0].y == 48.2

    def test_a_display_with_a_dead_segment_is_not_guessed(self) -> None:
        image = draw_display(RED, "208", np.random.default_rng(0)).copy()
        size = int(np.random.default_rng(0).integers(34, 60))
        top, left = round(2.1 * size), round(3.75 * size)
        image[top - size // 4 : top + size // 8, left + size // 8 : left + 7 * size // 8] = (
            RED.panel
        )
        with pytest.raises(errors.ImageError):
            read_chart(image)
