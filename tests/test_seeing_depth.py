"""What a depth camera adds to a closer look: shapes and sizes, told without light."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from click.testing import CliRunner
from handeye.perception.errors import UserError
from handeye.perception.frame import Frame
from handeye.perception.vlm.crops import Ranges, deep_crops_of, relief_of
from handeye.perception.vlm.embedded import EmbeddedVLM
from handeye.perception.vlm.embedded_checkpoint import CHECKPOINT
from handeye.perception.vlm.modeling_handeye import GAZE_SIZE, HandeyeModel
from handeye.perception.vlm.scaling import scaled
from handeye.sims.labelling import write_shard
from handeye.sims.simulation import simulate
from handeye.sims.tasks import get_task
from handeye.sims.training_data import SceneOptions, render_scene

from handeye.cli import main
from handeye.training.bench import measure
from handeye.training.cutting import Depths
from handeye.training.growing import begin_as, grow
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


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    options = SceneOptions(overview_views=1, wrist_views=1)
    write_shard(folder / "shard-00000.npz", [*render_scene(np.random.default_rng(1), options)])
    return folder


def pixels(frame: Frame) -> torch.Tensor:
    return torch.from_numpy(frame.rgb.copy()).permute(2, 0, 1)[None].float() / 255


def ranges(depth: npt.NDArray[np.float32], focal: float = 300.0) -> Ranges:
    return Ranges(torch.from_numpy(depth)[None, None], (focal, focal))


def tiles() -> npt.NDArray[np.float32]:
    """[1, 60, 80] that speak for all of BOX."""
    mask = np.zeros((1, 60, 80), np.float32)
    mask[:, 20:31, 30:42] = 1.0
    return mask


def dome(distance_m: float, size: float = 1.0) -> torch.Tensor:
    """[1, 1, 56, 56] metres: a dome `size` × 0.05 m high and 0.2 m across, on a plane."""
    y, x = np.mgrid[:56, :56] / 27.5 - 1
    height = 0.05 * size * np.maximum(1 - (x**2 + y**2) / 0.5, 0)
    return torch.tensor(distance_m - height, dtype=torch.float32)[None, None]


class TestRelief:
    def test_a_shape_is_the_same_from_near_and_far_small_and_large(self) -> None:
        mask = (dome(1.0) < 1.0).float()
        half = torch.tensor([0.2])
        near, distance = relief_of(dome(0.5), mask, half)
        assert 0.45 < distance.item() < 0.5
        far, _ = relief_of(dome(1.0, size=2.0), mask, half)  # twice as large, twice as far
        assert torch.allclose(near, far, atol=1e-5)
        assert near[0, 0, 28, 28] > 0 > near[0, 0, 0, 0]

    def test_what_was_not_read_is_level_and_what_was_not_read_at_all_has_no_size(self) -> None:
        holed = dome(0.5)
        holed[..., 20:30, 20:30], holed[..., 40:, :] = 0.0, torch.nan
        mask = (dome(1.0) < 1.0).float()
        relief, _ = relief_of(holed, mask, torch.tensor([0.2]))
        assert (relief[..., 20:30, 20:30] == 0).all()
        assert (relief[..., 40:, :] == 0).all()
        assert relief.isfinite().all()
        blind, distance = relief_of(torch.zeros(1, 1, 56, 56), mask, torch.tensor([0.2]))
        assert not blind.any()
        assert distance.isnan().all()

    def test_sizes_are_metric(self) -> None:
        depth = np.full((240, 320), 0.6, np.float32)
        image = torch.zeros(1, 3, 240, 320)
        box = np.array([BOX], np.float32)
        _, sizes = deep_crops_of(image, ranges(depth), tiles(), box, GAZE_SIZE)
        width_m = (BOX[2] - BOX[0]) * 0.6 / 300
        assert sizes[0, 2].item() == pytest.approx(np.log(width_m / 0.1), abs=1e-3)
        assert sizes[0, 4].item() == 1.0
        crops, unknown = deep_crops_of(image, None, tiles(), box, GAZE_SIZE)
        assert not unknown[:, 2:].any()
        assert not crops[:, 4].any()

    @pytest.mark.parametrize("flip", [False, True])
    def test_training_cuts_what_is_seen_later(self, frame: Frame, *, flip: bool) -> None:
        assert frame.depth is not None
        box = np.array([BOX], np.float32)
        seen, sizes = deep_crops_of(pixels(frame), ranges(frame.depth), tiles(), box, GAZE_SIZE)
        depths = Depths(GAZE_SIZE)
        depths.add(frame.depth, (300.0, 300.0), BOX, flip=flip)
        mask = seen[:, 3:4]
        relief, metric = depths.told(mask.flip(-1) if flip else mask)
        assert torch.allclose(relief.flip(-1) if flip else relief, seen[:, 4:], atol=0.02)
        assert torch.allclose(metric, sizes[:, 2:], atol=0.01)


class TestFrames:
    def test_a_sensor_that_reads_nothing_is_as_none(self, vlm: EmbeddedVLM, frame: Frame) -> None:
        for nothing in (0.0, np.nan):
            dead = replace(frame, depth=np.full((240, 320), nothing, np.float32))
            seen = vlm.features(dead).categories
            blind = vlm.features(replace(frame, depth=None)).categories
            assert np.allclose(seen, blind, atol=1e-5)

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
        samples = Shards(shard)
        for k, view in enumerate(render_scene(np.random.default_rng(1), options)):
            sample = samples[k]
            assert sample.depth is not None
            assert np.abs(sample.depth - view.depth).max() <= 0.0006
            frame = sample.frame(k)
            assert frame.intrinsics is not None
            assert frame.intrinsics.fx == view.record["focal_px"][0]
            assert sample.frame(k, depth=False).depth is None

    def test_some_images_come_without_depth_and_none_with_more_than_was_there(
        self, shard: Path
    ) -> None:
        sample = Shards(shard)[0]
        assert sample.depth is not None
        given = [as_measured(sample, np.random.default_rng(seed)) for seed in range(60)]
        read = [depth for depth in given if depth is not None]
        assert 10 < len(read) < 55
        for depth in read:
            both = (depth > 0) & (sample.depth > 0)
            assert both.mean() > 0.5
            off = np.abs(depth[both] / sample.depth[both] - 1)
            assert np.median(off) < 0.1
        assert as_measured(replace(sample, depth=None), np.random.default_rng(0)) is None

    def test_a_gaze_that_is_given_depth_sees_at_first_what_it_saw(self, tmp_path: Path) -> None:
        old = new_model(0)
        old.config.sees_depth = False
        old = HandeyeModel(old.config).eval()
        with torch.no_grad():
            for weight in old.gaze.parameters():
                weight.add_(torch.randn_like(weight) * 0.02)
        old.save_pretrained(tmp_path)
        for file in CHECKPOINT.glob("tokenizer*"):
            (tmp_path / file.name).symlink_to(file)
        new = grow(new_model(1), tmp_path).eval()
        crops, around = torch.rand(3, 5, GAZE_SIZE, GAZE_SIZE), torch.rand(3, 4, 40, 40)
        sizes, places = torch.rand(3, 5), torch.rand(3, 8)
        was = old.gaze(crops[:, :4], sizes[:, :2], around)
        for before, now in zip(was, new.gaze(crops, sizes, around), strict=True):
            assert torch.allclose(before, now, atol=1e-5)
        pair = torch.rand(3, 6, GAZE_SIZE, GAZE_SIZE)
        before = old.pair_glimpse(pair[:, :5], places)
        assert torch.allclose(before, new.pair_glimpse(pair, places), atol=1e-5)

    def test_a_gaze_begins_as_a_glimpse_that_knows_no_depth(self) -> None:
        model = new_model(0).eval()
        begin_as(model.gaze, model.glimpse)
        crops, sizes = torch.rand(2, 5, GAZE_SIZE, GAZE_SIZE), torch.rand(2, 5)
        glimpsed = model.glimpse(crops[:, :4], sizes[:, :2])
        seen = model.gaze(crops, sizes, torch.rand(2, 4, 40, 40))
        for a, b in zip(glimpsed, seen, strict=True):
            assert torch.allclose(a, b, atol=1e-5)


class TestMeasuring:
    def test_renders_of_earlier_versions_are_not_measured_as_if_they_had_depth(
        self, vlm: EmbeddedVLM, shard: Path, tmp_path: Path
    ) -> None:
        with np.load(shard / "shard-00000.npz") as whole:
            kept = {key: whole[key] for key in whole if not key.startswith("depth")}
        np.savez(tmp_path / "shard-00000.npz", **kept)
        assert Shards(tmp_path)[0].depth is None
        with pytest.raises(UserError, match="remove the folder, or measure --without-depth"):
            measure(vlm, tmp_path, 2, lambda: None)
        assert measure(vlm, tmp_path, 2, lambda: None, depth=False)["recall"]["n"] > 0

    def test_a_frame_of_a_sample_without_focal_lengths_is_flat(self, shard: Path) -> None:
        sample: Sample = replace(Shards(shard)[0], focal_px=None)
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
