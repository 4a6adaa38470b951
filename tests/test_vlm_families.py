"""Every family of vision-language models: tiny checkpoints, recorded outputs, a server."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
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
from handeye.perception.vlm.alternatives import alternatives
from handeye.perception.vlm.answering import Generated
from handeye.perception.vlm.checkpoints import Parts
from handeye.perception.vlm.explaining import relevance
from handeye.perception.vlm.grounders import CAPTION, EVERYTHING, TO_PHRASE
from handeye.perception.vlm.load import FAMILIES, load_vlm
from handeye.perception.vlm.masks import with_masks
from handeye.perception.vlm.verbs import Detection
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

    @pytest.mark.parametrize(
        ("question", "shown"),
        [
            ("Is it a cup or a bowl?", {"a cup": "a cup", "a bowl": "a bowl"}),
            ("What is it: a cup, a bowl or a can?", {k: k for k in ("a cup", "a bowl", "a can")}),
            ("is the cup red or blue?", {"red": "red cup", "blue": "blue cup"}),
            ("Is this cup dark red or light blue?",
             {"dark red": "dark red cup", "light blue": "light blue cup"}),
            ("is the cup on the plate or in the bowl?",
             {"on the plate": "cup on the plate", "in the bowl": "cup in the bowl"}),
            ("is the drawer open or is it closed?",
             {"open": "open drawer", "closed": "closed drawer"}),
            ("is the cup red or not?", {}),
            ("how many cups are there?", {}),
        ],
    )  # fmt: skip
    def test_alternatives_are_what_a_picture_would_show(
        self, question: str, shown: dict[str, str]
    ) -> None:
        assert alternatives(question) == shown

    def test_a_dual_encoder_answers_in_the_questions_words(self, folders: Path) -> None:
        vlm = load_vlm(build("clip", folders / "chooses"))
        answer = vlm.ask(FRAME, "Is the cup red or blue?")
        label, share = vlm.classify(FRAME, ["red cup", "blue cup"])[0]
        assert (f"{answer.text} cup", answer.confidence) == (label, pytest.approx(share))
        assert vlm.ask(FRAME, "what is it?").text == ""

    def test_gits_questions_are_put_as_it_was_taught(
        self, folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vlm = load_vlm(build("git", folders / "git-asked"))
        given: list[Any] = []
        generate = vlm.parts.model.generate
        monkeypatch.setattr(
            vlm.parts.model, "generate", lambda **k: given.append(k["input_ids"]) or generate(**k)
        )
        vlm.ask(FRAME, "is it red")
        words = vlm.parts.processor.tokenizer
        [tokens] = given
        assert words.convert_ids_to_tokens(tokens[0]) == ["[CLS]", "is", "it", "red"]

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

    def test_a_detector_that_was_not_told_what_to_look_for_parses_nothing(
        self, folders: Path
    ) -> None:
        dino = load_vlm(build("grounding-dino", folders / "untold"))
        assert Perception.of(dino).ground_with is dino
        with pytest.raises(ModelError, match="no VLM here can parse"):
            Perception.of(dino).parse(FRAME)
        told = replace(dino, labels=("red cup",))
        assert Perception.of(told).parse_with is told

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
        try:
            found = vlm.parse(FRAME) if verb == "parse" else vlm.ground(FRAME, "red cup")
        except ModelError as error:
            # What was never trained seldom writes boxes, and never says that there are none.
            assert "wrote no boxes" in str(error)  # noqa: PT017
            found = []
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


def qwen(family: str, said: str, *, doubtful: int = 0) -> Any:
    """A Qwen model that writes what one of its family wrote, the last tokens doubtfully."""
    processor = QwenProcessor()
    ids = torch.tensor(processor.tokenizer(said)["input_ids"])
    scores = [torch.eye(len(processor.tokenizer))[k][None] * 20 for k in ids]
    for score in scores[len(scores) - doubtful :]:
        score.zero_()

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

    def test_a_list_of_florence_that_is_cut_off_is_no_list(
        self, folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vlm = replace(load_vlm(build("florence2", folders / "cut")), max_new_tokens=11)
        said = "</s><s>cup<loc_100><loc_200><loc_500><loc_600>bowl<loc_1><loc_2></s>"
        monkeypatch.setattr(vlm.parts.processor, "batch_decode", lambda *_, **__: [said])
        for length, cut in ((11, False), (12, True)):
            ids = torch.ones((1, length), dtype=torch.int64)
            monkeypatch.setattr(vlm.parts.model, "generate", lambda ids=ids, **_: ids)
            if cut:
                with pytest.raises(ModelError, match="cut off after 11 tokens; a larger max_new_t"):
                    vlm.parse(FRAME)
            else:
                assert [found.label for found in vlm.parse(FRAME)] == ["cup"]

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

    def test_what_a_checkpoint_thought_has_no_say_in_how_sure_it_is(self) -> None:
        thinking = qwen("qwen3_vl", "<think>So it is.</think>yes", doubtful=3)
        answer = thinking.ask(FRAME, "is it?")
        assert answer.text == "yes"
        assert answer.confidence < 0.01

    def test_a_checkpoint_that_is_cut_off_says_so(self) -> None:
        thinking = qwen("qwen3_vl", "<think>So it is, as far as I")
        with pytest.raises(ModelError, match="recorded was still thinking when its 24 tokens ran"):
            thinking.ask(FRAME, "is it?")
        cup = '{"bbox_2d": [0, 0, 500, 500], "label": "cup"}, '
        with pytest.raises(ModelError, match="that recorded wrote was cut off after 256 tokens"):
            qwen("qwen3_vl", f"[{cup * 6}").ground(FRAME, "the cup")

    def test_llava_is_shown_all_of_a_frame_and_its_shares_are_of_the_square_that_it_saw(
        self, folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vlm = load_vlm(build("llava", folders / "padded"))
        rgb = np.zeros((60, 80, 3), np.uint8)
        rgb[15:45, :20] = (255, 0, 0)  # at the left edge, which a crop to the middle cuts off
        seen = []

        def generate(_parts: Parts, inputs: Any, *_: Any, **__: Any) -> Generated:
            red = (inputs["pixel_values"][0, 0] > 1).numpy()
            (ys, xs), side = np.nonzero(red), len(red)
            seen.extend([xs.min() / side, ys.min() / side, (xs.max() + 1) / side])
            return Generated(str([float(v) for v in (*seen, (ys.max() + 1) / side)]), 1.0)

        monkeypatch.setattr("handeye.perception.vlm.instructed.generate", generate)
        [found] = vlm.ground(Frame(rgb, "c", 0, 0.0), "the red patch")
        assert seen[0] == 0
        assert found.box == pytest.approx((0, 15, 20, 45), abs=80 / 32)

    def test_kosmos_places_are_of_the_square_that_it_saw(
        self, folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vlm = load_vlm(build("kosmos-2", folders / "square"))
        # Of 32 x 32 patches: those in column 0 of row 8 and in column 7 of row 23.
        said = (
            "<grounding><phrase> the cup</phrase>"
            "<object><patch_index_0256><patch_index_0743></object>"
        )
        monkeypatch.setattr(type(vlm), "_write", lambda *_, **__: Generated(said, 1.0))
        [found] = vlm.ground(FRAME, "the cup")
        # The frame of 80 x 60 is in the middle of a square of 80.
        assert found.box == pytest.approx((1.25, 11.25, 18.75, 48.75))

    def test_a_look_that_cannot_be_read_is_no_absence(
        self, folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vlm = load_vlm(build("llava", folders / "unread"))
        said = {"text": "I'm sorry, I can't help with that."}
        monkeypatch.setattr(
            "handeye.perception.vlm.instructed.generate",
            lambda *_, **__: Generated(said["text"], 1.0),
        )
        with pytest.raises(ModelError, match=r"unread wrote no boxes: .I'm sorry"):
            vlm.ground(FRAME, "the cup")
        said["text"] = "[]"
        assert vlm.ground(FRAME, "the cup") == []


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

    def test_looks_of_several_threads_do_not_get_in_each_others_way(self, folders: Path) -> None:
        vlm = load_vlm(build("clip", folders / "threads"))
        alone = vlm.explain(FRAME, "the red cup")
        with ThreadPoolExecutor(4) as pool:
            maps = list(pool.map(lambda _: vlm.explain(FRAME, "the red cup"), range(16)))
        assert all(np.array_equal(heat, alone) for heat in maps)
        assert vlm.parts.model.config._attn_implementation != "eager"

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
