"""What a depth camera adds to a closer look: shapes and sizes, told without light."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from click.testing import CliRunner
from handeye.perception.errors import ImageError, ModelError, UserError
from handeye.perception.frame import Frame
from handeye.perception.vlm.closer_looks import (
    GAZE_SIZE,
    GLIMPSE_CONTEXT,
    SEEN,
    PairGlimpse,
)
from handeye.perception.vlm.crops import (
    Ranges,
    pair_relief_of,
    pair_reliefs_of,
    relief_of,
    reliefs_of,
)
from handeye.perception.vlm.embedded import EmbeddedVLM
from handeye.perception.vlm.embedded_checkpoint import CHECKPOINT
from handeye.perception.vlm.features import Looker
from handeye.perception.vlm.modeling_handeye import HandeyeModel
from handeye.perception.vlm.scaling import scaled
from handeye.sims.simulation import simulate
from handeye.sims.tasks import get_task
from handeye.sims.training_data import SceneOptions, render_scene

from handeye.cli import main
from handeye.training.bench import measure
from handeye.training.cutting import Box, Depths
from handeye.training.fitting import Fitting
from handeye.training.growing import grow
from handeye.training.pair_reliefs import train_pair_relief
from handeye.training.proposing import Proposed, write_proposals
from handeye.training.reliefs import train_relief
from handeye.training.roughening import as_measured
from handeye.training.shards import Sample, Shards
from handeye.training.train import new_model

BOX = (120.3, 80.0, 168.0, 124.6)


@pytest.fixture(scope="module")
def vlm() -> EmbeddedVLM:
    return EmbeddedVLM(dtype="float32")


@pytest.fixture(scope="module")
def frame() -> Frame:
    with simulate(get_task("grab_red_cup"), 3) as simulation:
        return simulation.robot.cameras["overview"].read()


def ranges(depth: npt.NDArray[np.float32], focal: float = 300.0) -> Ranges:
    return Ranges(torch.from_numpy(depth)[None, None], (focal, focal))


def tiles() -> npt.NDArray[np.float32]:
    """[1, 60, 80] that speak for all of BOX."""
    mask = np.zeros((1, 60, 80), np.float32)
    mask[:, 20:31, 30:42] = 1.0
    return mask


def dome(distance_m: float) -> torch.Tensor:
    """[1, 1, 56, 56] metres: a dome 0.05 m high, on a plane."""
    y, x = np.mgrid[:56, :56] / 27.5 - 1
    height = 0.05 * np.maximum(1 - (x**2 + y**2) / 0.5, 0)
    return torch.tensor(distance_m - height, dtype=torch.float32)[None, None]


def true(sample: Sample) -> Proposed:
    """The true boxes and masks of a sample, as if they were proposed."""
    seen = [(k, o["box"]) for k, o in enumerate(sample.objects, start=1) if o["box"]]
    tiles = np.stack([(sample.instances == k) * np.uint8(255) for k, _ in seen])
    return Proposed(np.array([box for _, box in seen], np.float32), tiles)


class TestRelief:
    def test_a_shape_is_the_same_from_near_and_far(self) -> None:
        mask = (dome(1.0) < 1.0).float()
        near, extents, known = relief_of(dome(0.5), mask, torch.tensor([[0.2, 0.2]]))
        far, others, _ = relief_of(dome(1.0), mask, torch.tensor([[0.1, 0.1]]))
        assert torch.allclose(near, far, atol=1e-4)
        assert torch.allclose(extents[:, 2:], others[:, 2:], atol=1e-4)
        assert known.tolist() == [1.0]
        height_m = 0.05 * (near[0, 0, 28, 28] - near[0, 0, 0, 0])
        assert height_m.item() == pytest.approx(0.05, abs=0.002)
        lowest = 0.05 * extents[0, 6]  # of what is around, below the dome's middle height
        assert -0.05 < lowest.item() < 0

    def test_what_was_not_read_is_level_and_what_was_not_read_at_all_is_unknown(self) -> None:
        holed = dome(0.5)
        holed[..., 20:30, 20:30], holed[..., 40:, :] = 0.0, torch.nan
        mask, angles = (dome(1.0) < 1.0).float(), torch.tensor([[0.2, 0.2]])
        relief, extents, _ = relief_of(holed, mask, angles)
        assert (relief[:, 0, 20:30, 20:30] == 0).all()
        assert (relief[:, 0, 40:] == 0).all()
        assert relief.isfinite().all()
        assert extents.isfinite().all()
        relief, extents, known = relief_of(torch.zeros(1, 1, 56, 56), mask, angles)
        assert not relief[:, 0].any()
        assert not extents.any()
        assert known.tolist() == [0.0]

    def test_sizes_are_metric(self) -> None:
        depth = np.full((240, 320), 0.6, np.float32)
        _, extents, _ = reliefs_of(ranges(depth), tiles(), np.array([BOX], np.float32))
        width_m = (BOX[2] - BOX[0]) * 0.6 / 300
        assert extents[0, 0].item() == pytest.approx(np.log(width_m / 0.1), abs=1e-3)

    @pytest.mark.parametrize("flip", [False, True])
    def test_training_cuts_what_is_seen_later(self, frame: Frame, *, flip: bool) -> None:
        assert frame.depth is not None
        box = np.array([BOX], np.float32)
        seen, extents, _ = reliefs_of(ranges(frame.depth), tiles(), box)
        depths = Depths()
        mask = (tiles()[0] * 255).astype(np.uint8)
        depths.add(frame.depth, (300.0, 300.0), [mask], [BOX], flip=flip)
        relief, told, _ = depths.told()
        relief = relief.flip(-1) if flip else relief
        assert (relief - seen).abs().mean() < 0.02
        assert (told - extents).abs().mean() < 0.15


class TestPairs:
    def test_it_is_told_how_far_apart_two_things_are_in_depth(self) -> None:
        depth = torch.full((1, 1, 56, 56), 0.8)
        masks = torch.zeros(1, 2, 56, 56)
        masks[0, 0, 8:24, 8:24], masks[0, 1, 24:48, 24:48] = 1.0, 1.0
        depth[0, 0, 8:24, 8:24], depth[0, 0, 24:48, 24:48] = 0.6, 0.75
        angles = torch.tensor([[[0.4, 0.4], [0.1, 0.1], [0.2, 0.2]]])
        relief, extents, known = pair_relief_of(depth, masks, angles)
        assert 0.05 * relief[0, 0, 10, 10].item() == pytest.approx(0.15)
        assert relief[0, 0, 30, 30].item() == 0.0
        assert 0.05 * extents[0, 6:8].numpy() == pytest.approx([0.15, -0.05])
        width_m = 0.1 * np.exp(extents[0, [0, 2, 4]].numpy())
        assert width_m == pytest.approx([0.4 * 0.75, 0.1 * 0.6, 0.2 * 0.75])
        assert known.tolist() == [1.0]
        for hidden in range(2):
            covered = masks.clone()
            covered[0, hidden] = 0.0
            relief, extents, known = pair_relief_of(depth, covered, angles)
            assert known.tolist() == [0.0]
            assert relief.isfinite().all()
            assert extents.isfinite().all()

    @pytest.mark.parametrize("flip", [False, True])
    def test_training_cuts_what_is_seen_later(self, frame: Frame, *, flip: bool) -> None:
        assert frame.depth is not None
        two: list[Box] = [BOX, (150.0, 110.0, 200.0, 150.0)]
        both = (BOX[0], BOX[1], 200.0, 150.0)
        masks = np.zeros((2, 60, 80), np.float32)
        masks[0, 20:31, 30:42], masks[1, 28:37, 38:50] = 1.0, 1.0
        boxes = np.array([two], np.float32)
        seen, extents, _ = pair_reliefs_of(ranges(frame.depth), masks[None], boxes)
        depths = Depths(GAZE_SIZE, GLIMPSE_CONTEXT, masks=2)
        drawn = [(mask * 255).astype(np.uint8) for mask in masks]
        depths.add(frame.depth, (300.0, 300.0), drawn, [both, *two], flip=flip)
        relief, told, _ = depths.told_of_pairs()
        relief = relief.flip(-1) if flip else relief
        assert (relief - seen).abs().mean() < 0.02
        assert (told - extents).abs().mean() < 0.15

    def test_at_first_depth_adds_nothing_and_then_what_was_learnt(
        self, shard: Path, tmp_path: Path
    ) -> None:
        model = new_model(0)
        assert model.pair_relief is not None
        told = torch.rand(3, PairGlimpse.SEEN), torch.rand(3, 3, 56, 56), torch.rand(3, 16)
        known = torch.tensor([1.0, 0.0, 1.0])
        assert not model.pair_relief.eval()(*told, known).any()
        write_proposals(tmp_path / "shard-00000.npz", [*map(true, Shards(shard))])
        learnt = train_pair_relief(
            model.pair_relief.train(),
            model.pair_glimpse,
            shard,
            tmp_path,
            tmp_path / "run",
            model.config,
            Fitting(steps=4, images=8, learning_rate=0.01),
        )
        more = learnt(*told, known)
        assert more[0].any()
        assert not more[1].any()  # where nothing was read

    def test_depth_has_a_say_in_how_two_things_lie(self, frame: Frame) -> None:
        pairs = [(0, 1), (1, 0)]
        looker = Looker(CHECKPOINT, "float32")
        features = looker.look(frame)
        deep = looker.relate(features, pairs)
        blind = looker.relate(replace(features, frame=replace(frame, depth=None)), pairs)
        assert not np.array_equal(deep, blind)
        assert np.abs(deep - blind).max() < 0.5


class TestFrames:
    def test_frames_with_depth_and_without_are_both_seen(
        self, vlm: EmbeddedVLM, frame: Frame
    ) -> None:
        flat = replace(frame, depth=None)
        deep, blind = vlm.features(frame), vlm.features(flat)
        assert vlm.features(frame) is deep  # of the same pixels, and yet not of the same frame
        assert {d.label for d in vlm.parse(frame)} == {d.label for d in vlm.parse(flat)}
        assert not np.array_equal(deep.categories, blind.categories)
        unknown = replace(frame, intrinsics=None)
        assert np.array_equal(vlm.features(unknown).categories, blind.categories)

    def test_a_sensor_that_reads_nothing_is_as_none(self, vlm: EmbeddedVLM, frame: Frame) -> None:
        for nothing in (0.0, np.nan, np.inf):
            dead = replace(frame, depth=np.full((240, 320), nothing, np.float32))
            seen = vlm.features(dead).categories
            blind = vlm.features(replace(frame, depth=None)).categories
            assert np.allclose(seen, blind, atol=1e-5)

    def test_depth_of_other_pixels_is_refused(self, vlm: EmbeddedVLM, frame: Frame) -> None:
        odd = replace(frame, depth=np.ones((120, 160), np.float32))
        large = replace(odd, rgb=np.zeros((960, 1280, 3), np.uint8))
        for shown in (odd, large):
            with pytest.raises(ImageError, match=r"depth has the shape \(120, 160\)"):
                vlm.parse(shown)

    def test_a_large_frame_is_scaled_with_its_depth(self, frame: Frame) -> None:
        assert frame.depth is not None
        assert frame.intrinsics is not None
        small = scaled(frame, 160 * 120)
        assert small.depth is not None
        assert small.intrinsics is not None
        assert small.rgb.shape == (120, 160, 3)
        assert small.depth.shape == (120, 160)
        assert set(np.unique(small.depth)) <= set(np.unique(frame.depth))
        assert small.intrinsics.fx == pytest.approx(frame.intrinsics.fx / 2)
        assert small.intrinsics.cx == pytest.approx((frame.intrinsics.cx - 0.5) / 2)


class TestTraining:
    def test_shards_keep_depth_to_the_millimetre(self, shard: Path) -> None:
        options = SceneOptions(overview_views=1, wrist_views=1)
        samples = Shards(shard, depth=True)
        for k, view in enumerate(render_scene(np.random.default_rng(1), options)):
            sample = samples[k]
            assert sample.depth is not None
            assert np.abs(sample.depth - view.depth).max() <= 0.0006
            frame = sample.frame(k)
            assert frame.intrinsics is not None
            assert frame.intrinsics.fx == view.record["focal_px"][0]
            assert sample.frame(k, depth=False).depth is None
            assert Shards(shard)[k].depth is None

    def test_depth_is_roughened_and_stays_what_it_is(self, shard: Path) -> None:
        sample = Shards(shard, depth=True)[0]
        assert sample.depth is not None
        given = [as_measured(sample, np.random.default_rng(seed)) for seed in range(30)]
        assert len({depth.tobytes() for depth in given if depth is not None}) == 30
        for depth in given:
            assert depth is not None
            both = (depth > 0) & (sample.depth > 0)
            assert both.mean() > 0.5
            assert np.median(np.abs(depth[both] / sample.depth[both] - 1)) < 0.1
        assert as_measured(replace(sample, depth=None), np.random.default_rng(0)) is None

    def test_at_first_depth_adds_nothing_and_then_what_was_learnt(
        self, shard: Path, tmp_path: Path
    ) -> None:
        model = new_model(0)
        assert model.relief is not None
        seen, relief = torch.rand(3, SEEN), torch.rand(3, 2, 48, 48)
        extents, known = torch.rand(3, 7), torch.tensor([1.0, 0.0, 1.0])
        assert not any(said.any() for said in model.relief.eval()(seen, relief, extents, known))
        (tmp_path / "glimpsed").mkdir()
        write_proposals(tmp_path / "glimpsed" / "shard-00000.npz", [*map(true, Shards(shard))])
        before = [weight.clone() for weight in model.gaze.parameters()]
        learnt = model.relief
        for steps in (2, 4):
            learnt = train_relief(
                learnt.train(),
                model.gaze,
                shard,
                tmp_path / "glimpsed",
                tmp_path / "run",
                model.config,
                Fitting(steps=steps, images=8, learning_rate=0.01),
            )
        assert torch.load(tmp_path / "run" / "relief.pt", weights_only=True)["step"] == 4
        assert all(map(torch.equal, before, model.gaze.parameters()))
        more = learnt(seen, relief, extents, known)
        assert more.names[0].any()
        assert not more.names[1].any()  # where nothing was read

    def test_a_checkpoint_from_before_grows_a_part_that_adds_nothing(
        self, shard: Path, tmp_path: Path
    ) -> None:
        config = new_model(0).config
        config.sees_depth = False
        HandeyeModel(config).save_pretrained(tmp_path)
        for file in CHECKPOINT.glob("tokenizer*"):
            (tmp_path / file.name).symlink_to(file)
        frame = Shards(shard, depth=True)[0].frame(0)
        assert frame.depth is not None
        assert len(Looker(tmp_path, "float32").look(frame).boxes) >= 0
        new = grow(new_model(1), tmp_path)
        assert new.dense_relief is not None
        assert new.glimpse_relief is not None
        assert new.relief is not None
        assert new.pair_relief is not None
        assert not new.dense_relief.cells.weight.any()
        assert not new.glimpse_relief.more.weight.any()
        assert not new.relief.names.weight.any()
        assert not new.pair_relief.relation.weight.any()

    def test_a_checkpoint_whose_weights_are_not_the_models_is_refused(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # transformers' logger hands nothing on to the root, where pytest listens.
        monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
        model = new_model(0)
        lacking = {k: v for k, v in model.state_dict().items() if not k.startswith("pair_relief.")}
        model.save_pretrained(tmp_path, state_dict=lacking)
        for file in CHECKPOINT.glob("tokenizer*"):
            (tmp_path / file.name).symlink_to(file)
        with pytest.raises(ModelError, match="no weights for its pair_relief; it is of another"):
            Looker(tmp_path)
        config = new_model(0).config
        config.sees_depth = False
        HandeyeModel(config).save_pretrained(tmp_path, state_dict=model.state_dict())
        extra = "dense_relief, glimpse_relief, pair_relief, relief"
        with pytest.raises(ModelError, match=f"unknown weights for its {extra}; it is"):
            Looker(tmp_path)
        assert not caplog.records


class TestMeasuring:
    def test_renders_of_earlier_versions_are_not_measured_as_if_they_had_depth(
        self, vlm: EmbeddedVLM, shard: Path, tmp_path: Path
    ) -> None:
        with np.load(shard / "shard-00000.npz") as whole:
            kept = {key: whole[key] for key in whole if not key.startswith("depth")}
        np.savez(tmp_path / "shard-00000.npz", **kept)
        assert Shards(tmp_path, depth=True)[0].depth is None
        with pytest.raises(UserError, match="remove the folder, or measure --without-depth"):
            measure(vlm, tmp_path, 2, lambda: None)
        assert measure(vlm, tmp_path, 2, lambda: None, depth=False)["recall"]["n"] > 0

    def test_a_frame_of_a_sample_without_focal_lengths_is_flat(self, shard: Path) -> None:
        sample: Sample = replace(Shards(shard, depth=True)[0], focal_px=None)
        assert sample.frame(0).depth is None

    def test_the_card_keeps_both_tables(self, tmp_path: Path) -> None:
        from handeye.commands.train import _with_figures

        card = _with_figures("# Card\n", "| a |", depth=True)
        card = _with_figures(card, "| b |", depth=False)
        card = _with_figures(card, "| c |", depth=True)
        assert card.count("<!-- figures") == 2
        assert "| a |" not in card
        assert card.index("| c |") < card.index("| b |")
        assert "--without-depth" in CliRunner().invoke(main, ["bench-vlm", "--help"]).output
