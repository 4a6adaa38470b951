"""The embedded VLM: its words, its checkpoint, its verbs on real renders."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from handeye.perception.errors import ImageError, ModelError, UserError
from handeye.perception.frame import Frame
from handeye.perception.perception import Perception
from handeye.perception.vlm import features
from handeye.perception.vlm.computing import folded
from handeye.perception.vlm.embedded import EmbeddedVLM
from handeye.perception.vlm.embedded_checkpoint import CHECKPOINT, load_checkpoint
from handeye.perception.vlm.lexicon import COLOR_WORDS, Description, read, say, vocabulary
from handeye.perception.vlm.load import load_vlm
from handeye.perception.vlm.verbs import Asks, Explains, Grounds, Parses
from handeye.sims.articulated import add_furniture
from handeye.sims.simulation import Simulation, simulate
from handeye.sims.tabletop import Style, build_tabletop
from handeye.sims.tasks import get_task
from handeye.sims.training_data import SceneOptions, render_shard
from handeye.sims.world import World
from safetensors.torch import load_file, save_file

from handeye.training.growing import grow
from handeye.training.train import new_model


@pytest.fixture(scope="module")
def vlm() -> EmbeddedVLM:
    return load_vlm("embedded")


@pytest.fixture
def frame(grab: Simulation) -> Frame:
    return grab.robot.cameras["overview"].read()


def test_it_has_three_of_the_verbs_and_explains(vlm: EmbeddedVLM) -> None:
    assert isinstance(vlm, Explains)
    assert isinstance(vlm, Parses)
    assert isinstance(vlm, Grounds)
    assert isinstance(vlm, Asks)


def test_it_sees_most_of_what_is_on_ten_tables(vlm: EmbeddedVLM) -> None:
    right = there = 0
    for seed in range(10):
        with simulate(get_task("grab"), 9_000 + seed) as simulation:
            found = vlm.parse(simulation.robot.cameras["overview"].read())
            names = {body.spec.name for body in simulation.world.objects.values()}
            right += len(names & {d.label for d in found})
            there += len(names)
    assert right / there > 0.75, f"{right} of {there}"


def test_detections_have_boxes_masks_and_scores_that_fit(vlm: EmbeddedVLM, frame: Frame) -> None:
    for detection in vlm.parse(frame):
        x0, y0, x1, y1 = detection.box
        assert 0 <= x0 < x1 <= 320
        assert 0 <= y0 < y1 <= 240
        assert detection.mask.shape == (240, 320)
        assert 0 <= detection.score <= 1


def test_what_is_moved_out_of_the_image_is_no_object(
    frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A closer look moves the sides of boxes, how far is up to the network.
    monkeypatch.setattr(features, "mended", lambda boxes, _look: boxes + np.float32(10_000))
    eyes = Perception.of(EmbeddedVLM())
    assert eyes.parse(frame) == eyes.ground(frame, "the thing") == []
    assert eyes.ask(frame, "is there a red cup?").text == "no"


def test_it_grounds_what_is_there_and_nothing_else(vlm: EmbeddedVLM, frame: Frame) -> None:
    found = vlm.ground(frame, "the red cup")
    assert found
    assert found[0].color == "red"
    assert vlm.ground(frame, "the elephant") == []


def test_it_answers_or_says_that_it_cannot_tell(vlm: EmbeddedVLM, frame: Frame) -> None:
    answer = vlm.ask(frame, "is the red cup held by the gripper?")
    assert answer.text == "no"
    assert 0.5 <= answer.confidence <= 1
    assert vlm.ask(frame, "what is in the gripper?").text == "nothing"
    assert vlm.ask(frame, "who wrote Faust?").text == ""


def test_what_lies_on_a_plate_is_on_that_plate_and_on_no_other(vlm: EmbeddedVLM) -> None:
    right = 0
    for seed in range(6):
        with simulate(get_task("grab_from_plate"), 9_100 + seed, held_out=False) as simulation:
            frame = simulation.robot.cameras["overview"].read()
            named = {name: body.spec for name, body in simulation.world.objects.items()}
            block = named[simulation.setup.goal[0].object].name
        here = {spec.color for spec in named.values()}
        elsewhere = next(color for color in COLOR_WORDS if color not in here)
        plate = next(spec.name for spec in named.values() if spec.category == "plate")
        for support, said in ((plate, "yes"), (f"{elsewhere} plate", "no")):
            answer = vlm.ask(frame, f"is the {block} on the {support}?")
            found = vlm.ground(frame, f"the {block} on the {support}")
            right += answer.text == said and bool(found) == (said == "yes")
    assert right >= 11, f"{right} of 12"


def test_one_pass_serves_all_questions_about_a_frame(vlm: EmbeddedVLM, frame: Frame) -> None:
    before = vlm.passes
    vlm.parse(frame)
    vlm.ground(frame, "the red cup")
    vlm.ask(frame, "is there a red cup?")
    assert vlm.passes == before + 1


def test_the_same_frame_gives_the_same_answer(frame: Frame) -> None:
    first, second = (EmbeddedVLM().parse(frame) for _ in range(2))
    assert [(d.label, d.box, d.score) for d in first] == [(d.label, d.box, d.score) for d in second]


def test_half_precision_sees_the_same_table(frame: Frame) -> None:
    whole, half = (load_vlm("embedded", dtype=dtype) for dtype in ("float32", "bfloat16"))
    seen = [{d.label: d.box for d in vlm.parse(frame)} for vlm in (whole, half)]
    assert seen[0].keys() == seen[1].keys()
    for label, box in seen[0].items():
        assert box == pytest.approx(seen[1][label], abs=2.0)
    assert half.ask(frame, "is the red cup held by the gripper?").text == "no"


def test_it_shows_where_it_looked(vlm: EmbeddedVLM, frame: Frame) -> None:
    heat = vlm.explain(frame, "the red cup")
    assert heat.shape == (240, 320)
    assert heat.min() >= 0
    assert heat.max() <= 1


def test_it_looked_at_what_the_phrase_means(vlm: EmbeddedVLM, frame: Frame) -> None:
    for detection in vlm.parse(frame):
        x0, y0, x1, y1 = (round(v) for v in detection.box)
        heat = vlm.explain(frame, f"the {detection.label}")
        assert heat[y0:y1, x0:x1].sum() > 0.5 * heat.sum()


def test_odd_image_sizes_are_looked_at(vlm: EmbeddedVLM) -> None:
    for shape in ((17, 33, 3), (240, 321, 3), (64, 64, 3)):
        vlm.parse(Frame(np.zeros(shape, np.uint8), "odd", 0, 0.0))


@pytest.mark.parametrize("times", [2, 6, 12])
def test_large_frames_show_what_small_ones_do(vlm: EmbeddedVLM, frame: Frame, times: int) -> None:
    size = (320 * times, 240 * times)
    large = Frame(cv2.resize(frame.rgb, size, interpolation=cv2.INTER_CUBIC), "large", times, 0.0)
    small = {d.label: d for d in vlm.parse(frame)}
    found = {d.label: d for d in vlm.parse(large)}
    assert found.keys() == small.keys()
    for label, detection in found.items():
        assert np.array(detection.box) / times == pytest.approx(small[label].box, abs=3.0)
        assert detection.mask.shape == size[::-1]
        assert detection.mask.dtype == np.bool_
        theirs = cv2.resize(small[label].mask.view(np.uint8), size).view(np.bool_)
        assert (theirs & detection.mask).sum() > 0.6 * (theirs | detection.mask).sum()
    assert vlm.ground(large, "the red cup")[0].box == found["red cup"].box
    assert vlm.ask(large, "is there a red cup?").text == "yes"
    assert vlm.ask(large, "is the red cup held by the gripper?").text == "no"
    heat = vlm.explain(large, "the red cup")
    x0, y0, x1, y1 = (round(v) for v in found["red cup"].box)
    assert heat.shape == size[::-1]
    assert heat[y0:y1, x0:x1].sum() > 0.5 * heat.sum()


def test_what_lies_on_what_is_seen_in_large_frames_too(vlm: EmbeddedVLM) -> None:
    with simulate(get_task("grab_from_plate"), 9_100, held_out=False) as simulation:
        frame = simulation.robot.cameras["overview"].read()
        named = {name: body.spec for name, body in simulation.world.objects.items()}
        block = named[simulation.setup.goal[0].object].name
    plate = next(spec.name for spec in named.values() if spec.category == "plate")
    large = Frame(cv2.resize(frame.rgb, (1920, 1440)), "large", 0, 0.0)
    assert vlm.ask(large, f"is the {block} on the {plate}?").text == "yes"


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((240, 320), np.uint8),
        np.zeros((240, 320, 4), np.uint8),
        np.zeros((240, 320, 3), np.uint16),
        np.zeros((240, 320, 3), np.float32),
        np.zeros((0, 0, 3), np.uint8),
        None,
    ],
)
def test_what_is_no_rgb_image_is_one_clear_error(vlm: EmbeddedVLM, rgb: np.ndarray) -> None:
    frame = Frame(rgb, "odd", 0, 0.0)
    verbs = (
        lambda: vlm.parse(frame),
        lambda: vlm.ground(frame, "the red cup"),
        lambda: vlm.ask(frame, "is there a red cup?"),
        lambda: vlm.explain(frame, "the red cup"),
        lambda: vlm.prepare([frame, frame]),
    )
    for verb in verbs:
        with pytest.raises(ImageError, match=r"a Frame's rgb must be \[H, W, 3\] uint8, RGB"):
            verb()


@pytest.mark.parametrize("color", [(0, 0, 0), (200, 20, 20), (255, 255, 255)])
def test_a_covered_lens_shows_nothing(vlm: EmbeddedVLM, color: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(0).normal(0.0, 3.0, (240, 320, 3))
    for rgb in (np.tile(np.array(color), (240, 320, 1)), np.array(color) + noise):
        frame = Frame(rgb.clip(0, 255).astype(np.uint8), "overview", 0, 0.0)
        assert vlm.parse(frame) == []
        assert vlm.ask(frame, "is there a black fridge?").text == "no"


def test_transformers_loads_the_checkpoint_by_itself() -> None:
    import handeye.perception.vlm.modeling_handeye  # noqa: F401 - registers the family
    from transformers import AutoModel

    model = AutoModel.from_pretrained(CHECKPOINT)
    assert type(model).__name__ == "HandeyeModel"
    assert sum(p.numel() for p in model.parameters()) < 7e6
    assert (CHECKPOINT / "model.safetensors").stat().st_size < 40e6


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_one_clear_error(name: str, tmp_path: Path) -> None:
    shutil.copytree(CHECKPOINT, tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        EmbeddedVLM(tmp_path / "copy")


def test_damaged_weights_are_one_clear_error(tmp_path: Path) -> None:
    shutil.copytree(CHECKPOINT, tmp_path / "copy")
    (tmp_path / "copy" / "model.safetensors").write_bytes(b"nothing like weights")
    with pytest.raises(ModelError, match="its files are damaged"):
        EmbeddedVLM(tmp_path / "copy")


def test_unknown_models_say_what_is_accepted() -> None:
    with pytest.raises(UserError, match='accepted are "embedded"'):
        load_vlm("gpt-9")


def test_words_and_meanings_go_both_ways() -> None:
    rng = np.random.default_rng(0)
    plate = Description("plate", "blue")
    for meant in (
        Description("cup", "red"),
        Description("block", None, size="small"),
        Description("ball", "green", held=True),
        Description("duck", "yellow", relation="on", other=plate),
        Description(None, "pink"),
    ):
        for _ in range(5):
            words = say(meant, rng)
            assert read(words) == meant, words
            assert set(words.split()) <= set(vocabulary())
    assert read("the unicorn") is None


def test_training_lowers_the_loss_and_can_be_resumed(tmp_path: Path) -> None:
    from handeye.training.train import Recipe, train

    data = tmp_path / "data"
    data.mkdir()
    images = render_shard(data / "shard-00000.npz", 0, SceneOptions(entropy=5), scenes=2)
    assert images == 10
    recipe = Recipe(steps=6, batch_size=4, warmup=2)
    half = Recipe(steps=3, batch_size=4, warmup=2)
    train(data, tmp_path / "run", half, progress=False)
    folder = train(data, tmp_path / "run", recipe, progress=False)
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["step"] == 6
    EmbeddedVLM(folder).parse(Frame(np.zeros((240, 320, 3), np.uint8), "none", 0, 0.0))


def test_a_shard_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        render_shard(tmp_path / name, 3, SceneOptions(entropy=5), scenes=1)
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        assert all(np.array_equal(a[key], b[key]) for key in a.files)


@pytest.mark.parametrize(("opened", "state"), [(0.0, "closed"), (1.0, "open")])
def test_it_tells_an_open_drawer_from_a_closed_one(
    vlm: EmbeddedVLM, opened: float, state: str
) -> None:
    with World(seed=3) as world:
        robot = build_tabletop(world, Style())
        add_furniture(world, "drawer", "green", (0.47, 0.38, 0.0), -np.pi / 2, opened=opened)
        robot.connect()
        world.settle(max_s=0.5)
        frame = robot.cameras["overview"].read()
    found = [d for d in vlm.parse(frame) if d.category == "drawer"]
    assert [d.state for d in found] == [state]
    assert vlm.ask(frame, f"is the green drawer {state}?").text == "yes"
    assert vlm.ground(frame, f"the {state} drawer")


def test_a_model_grows_by_words_and_keeps_what_it_knew(tmp_path: Path) -> None:
    small = tmp_path / "small"
    shutil.copytree(CHECKPOINT, small)
    config = json.loads((small / "config.json").read_text())
    weights = load_file(small / "model.safetensors")
    known = config["categories"][:-2]
    rows = [*range(len(known)), *range(len(known) + 2, len(known) + 2 + len(config["colors"]))]
    for name in list(weights):
        if name.startswith(("names.", "glimpse.names.", "gaze.names.")):
            weights[name] = weights[name][rows].contiguous()
    config["categories"] = known
    (small / "config.json").write_text(json.dumps(config))
    save_file(weights, small / "model.safetensors")
    grown = grow(new_model(1), small).state_dict()
    whole = load_file(CHECKPOINT / "model.safetensors")
    for name in ("names.weight", "glimpse.names.weight", "gaze.names.weight"):
        assert torch.equal(grown[name][: len(known)], whole[name][: len(known)].float())
        assert not torch.equal(grown[name][len(known)], whole[name][len(known)].float())
        assert torch.equal(grown[name][-10:], whole[name][-10:].float())


def test_normalisations_are_worked_into_the_convolutions() -> None:
    model, _ = load_checkpoint(CHECKPOINT)
    pixels = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = model(pixels)
        after = folded(model)(pixels)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules())
    for name in ("heat", "boxes", "names", "mask_logits"):
        assert torch.allclose(getattr(before, name), getattr(after, name), atol=1e-3), name
