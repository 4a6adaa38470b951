"""Training data of the embedded VLM: what is augmented, wanted, said and measured."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handeye.perception.errors import UserError
from handeye.perception.vlm.embedded_checkpoint import CHECKPOINT
from handeye.perception.vlm.lexicon import Description, read
from handeye.sims.objects import HELD_OUT_PAIRS
from handeye.sims.tabletop import sample_specs
from handeye.sims.training_data import SceneOptions, render_scene

from handeye.training import roughening
from handeye.training.bench import calibration_error, iou, misnamed
from handeye.training.calibrate import fitted
from handeye.training.roughening import augment
from handeye.training.shards import Sample
from handeye.training.targets import CATEGORIES, COLORS, dense_targets, is_true, phrases_of
from handeye.training.train import must_be_checkpoint


def record(words: str, box: list[float] | None, **more: Any) -> dict[str, Any]:
    color, category = words.split()
    return {
        "category": CATEGORIES.index(category),  # type: ignore[arg-type]
        "color": COLORS.index(color),  # type: ignore[arg-type]
        "box": box,
        "held": False,
        "relation": None,
        "other": -1,
        "pixels": 500,
        "shown": 1.0,
        **more,
    }


@pytest.fixture
def sample() -> Sample:
    """A black image with two white rectangles: a cup, and a block on a plate out of view."""
    rgb = np.zeros((240, 320, 3), np.uint8)
    instances = np.zeros((60, 80), np.uint8)
    objects = [
        record("red cup", [136, 100, 192, 140]),
        record("green block", [60, 60, 80, 80], relation="on", other=2),
        record("blue plate", None),
    ]
    for number, thing in enumerate(objects[:2], start=1):
        x0, y0, x1, y1 = thing["box"]
        rgb[y0:y1, x0:x1] = 255
        instances[y0 // 4 : y1 // 4, x0 // 4 : x1 // 4] = number
    return Sample(rgb, instances, objects, "overview")


def test_boxes_and_tiles_stay_on_the_picture_when_it_is_moved(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roughening, "recolour", lambda rgb, _: rgb)
    seen = 0
    for seed in range(40):
        moved = augment(sample, (256, 192), np.random.default_rng(seed))
        x0, y0, x1, y1 = moved.objects[0]["box"] or (0, 0, 0, 0)
        if min(x0, y0) < 8 or x1 > 248 or y1 > 184:
            continue
        seen += 1
        near = np.s_[int(y0) - 6 : int(y1) + 6, int(x0) - 6 : int(x1) + 6]
        weight = moved.rgb[near][..., 0].astype(float)
        rows, columns = np.mgrid[near]
        center = (
            ((columns + 0.5) * weight).sum() / weight.sum(),
            ((rows + 0.5) * weight).sum() / weight.sum(),
        )
        assert center == pytest.approx(((x0 + x1) / 2, (y0 + y1) / 2), abs=0.3)
        tiles = np.argwhere(moved.instances == 1)
        assert (tiles.mean(axis=0)[::-1] * 4 + 2.5) == pytest.approx(center, abs=4.0)
    assert seen > 10


def test_targets_peak_in_the_middle_and_own_their_tiles(sample: Sample) -> None:
    targets = dense_targets(sample)
    assert targets.kept == (0, 1)
    for k, place in enumerate(targets.kept):
        x0, y0, x1, y1 = sample.objects[place]["box"]
        cell = int((y0 + y1) / 16), int((x0 + x1) / 16)
        assert targets.owner[cell] == k
        assert targets.heat[cell] > 0.5
        assert ((targets.mask_owner == k) == (sample.instances == place + 1)).all()
    assert targets.heat.max() == pytest.approx(1.0)


def test_what_is_said_of_a_sample_is_true_of_what_it_is_said_of(sample: Sample) -> None:
    cup, block, _ = sample.objects
    on_plate = read("the block on the blue plate")
    assert on_plate is not None
    assert is_true(on_plate, block, sample)
    assert not is_true(on_plate, cup, sample)
    assert not is_true(Description("cup", "red", held=True), cup, sample)
    phrases, truth = phrases_of(sample, (0, 1), 40, np.random.default_rng(0))
    for phrase, row in zip(phrases, truth, strict=True):
        meant = read(phrase)
        assert meant is not None, phrase
        assert [is_true(meant, thing, sample) for thing in (cup, block)] == row.astype(
            bool
        ).tolist()


def test_plurals_are_read() -> None:
    for words, category in (("red boxes", "box"), ("dishes", "plate"), ("teddies", "teddy")):
        meant = read(words)
        assert meant is not None, words
        assert meant.category == category
    assert read("two unicorns") is None


def test_training_scenes_never_show_a_held_out_pair() -> None:
    rng = np.random.default_rng(0)
    seen = {(s.color, s.category) for _ in range(60) for s in sample_specs(rng, 8, held_out=False)}
    assert len(seen) > 80
    assert not seen & HELD_OUT_PAIRS


def test_heaps_have_towers_and_several_things_in_one_bowl() -> None:
    options = SceneOptions(heaped=True, objects=(8, 10), overview_views=1, wrist_views=0)
    towers, shared = 0, 0
    for seed in range(4):
        (view,) = render_scene(np.random.default_rng(seed), options)
        objects = view.record["objects"]
        below = [o["other"] for o in objects if o["relation"]]
        towers += sum(o["relation"] is not None and objects[o["other"]]["relation"] is not None
                      for o in objects)  # fmt: skip
        shared += len(below) - len(set(below))
        free = [o for o in objects if CATEGORIES[o["category"]] not in ("drawer", "fridge")]
        assert len({o["color"] for o in free}) <= 4
    assert towers >= 1
    assert shared >= 1


def test_a_misnamed_phrase_differs_in_one_name_that_nothing_has(sample: Sample) -> None:
    true = ["the", "green", "block", "on", "the", "blue", "plate"]
    assert not [*misnamed(sample, np.random.default_rng(0))], "what is out of view has any name"
    sample.objects[2]["box"] = [50, 70, 90, 90]
    said = [p for k in range(60) for p, _ in misnamed(sample, np.random.default_rng(k))]
    assert len(said) > 30
    for phrase in said:
        assert sum(a != b for a, b in zip(phrase.split(), true, strict=True)) == 1


def test_what_is_no_checkpoint_to_start_from_says_what_it_lacks(tmp_path: Path) -> None:
    must_be_checkpoint(CHECKPOINT)
    folder = tmp_path / "mine"
    for lacks in ("is no folder", "has no config.json", "has no tokenizer.json"):
        with pytest.raises(UserError, match=f"{folder} is no checkpoint .*: it {lacks}; give a"):
            must_be_checkpoint(folder)
        folder.mkdir(exist_ok=True)
        if lacks == "has no config.json":
            (folder / "config.json").write_text('{"model_type": "grounding-dino"}')
            (folder / "model.safetensors").touch()
    (folder / "tokenizer.json").touch()
    with pytest.raises(UserError, match=r"is the checkpoint of another model \(grounding-dino\)"):
        must_be_checkpoint(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config.json is no JSON"):
        must_be_checkpoint(folder)


def test_confidences_allow_for_what_was_missed() -> None:
    """A tenth of what scores nothing is so all the same: no "no" may be surer than that."""
    low = [(score, k % 10 == 0) for k in range(100) for score in (0.0005, 0.05)]
    slope, _, least, most = fitted([*low, *[(0.98, True)] * 200])
    assert slope > 0
    assert least == pytest.approx(0.1, abs=0.03)
    assert most > 0.99


def test_measures_are_what_they_are_called() -> None:
    assert iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert calibration_error([(0.75, True)] * 3 + [(0.75, False)]) == pytest.approx(0.0)
    assert calibration_error([(0.95, False)] * 4) == pytest.approx(0.95)
