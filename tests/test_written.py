"""What models write: boxes of every form, JSON of every manner, answers, refusals, tables."""

import json
import re
from typing import Any

import pytest
from handeye.perception.vlm.plots import table_to_chart
from handeye.perception.vlm.sureness import sureness
from handeye.perception.vlm.written import WrittenBox, read_answer, read_table
from handeye.perception.vlm.written_absent import of_phrase, says_absent
from handeye.perception.vlm.written_boxes import read_boxes
from handeye.perception.vlm.written_json import holds_whole_list, read_json
from hypothesis import given, settings
from hypothesis import strategies as st

from handeye.errors import ModelError

SIZE = (320, 240)


class TestWhatModelsWrite:
    @pytest.mark.parametrize(
        ("text", "options", "boxes"),
        [
            # Qwen2-VL
            ("<|object_ref_start|>red cup<|object_ref_end|>"
             "<|box_start|>(500,250),(750,500)<|box_end|>",
             {}, [("red cup", (160, 60, 240, 120))]),
            # Qwen2-VL, without its special tokens
            ("the red cup(500,250),(750,500)",
             {"convention": "thousandths"}, [("", (160, 60, 240, 120))]),
            # Gemini: y first, in thousandths, whatever was asked for
            ('[{"box_2d": [250, 500, 500, 750], "label": "red cup"}]',
             {"convention": "pixels"}, [("red cup", (160, 60, 240, 120))]),
            # … but corners that have names are what their names say
            ('{"box_2d": {"x0": 16, "y0": 24, "x1": 160, "y1": 120}}',
             {"convention": "pixels"}, [("", (16, 24, 160, 120))]),
            # a number is never cut in two to make four of three
            ("The image is (640, 480, 3).", {"convention": "pixels"}, []),
            # Qwen2.5-VL, in a fence
            ('```json\n[{"bbox_2d": [16, 24, 160, 120], "label": "cup"}]\n```',
             {"convention": "pixels"}, [("cup", (16, 24, 160, 120))]),
            # Qwen3-VL
            ('[{"bbox_2d": [500, 0, 1000, 1000], "label": "bowl"}]',
             {"convention": "thousandths"}, [("bowl", (160, 0, 320, 240))]),
            # PaliGemma: y first, in 1024ths
            ("<loc0256><loc0512><loc0512><loc0768> red cup ; "
             "<loc0000><loc0000><loc1023><loc1023> table",
             {}, [("red cup", (160, 60, 240, 120)), ("table", (0, 0, 319.69, 239.77))]),
            # LLaVA: shares
            ("The cup is at [0.25, 0.5, 0.5, 1.0].", {}, [("", (80, 120, 160, 240))]),
            # cut off in the middle of the second box
            ('[{"bbox_2d": [10, 20, 30, 40], "label": "cup"}, {"bbox_2d": [50, 60',
             {"convention": "pixels"}, [("cup", (10, 20, 30, 40))]),
            # swapped corners, and prose around
            ('Sure! Here it is: {"box": [100, 90, 20, 30], "name": "can"} Hope that helps.',
             {"convention": "pixels"}, [("can", (20, 30, 100, 90))]),
            # outside of the image
            ('[{"bbox": [-50, -50, 900, 900], "label": "table"}, {"bbox": [400, 10, 500, 20]}]',
             {"convention": "pixels"}, [("table", (0, 0, 320, 240))]),
            # of the image as the model saw it
            ('[{"bbox_2d": [64, 48, 128, 96], "label": "cup"}]',
             {"convention": "pixels", "seen": (640, 480)}, [("cup", (32, 24, 64, 48))]),
            # a point
            ('{"point_2d": [100, 100], "label": "lid"}',
             {"convention": "pixels"}, [("lid", (96, 96, 104, 104))]),
            # a point of Gemini's is y first, too
            ('[{"point": [500, 250], "label": "lid"}]', {}, [("lid", (76, 116, 84, 124))]),
            # thoughts are no answer
            ("<think>[0, 0, 320, 240]?</think>[10, 20, 30, 40]",
             {"convention": "pixels"}, [("", (10, 20, 30, 40))]),
            # what was padded to a square was seen as one
            ("[0.5, 0.25, 1.0, 0.5]", {"convention": "shares", "region": (0, -40, 320, 280)},
             [("", (160, 40, 320, 120))]),
            ("There is no such thing in the image.", {}, []),
            ("[]", {}, []),
        ],
    )  # fmt: skip
    def test_boxes_of_every_form_become_pixels(
        self, text: str, options: dict[str, Any], boxes: list[tuple[str, tuple[float, ...]]]
    ) -> None:
        found = read_boxes(text, SIZE, **options)
        assert [box.label for box in found] == [label for label, _ in boxes]
        for box, (_, corners) in zip(found, boxes, strict=True):
            assert box.box == pytest.approx(corners, abs=0.02)

    @pytest.mark.parametrize(
        "text",
        [
            "[{'box_2d': [250, 500, 500, 750], 'label': 'red cup'}]",
            '[{box_2d: [250, 500, 500, 750], label: "red cup"}]',
            '[{"box_2d": [250, 500, 500, 750], // as asked\n "label": "red cup",},]',
            '[{"box_2d": ["250", "500", "500", "750"], "label": "red cup"}]',
            '[{"box_2d": [[250, 500], [500, 750]], "label": "red cup"}]',
            'I found [1] cup: [{"box_2d": [250, 500, 500, 750], "label": "red cup"}]',
            '{"result": {"objects": [{"box_2d": [250, 500, 500, 750], "label": "red cup"}]}}',
            '[[{"box_2d": [250, 500, 500, 750], "label": "red cup"}]]',
            '{"red cup": {"box_2d": [250, 500, 500, 750]}}',
            '{"red cup": [{"box_2d": [250, 500, 500, 750]}]}',
            '[{"box_2d": {"ymin": 250, "xmin": 500, "ymax": 500, "xmax": 750}, "name": "red cup"}]',
            '[{"x1": 500, "y1": 250, "x2": 750, "y2": 500, "label": "red cup"}]',
            '[{"bbox": {"x": 500, "y": 250, "width": 250, "height": 250}, "label": "red cup"}]',
        ],
    )  # fmt: skip
    def test_json_of_every_manner_keeps_its_keys(self, text: str) -> None:
        [found] = read_boxes(text, SIZE, convention="thousandths")
        assert found.label == "red cup"
        assert found.box == pytest.approx((160, 60, 240, 120))

    @pytest.mark.parametrize(
        "text",
        [
            '{"bbox": [0, 0, 9, 9], "label": "cup"}\n{"bbox": [9, 9, 20, 20], "label": "bowl"}',
            '{"cup": [{"bbox": [0, 0, 9, 9]}], "bowl": [{"bbox": [9, 9, 20, 20]}]}',
            '{"cup": [0, 0, 9, 9], "bowl": [9, 9, 20, 20]}',
        ],
    )
    def test_of_several_things_all_are_read(self, text: str) -> None:
        found = read_boxes(text, SIZE, convention="pixels")
        assert [(box.label, box.box[0]) for box in found] == [("cup", 0), ("bowl", 9)]

    def test_what_is_impossible_in_thousandths_is_read_as_pixels_or_refused(self) -> None:
        wide = (1920, 1080)
        [found] = read_boxes("[1200, 500, 1500, 900]", wide, convention="thousandths")
        assert found.box == pytest.approx((1200, 500, 1500, 900))
        with pytest.raises(ModelError, match="in thousandths of the image with numbers up to 1500"):
            read_boxes("[1200, 500, 1500, 900]", SIZE, convention="thousandths")

    @pytest.mark.parametrize(
        "text",
        ["[]", '{"objects": []}', '```json\n[]\n```', '[{"bbox_2d": null, "label": "cup"}]',
         "There is no cup.", "None", "The cup is not visible.", "<think>Hm [1].</think>[]",
         '[{"bbox_2d": [0, 0, 0, 0], "label": "not found"}]', '{"bbox": [-1, -1, -1, -1]}',
         '[{"bbox_2d": [0, 0, 0, 0], "label": "red cup", "score": 0.9}]', '{"count": 0}',
         "I cannot find a red cup in the image: []", "Sorry, there is no cup. []"],
    )  # fmt: skip
    def test_that_nothing_is_there_is_said_in_so_many_ways(self, text: str) -> None:
        assert says_absent(text)

    @pytest.mark.parametrize(
        "text",
        ["", "I'm sorry, I can't help with that.", '{"objects": [', '{"objects": [{"label": "c',
         "The cup is on the left.", "<think>Is there a cup? There is no", '{"error": "no key"}',
         "I'm sorry, I cannot see the image. []", "I can't view this picture: []",
         "I'm unable to help with that. []", '{"bbox": [5, 5, 5, 5]}'],
    )  # fmt: skip
    def test_what_refuses_or_breaks_off_does_not_say_that_nothing_is_there(self, text: str) -> None:
        assert not says_absent(text)

    @pytest.mark.parametrize(
        "text",
        ['{"bbox": [0, 0, 0, 0]}', '{"bbox": [-1, -1, -1, -1]}', '{"bbox": [50, 50, 50, 50]}',
         '{"point": [0, 0]}', '{"point": [-1, -1]}', "[7, 7, 7, 7]"],
    )  # fmt: skip
    def test_only_a_point_stands_for_the_pixels_around_it(self, text: str) -> None:
        assert read_boxes(text, SIZE, convention="pixels") == []

    @pytest.mark.parametrize(
        ("phrase", "labels", "kept"),
        [
            ("the red cup", ["red cup", "blue plate", "gripper"], ["red cup"]),
            ("the red cups", ["cup", "", "plate"], ["cup", ""]),
            ("the red cup", ["mug", "thing"], ["mug", "thing"]),  # in words of its own
            ("the red cup", ["no red cup"], []),
            ("the red cup", ["not found", "cup (not visible)", "none"], []),
            ("the no entry sign", ["no entry sign"], ["no entry sign"]),
            ("", ["cup", "plate", "nothing"], ["cup", "plate"]),
        ],
    )
    def test_boxes_are_of_what_was_asked_for(
        self, phrase: str, labels: list[str], kept: list[str]
    ) -> None:
        boxes = [WrittenBox((0, 0, 9, 9), label) for label in labels]
        assert [box.label for box in of_phrase(boxes, phrase)] == kept

    @pytest.mark.parametrize(
        ("text", "whole"),
        [('[{"bbox": [1, 2, 3, 4]}] The cup is', True),
         ('{"objects": [{"bbox": [1, 2, 3, 4]}]}', True),
         ('[{"bbox": [1, 2, 3, 4]}, {"bb', False), ('[{"bbox": [1, 2, 3, 4]},', False),
         ('{"bbox": [1, 2, 3, 4]}', False), ("a cup at [1, 2, 3, 4], a", False), ("A cup", False)],
    )  # fmt: skip
    def test_a_list_is_whole_only_to_its_last_bracket(self, text: str, whole: bool) -> None:
        assert holds_whole_list(text) is whole

    @given(st.text(max_size=200))
    @settings(max_examples=300, deadline=None)
    def test_no_text_breaks_the_readers(self, text: str) -> None:
        for box in read_boxes(text, SIZE):
            x0, y0, x1, y1 = box.box
            assert 0 <= x0 < x1 <= 320
            assert 0 <= y0 < y1 <= 240
        read_json(text)
        read_answer(text)
        read_table(text)

    @given(st.recursive(st.integers() | st.text(max_size=8) | st.booleans(),
                        lambda c: st.lists(c, max_size=4)
                        | st.dictionaries(st.text(max_size=6), c, max_size=4)),
           st.integers(0, 60))  # fmt: skip
    @settings(max_examples=200, deadline=None)
    def test_json_is_read_whole_and_cut_off_json_breaks_nothing(self, value: Any, cut: int) -> None:
        text = json.dumps(value)
        if isinstance(value, list | dict):
            assert read_json(f"Here: {text}") == value
        read_json(text[:cut])

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ('{"a": [1, 2, 3', {"a": [1, 2]}),  # the 3 may have been 30
            ('[{"label": "cup", "sco', [{"label": "cup"}]),
            ('[{"label": "a, \\"b\\"", "x": {', [{"label": 'a, "b"', "x": {}}]),
            ('{"a": 1} and {"b": 2}', {"a": 1}),
            ('[{"a": 1}, {broken, {"b": 2}]', [{"a": 1}, {}]),
            ("[" * 100_000, None),
            ('{"a": ' + "9" * 5000, None),
            ("{'a': 'it\\'s', b: None, 'c': (1, 2.5)}", {"a": "it's", "b": None, "c": [1, 2.5]}),
            ('Of [3]: {"kind": "bar"}', {"kind": "bar"}),
            ('<think>{"a": 1}</think>{"a": 2}', {"a": 2}),
        ],
    )  # fmt: skip
    def test_of_cut_off_json_what_is_whole_is_read(self, text: str, value: Any) -> None:
        assert read_json(text) == value

    def test_a_long_answer_that_was_cut_off_is_read_in_one_go(self) -> None:
        text = json.dumps([{"bbox_2d": [1, 2, 3, 4], "label": "cup"}] * 20_000)[:-7]
        assert len(read_json(text)) == 20_000

    def test_numbers_beyond_any_image_are_no_boxes(self) -> None:
        assert read_boxes('{"bbox": [0, 0, 1e999, 4]}', SIZE) == []
        assert read_boxes('{"bbox": [0, 0, 1' + "0" * 400 + ", 4]}", SIZE) == []

    @pytest.mark.parametrize(
        ("text", "said"),
        [("Yes, it is.", "yes"), ("No.", "no"), ("\n\nAnswer: 3", "3"), ("", ""),
         ("a red cup.", "a red cup"), ("No idea.", ""), ("I don’t know.", ""),
         ("No one.", "No one"), ("Nothing", "Nothing"), ("**Yes**, it is", "yes"),
         ("**Answer:** `3`", "3"), ("```\n- *red cup*\n```", "red cup"), ("-5", "-5"),
         ("3 * 4", "3 * 4"), ("cup_1", "cup_1"), ("The answer is no.", "no"),
         ("<think>\nSo it is.\n</think>\n\nYes", "yes"), ("So it is.</think>yes", "yes"),
         ("<think>It may", ""), ("Unclear.", ""), ("Unknown", ""), ("N/A", ""),
         ("I'm unable to determine that.", ""), ("I’m sorry, but I can’t help.", ""),
         ("yes/no", "yes/no"), ("Yes and no.", "Yes and no"), ("no, no cup", "no"),
         ("It cannot be determined.", ""), ("It is not possible to tell", "")],
    )  # fmt: skip
    def test_answers_are_short(self, text: str, said: str) -> None:
        assert read_answer(text) == said

    @pytest.mark.parametrize(
        ("text", "tokens", "sure"),
        [
            # thoughts do not count, be they in the text or not
            ("<think>So it is.</think>a cup", "<think>|1 So it is.|1 </think>|1 a|.4 cup|.2", 0.3),
            ("a cup", "So it is.|1 </think>|1 a|.4 cup|.2", 0.3),
            # of an answer that is yes or no, that word
            ("Answer: **Yes**, it is.", "Answer|1 :|1 **|1 Yes|.2 **|1 , it is.|1", 0.2),
            ("no", "1|1 2|1 no|.1", 0.1),
            # what no token tells of is told by all of them, from the thoughts' end on
            ("Yes.", "x|.4 y|.2", 0.3),
            ("Yes.", "x|1 </think>|1 y|.2", 0.2),
            ("Yes.", "", None),
        ],
    )
    def test_how_sure_a_model_is_of_its_answer(
        self, text: str, tokens: str, sure: float | None
    ) -> None:
        given = [one.rsplit("|", 1) for one in re.findall(r".+?\|[\d.]+", tokens)]
        assert sureness([(token, float(share)) for token, share in given], text) == (
            None if sure is None else pytest.approx(sure)
        )

    def test_deplots_tables_become_charts(self) -> None:
        text = (
            "TITLE | Sales <0x0A> Year | North | South <0x0A> 2019 | 3 | 4.5 "
            "<0x0A> 2020 | 1,200 | n/a"
        )
        chart = table_to_chart(*read_table(text), 0.8)
        assert (chart.kind, chart.title, chart.x_label) == ("line", "Sales", "Year")
        assert [(r.series, r.x, r.y) for r in chart.rows] == [
            ("North", 2019, 3), ("South", 2019, 4.5), ("North", 2020, 1200),
        ]  # fmt: skip
        assert chart.unread == ("1 cells that are no numbers",)
