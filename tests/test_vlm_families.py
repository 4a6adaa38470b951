"""Every family of vision-language models: tiny checkpoints, recorded outputs, a server."""

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch._dynamo.utils
from handeye.perception.frame import Frame
from handeye.perception.perception import Perception
from handeye.perception.vlm.checkpoints import Parts
from handeye.perception.vlm.explaining import relevance
from handeye.perception.vlm.grounders import CAPTION, EVERYTHING, TO_PHRASE
from handeye.perception.vlm.load import FAMILIES, load_vlm
from handeye.perception.vlm.masks import with_masks
from handeye.perception.vlm.plots import table_to_chart
from handeye.perception.vlm.remote import Spending
from handeye.perception.vlm.verbs import Detection
from handeye.perception.vlm.written import read_answer, read_boxes, read_json, read_table
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_checkpoints import BUILDERS, build, tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from handeye.errors import ModelError

SIZE = (320, 240)
FRAME = Frame(np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8), "c", 0, 0.0)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


class TestCheckpoints:
    @pytest.mark.parametrize("family", sorted(BUILDERS))
    def test_a_checkpoint_loads_by_its_own_config_and_does_what_its_verbs_say(
        self, family: str, folders: Path
    ) -> None:
        vlm = load_vlm(build(family, folders / family))
        for verb in vlm.verbs:
            _check(vlm, verb)

    def test_the_same_picture_gives_the_same_answer(self, folders: Path) -> None:
        vlm = load_vlm(build("blip-vqa", folders / "again"))
        assert vlm.ask(FRAME, "what is it?") == vlm.ask(FRAME, "what is it?")

    def test_a_search_ranks_frames_by_likeness(self, folders: Path) -> None:
        vlm = load_vlm(build("clip", folders / "search"))
        dark = Frame(np.zeros((60, 80, 3), np.uint8), "c", 1, 0.0)
        ranked = vlm.search([FRAME, dark, FRAME], "red cup", most=2)
        assert len(ranked) == 2
        assert ranked[0][1] >= ranked[1][1]
        assert np.linalg.norm(vlm.embed([FRAME])[0]) == pytest.approx(1.0, abs=1e-5)

    @pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is here")
    def test_a_family_that_needs_torchvision_says_so(self, folders: Path) -> None:
        folder = folders / "qwen"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"model_type": "qwen2_5_vl"}))
        (folder / "preprocessor_config.json").write_text(
            json.dumps({"image_processor_type": "Qwen2VLImageProcessor"})
        )
        tokenizer().save_pretrained(folder)
        with pytest.raises(ModelError, match=r"\(qwen2_5_vl\) needs torchvision"):
            load_vlm(folder)

    def test_an_unknown_family_names_the_known_ones(self, folders: Path) -> None:
        folder = folders / "odd"
        folder.mkdir()
        (folder / "config.json").write_text('{"model_type": "resnet"}')
        with pytest.raises(ModelError, match=r'"resnet", which is not known; known are align, '):
            load_vlm(folder)

    def test_a_damaged_checkpoint_is_one_clear_error(self, folders: Path) -> None:
        folder = build("clip", folders / "broken")
        (folder / "model.safetensors").write_bytes(b"no weights")
        with pytest.raises(ModelError, match=r"broken \(clip\) cannot be loaded"):
            load_vlm(folder)

    def test_four_bits_without_their_library_is_one_clear_error(self, folders: Path) -> None:
        with pytest.raises(ModelError, match="4-bit loading needs bitsandbytes and a CUDA device"):
            load_vlm(build("clip", folders / "small"), bits=4)

    @pytest.mark.parametrize("family", ["clip", "blip-vqa", "florence2", "llava", "pix2struct"])
    def test_half_precision_answers_too(self, family: str, folders: Path) -> None:
        vlm = load_vlm(build(family, folders / f"half-{family}"), dtype="bfloat16")
        for verb in vlm.verbs:
            _check(vlm, verb)

    def test_a_compiled_model_says_the_same(self, folders: Path) -> None:
        folder = build("clip", folders / "compiled")
        before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        compiled = load_vlm(folder, compiled="eager").embed([FRAME])
        assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > before
        assert compiled == pytest.approx(load_vlm(folder).embed([FRAME]), abs=1e-5)

    def test_what_cannot_be_done_while_loading_is_one_clear_error(self, folders: Path) -> None:
        folder = build("clip", folders / "options")
        with pytest.raises(ModelError, match='"float8" is no dtype of weights; accepted are auto,'):
            load_vlm(folder, dtype="float8")
        with pytest.raises(ModelError, match="weights of 3 bits cannot be loaded"):
            load_vlm(folder, bits=3)
        with pytest.raises(ModelError, match=r"takes no option devise; it takes device, dtype, "):
            load_vlm(folder, devise="cpu")
        with pytest.raises(ModelError, match='"embedded" takes no option bits; it takes dtype'):
            load_vlm("embedded", bits=4)
        with pytest.raises(ModelError, match='"int4" is no dtype of the embedded VLM; accepted'):
            load_vlm("embedded", dtype="int4")

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
    def test_a_device_that_is_not_there_is_one_clear_error(self, folders: Path) -> None:
        folder = build("clip", folders / "cuda")
        assert load_vlm(folder, device="auto").parts.device == "cpu"
        with pytest.raises(ModelError, match=r"\(clip\) cannot be loaded: .*CUDA"):
            load_vlm(folder, device="cuda")

    def test_every_family_is_in_the_documentation(self) -> None:
        page = (Path(__file__).parents[1] / "docs" / "models.md").read_text()
        assert [family for family in FAMILIES if f"`{family}`" not in page] == []


def _check(vlm: Any, verb: str) -> None:
    if verb == "classify":
        labels = dict(vlm.classify(FRAME, ["a cup", "a bowl"]))
        assert sum(labels.values()) == pytest.approx(1.0)
    elif verb == "ask":
        answer = vlm.ask(FRAME, "is it a cup or a bowl?")
        assert isinstance(answer.text, str)
        assert 0.0 <= answer.confidence <= 1.0
    elif verb == "caption":
        assert isinstance(vlm.caption(FRAME), str)
    elif verb in ("parse", "ground"):
        found = vlm.parse(FRAME) if verb == "parse" else vlm.ground(FRAME, "red cup")
        for detection in found:
            x0, y0, x1, y1 = detection.box
            assert 0 <= x0 < x1 <= 80
            assert 0 <= y0 < y1 <= 60
    elif verb == "read_chart":
        with pytest.raises(ModelError, match="no chart was read"):
            vlm.read_chart(FRAME)
    elif verb in ("embed", "embed_text"):
        vectors = vlm.embed([FRAME]) if verb == "embed" else vlm.embed_text(["a cup"])
        assert vectors.dtype == np.float32
    elif verb == "masks":
        drawn = vlm.masks(FRAME, [(0, 0, 40, 30), (20, 10, 80, 60)])
        assert [(mask.shape, mask.dtype) for mask in drawn] == [((60, 80), np.bool_)] * 2
        assert not np.array_equal(drawn[0], drawn[1])
        assert vlm.masks(FRAME, []) == []
    elif verb == "explain":
        heat = vlm.explain(FRAME, "the red cup")
        assert (heat.shape, heat.dtype) == ((60, 80), np.float32)
        assert (heat.min(), heat.max()) == (0.0, 1.0)
        assert np.array_equal(heat, vlm.explain(FRAME, "the red cup"))
        assert not np.array_equal(heat, vlm.explain(FRAME, "a blue bowl"))
    else:
        assert verb == "search"

    def test_a_detector_that_was_not_told_what_to_look_for_parses_nothing(
        self, folders: Path
    ) -> None:
        dino = load_vlm(build("grounding-dino", folders / "untold"))
        assert Perception.of(dino).ground_with is dino
        with pytest.raises(ModelError, match="no VLM here can parse"):
            Perception.of(dino).parse(FRAME)
        told = replace(dino, labels=("red cup",))
        assert Perception.of(told).parse(FRAME) == []


class QwenProcessor:
    """Qwen's own image processor, which needs no torchvision, and its special tokens on bytes."""

    chat_template = "the prompt alone"

    def __init__(self) -> None:
        self.image_processor = Qwen2VLImageProcessorPil()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        made = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        names = ("object_ref_start", "object_ref_end", "box_start", "box_end", "im_end")
        special = [f"<|{name}|>" for name in names]
        self.tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=made, additional_special_tokens=special
        )

    def apply_chat_template(self, messages: Any, **_: Any) -> str:
        return str(messages[0]["content"][1]["text"])

    def __call__(self, *, images: Any, text: str, return_tensors: str) -> Any:
        return self.image_processor(images=images, return_tensors=return_tensors)


def qwen(family: str, said: str) -> Any:
    """A Qwen model that writes what one of its family wrote."""
    processor = QwenProcessor()
    ids = torch.tensor(processor.tokenizer(said)["input_ids"])
    scores = [torch.eye(len(processor.tokenizer))[k][None] * 20 for k in ids]

    def generate(**_: Any) -> Any:
        return SimpleNamespace(sequences=ids[None], scores=scores)

    model = SimpleNamespace(generate=generate, dtype=torch.float32)
    return FAMILIES[family].backend(Parts(processor, model, family, "recorded", "cpu"))


class TestRecorded:
    """What models of a family wrote, read through the family's own processor."""

    def test_florence_is_asked_for_tasks_that_its_processor_knows(
        self, folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vlm = load_vlm(build("florence2", folders / "recorded"))
        processor = vlm.parts.processor
        assert {EVERYTHING, CAPTION, TO_PHRASE} <= {*processor.tasks_answer_post_processing_type}
        assert processor._construct_prompts(TO_PHRASE + "a cup") != [TO_PHRASE + "a cup"]
        said = "</s><s>the red cup<loc_100><loc_200><loc_500><loc_600></s>"
        monkeypatch.setattr(processor, "batch_decode", lambda *_, **__: [said])
        [found] = vlm.ground(FRAME, "the red cup")
        assert found.label == "the red cup"
        assert found.box == pytest.approx((8, 12, 40, 36), abs=0.5)

    def test_the_tokens_around_qwen2s_boxes_are_read_and_are_no_part_of_a_sentence(self) -> None:
        cup = "<|object_ref_start|>the cup<|object_ref_end|>"
        box = "<|box_start|>(500,250),(750,500)<|box_end|>"
        write = partial(qwen, "qwen2_vl")
        [found] = write(f"{cup}{box}<|im_end|>").parse(FRAME)
        assert (found.label, found.box) == ("the cup", (40, 15, 60, 30))
        assert found.score == pytest.approx(1.0, abs=1e-3)
        assert write(f"{cup} on a table<|im_end|>").caption(FRAME) == "the cup on a table"
        assert write("Yes.<|im_end|>").ask(FRAME, "is it?").text == "yes"

    def test_qwen25s_pixels_are_of_the_image_that_its_processor_made(self) -> None:
        # A frame of 80 x 60 is seen in whole patches: 84 x 56.
        said = '[{"bbox_2d": [42, 28, 84, 56], "label": "cup"}]<|im_end|>'
        [found] = qwen("qwen2_5_vl", said).ground(FRAME, "the cup")
        assert found.box == pytest.approx((40, 30, 80, 60))


class TestMasks:
    def test_they_are_drawn_behind_any_grounder(self, folders: Path) -> None:
        sam, dino = (load_vlm(build(f, folders / f"masks-{f}")) for f in ("sam2", "grounding-dino"))
        boxes = replace(dino, threshold=0.0)
        found = Perception(ground_with=boxes, mask_with=sam).ground(FRAME, "the red cup")
        assert found
        assert all(detection.mask.shape == (60, 80) for detection in found)
        bare = boxes.ground(FRAME, "the red cup")
        assert [d.box for d in found] == [d.box for d in bare]
        assert all(detection.mask is None for detection in bare)

    def test_a_mask_that_is_there_stays(self, folders: Path) -> None:
        sam = load_vlm(build("sam2", folders / "stays"))
        mine = np.eye(60, 80, dtype=bool)
        found = [Detection("cup", (0, 0, 9, 9), 1.0, mask=mine), Detection("cup", (0, 0, 9, 9), 1)]
        first, second = with_masks(FRAME, found, sam)
        assert first.mask is mine
        assert second.mask is not None


class TestHeatMaps:
    def test_what_a_processor_crops_away_is_not_looked_at(self, folders: Path) -> None:
        heat = load_vlm(build("clip", folders / "cropped")).explain(FRAME, "the red cup")
        assert not heat[:, :10].any()
        assert not heat[:, 70:].any()
        assert heat[:, 10:70].any()

    def test_looking_leaves_the_model_as_it_was(self, folders: Path) -> None:
        vlm = load_vlm(build("clip", folders / "unchanged"))
        before = vlm.embed([FRAME])
        vlm.explain(FRAME, "the red cup")
        assert np.array_equal(vlm.embed([FRAME]), before)
        assert all(p.grad is None for p in vlm.parts.model.parameters())

    def test_attention_that_the_score_hangs_on_is_relevant(self) -> None:
        # Two tokens; the score is what the first takes from the second.
        attention = torch.tensor([[[[0.7, 0.3], [0.0, 1.0]]]], requires_grad=True)
        last = torch.tensor([[[1.0], [0.0]]]) * attention[:, 0, :1, 1:]
        found = relevance(last[0, 0, 0], [attention], last=last)
        assert found.tolist() == pytest.approx([0.3, 0.09])

    def test_a_perception_explains_by_what_grounds(self, folders: Path) -> None:
        clip, florence = (load_vlm(build(f, folders / f"eyes-{f}")) for f in ("clip", "florence2"))
        eyes = Perception(ground_with=florence, ask_with=clip)
        heat = eyes.explain(FRAME, "the red cup")
        assert np.array_equal(heat, florence.explain(FRAME, "the red cup"))
        with pytest.raises(ModelError, match=r"\(vilt\) cannot explain"):
            Perception(ask_with=load_vlm(build("vilt", folders / "vilt-2"))).explain(FRAME, "a cup")
        with pytest.raises(ModelError, match="no VLM here can explain"):
            Perception().explain(FRAME, "a cup")


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
         ("3 * 4", "3 * 4"), ("cup_1", "cup_1")],
    )  # fmt: skip
    def test_answers_are_short(self, text: str, said: str) -> None:
        assert read_answer(text) == said

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


CHART = {
    "kind": "bar", "title": "T", "rows": [{"series": "", "x": "Jan", "y": 3}, {"x": "Feb"}],
}  # fmt: skip


class Serving:
    """An OpenAI-compatible server on loopback that answers by what it is asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.failures: list[tuple[int, str]] = []
        self.strict = False
        self.says: dict[str, Any] | None = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append({**body, "path": self.path})
                status, answer = server.answer(body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Retry-After-Ms", "1")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *arguments: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.failures:
            status, said = self.failures.pop(0)
            return status, {"error": said}
        if self.says is not None:
            return 200, self.says
        if self.strict and {"response_format", "logprobs"} & body.keys():
            return 400, {"error": "unknown option"}
        prompt = body["messages"][0]["content"][1]["text"]
        text = "Yes."
        if prompt.startswith("Find "):
            text = '{"objects": [{"bbox_2d": [0, 0, 500, 500], "label": "cup"}]}'
        elif "chart" in prompt:
            text = json.dumps(CHART)
        logprobs = {"content": [{"token": "x", "logprob": -0.1}]}
        return 200, {
            "choices": [{"message": {"content": text}, "logprobs": logprobs}],
            "usage": {"total_tokens": 100},
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serving() -> Iterator[Serving]:
    server = Serving()
    yield server
    server.close()


class TestRemote:
    def test_every_verb_goes_through_the_server_with_the_picture(self, serving: Serving) -> None:
        vlm = load_vlm(f"{serving.address}#gpt-test")
        answer = vlm.ask(FRAME, "is it a cup?")
        assert (answer.text, round(answer.confidence, 3)) == ("yes", 0.905)
        assert vlm.ground(FRAME, "the cup")[0].box == (0, 0, 40, 30)
        chart = Perception.of(vlm).read_chart(FRAME)
        assert [(row.x, row.y) for row in chart.rows] == [("Jan", 3.0)]
        assert chart.unread == ("1 rows that the model wrote badly",)
        image = serving.requests[0]["messages"][0]["content"][0]["image_url"]["url"]
        assert image.startswith("data:image/jpeg;base64,")
        assert serving.requests[0]["model"] == "gpt-test"
        schemas = [request.get("response_format", {}) for request in serving.requests]
        wanted = [sent.get("json_schema", {}).get("schema", {}) for sent in schemas]
        assert [[*schema.get("properties", ())] for schema in wanted] == [
            [], ["objects"], ["kind", "title", "x_label", "y_label", "rows"],
        ]  # fmt: skip

    def test_passing_failures_are_tried_again(self, serving: Serving) -> None:
        serving.failures = [(429, "slow down"), (503, "busy")]
        assert load_vlm(f"{serving.address}#m").ask(FRAME, "is it?").text == "yes"
        assert len(serving.requests) == 3

    def test_retries_come_to_an_end(self, serving: Serving) -> None:
        serving.failures = [(503, "busy")] * 9
        with pytest.raises(ModelError, match=r"refused \(503\).*busy"):
            load_vlm(f"{serving.address}#m", retries=1).ask(FRAME, "is it?")
        assert len(serving.requests) == 2

    def test_lasting_failures_are_one_clear_error(self, serving: Serving) -> None:
        serving.failures = [(401, "bad key")] * 3
        with pytest.raises(ModelError, match=r"refused \(401\).*bad key"):
            load_vlm(f"{serving.address}#m").ask(FRAME, "is it?")
        assert len(serving.requests) == 1

    def test_a_server_that_knows_no_options_is_asked_without_them(self, serving: Serving) -> None:
        serving.strict = True
        assert load_vlm(f"{serving.address}#m").ask(FRAME, "is it?").text == "yes"

    @pytest.mark.parametrize("said", [{}, {"choices": []}, {"choices": [{"message": None}]}])
    def test_an_answer_that_is_none_is_one_clear_error(
        self, serving: Serving, said: dict[str, Any]
    ) -> None:
        serving.says = said
        with pytest.raises(ModelError, match="gave no answer"):
            load_vlm(f"{serving.address}#m").ask(FRAME, "is it?")

    def test_without_the_library_loading_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "openai", None)
        with pytest.raises(ModelError, match=r"needs openai: pip install 'handeye\[llm\]'"):
            load_vlm("http://127.0.0.1:9/v1#m")

    def test_spending_stops_at_its_limit(self, serving: Serving) -> None:
        spending = Spending(most_tokens=150)
        vlm = load_vlm(f"{serving.address}#m", spending=spending)
        vlm.ask(FRAME, "one?")
        vlm.ask(FRAME, "two?")
        with pytest.raises(ModelError, match=r"limit of 150 tokens is reached \(200 were used\)"):
            vlm.ask(FRAME, "three?")

    def test_a_server_that_is_not_there_is_named(self) -> None:
        vlm = load_vlm("http://127.0.0.1:9/v1#m", retries=0)
        with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:9/v1 cannot be reached"):
            vlm.ask(FRAME, "is it?")
