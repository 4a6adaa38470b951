"""What a depth camera adds to the dense pass: what pixels do not show is proposed all the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from handeye.perception.errors import UserError
from handeye.perception.frame import Frame
from handeye.perception.vlm.closer_looks import SEEN, Look
from handeye.perception.vlm.crops import shapes_of
from handeye.perception.vlm.dense_relief import DenseRelief, GlimpseRelief, layers_of
from handeye.perception.vlm.embedded import EmbeddedVLM
from handeye.sims.objects import Category, ColorName, sample_object
from handeye.sims.tabletop import build_tabletop, sample_style
from handeye.sims.world import World

from handeye.training import roughening
from handeye.training.dense_reliefs import train_dense_relief
from handeye.training.fitting import Fitting
from handeye.training.glimpse_reliefs import train_glimpse_relief
from handeye.training.missed import with_missed
from handeye.training.proposing import Proposed, propose_all, write_proposals
from handeye.training.roughening import augment
from handeye.training.shards import Sample, Shards
from handeye.training.train import new_model

Depth = npt.NDArray[np.float64]


def of(depth: Depth, focal: float = 300.0) -> tuple[torch.Tensor, torch.Tensor]:
    """A [64, 96] depth image, m, as the model takes it."""
    return torch.tensor(depth, dtype=torch.float32)[None, None], torch.tensor([[focal, focal]])


def slanted(
    focal: float = 300.0, distance_m: float = 0.8, steep: float = 0.5
) -> npt.NDArray[np.float64]:
    """[64, 96] m: a plane that comes nearer to the right, by `steep` m a metre."""
    x = (np.arange(96) - 47.5) / focal
    return np.tile(distance_m / (1 + steep * x), (64, 1))


class TestLayers:
    @pytest.mark.parametrize(("focal", "distance_m"), [(300.0, 0.8), (150.0, 0.8), (300.0, 0.5)])
    def test_slopes_are_those_of_the_world_whatever_the_lens(
        self, focal: float, distance_m: float
    ) -> None:
        layers, read = layers_of(*of(slanted(focal, distance_m), focal))
        assert layers[0, 1, :, 1:-1].numpy() == pytest.approx(0.5, abs=0.1)
        assert layers[0, 2].numpy() == pytest.approx(0.0, abs=1e-3)
        assert layers[0, 4].all()
        assert read.all()

    def test_what_rises_above_the_table_is_told_in_metres(self) -> None:
        depth = np.full((64, 96), 0.8)
        depth[28:36, 44:52] = 0.75
        height_m = 0.05 * layers_of(*of(depth))[0][0, 0]
        assert height_m.max().item() == pytest.approx(0.05, abs=0.005)
        assert height_m[0, 0].item() == pytest.approx(0.0, abs=1e-4)

    def test_what_was_not_read_is_level(self) -> None:
        holed = slanted()
        holed[10:40, 20:30], holed[50:, :], holed[:5, 90:] = 0.0, np.nan, np.inf
        layers, _ = layers_of(*of(holed))
        unread = layers[0, 4] == 0
        assert layers.isfinite().all()
        assert unread.any()
        assert not layers[0, 0][unread].any()

    def test_where_nothing_was_read_for_far_around_is_told(self) -> None:
        half = np.full((64, 96), 0.8)
        half[:, 32:] = 0.0
        assert layers_of(*of(half))[1][0, 0].tolist() == [[1.0, 0.0, 0.0]] * 2


class TestAdding:
    def test_nothing_at_first_and_nothing_where_nothing_was_read(self) -> None:
        torch.manual_seed(0)
        relief = DenseRelief(96, 32, 6, 5).eval()
        features, fine = torch.rand(1, 96, 8, 12), torch.rand(1, 32, 16, 24)
        depth = slanted()
        depth[:, 32:] = 0.0
        added = relief(features, fine, *of(depth))
        assert not added.cells.any()
        assert not added.tiles.any()
        for part in (relief.cells, relief.tiles):
            torch.nn.init.normal_(part.weight)
        added = relief(features, fine, *of(depth))
        for more, far in ((added.cells, 4), (added.tiles, 8)):
            assert more[..., :far].any()
            assert not more[..., far:].any()
        assert added.seen[0, -1].tolist() == [[1.0] * 8 + [0.0] * 16] * 16

    def test_a_glimpse_is_told_of_what_was_read_alone(self) -> None:
        torch.manual_seed(0)
        relief = GlimpseRelief().eval()
        look = Look(*(torch.rand(2, *more) for more in ((9,), (), (), (), (4,))))
        around = torch.rand(2, 33, 6, 6)
        around[1, -1] = 0.0
        same = relief(look, torch.rand(2, SEEN), around)
        assert all(map(torch.equal, look, same))
        torch.nn.init.normal_(relief.more.weight)
        told = relief(look, torch.rand(2, SEEN), around)
        assert told.names is look.names
        for before, after in ((look.there, told.there), (look.shift, told.shift)):
            assert not torch.equal(before[0], after[0])
            assert torch.equal(before[1], after[1])

    def test_what_lies_around_a_proposal_is_cut_out(self) -> None:
        rows, columns = torch.meshgrid(torch.arange(60.0), torch.arange(80.0), indexing="ij")
        boxes = np.array([[100.0, 60.0, 140.0, 80.0]], np.float32)
        cut = shapes_of(torch.stack([rows, columns])[None], boxes)
        assert cut.shape == (1, 2, 6, 6)
        # 60 pixels around the middle, in 6 places, a tile every 4.
        assert 4 * (cut[0, 1, 0] + 0.5).numpy() == pytest.approx(np.arange(95, 150, 10))
        assert 4 * (cut[0, 0, :, 0] + 0.5).numpy() == pytest.approx(np.arange(45, 100, 10))


class TestTraining:
    def test_depth_stays_on_the_picture_when_it_is_moved(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(roughening, "recolour", lambda rgb, _: rgb)
        rgb, depth = np.zeros((240, 320, 3), np.uint8), np.full((240, 320), 0.8, np.float32)
        rgb[100:140, 136:192], depth[100:140, 136:192] = 255, 0.5
        instances = np.zeros((60, 80), np.uint8)
        sample = Sample(rgb, instances, [], "overview", depth, (300.0, 290.0))
        for seed in range(10):
            moved = augment(sample, (256, 192), np.random.default_rng(seed))
            assert moved.depth is not None
            assert moved.focal_px is not None
            near = moved.depth == np.float32(0.5)
            assert (near == (moved.rgb[..., 0] > 127)).mean() > 0.995
            across = moved.focal_px[0] / 300.0
            assert moved.focal_px[1] == pytest.approx(290 * across)
            if near[:, [0, -1]].any() or near[[0, -1]].any():
                continue
            # The thing is as large as it was.
            assert near.sum() / across**2 == pytest.approx(40 * 56, rel=0.05)
        assert (
            augment(replace(sample, depth=None), (256, 192), np.random.default_rng(0)).depth is None
        )

    def test_each_learns_while_all_else_stays_as_it_is(self, shard: Path, tmp_path: Path) -> None:
        model = new_model(0)
        propose_all(model, shard, tmp_path / "glimpsed", glimpsed=True)
        folders = (shard, tmp_path / "glimpsed", tmp_path / "run")
        parts = {"dense_relief": train_dense_relief, "glimpse_relief": train_glimpse_relief}
        for name, train in parts.items():
            before = {key: weight.clone() for key, weight in model.state_dict().items()}
            for steps in (2, 4):
                learnt = train(model, *folders, Fitting(steps=steps, images=4, learning_rate=0.01))
            assert torch.load(tmp_path / "run" / f"{name}.pt", weights_only=True)["step"] == 4
            after = model.state_dict()
            changed = {key.split(".")[0] for key in before if not before[key].equal(after[key])}
            assert changed == {name}
            assert all(weight.any() for weight in learnt.parameters())

    def test_shards_without_depth_are_refused(self, shard: Path, tmp_path: Path) -> None:
        with np.load(shard / "shard-00000.npz") as whole:
            kept = {key: whole[key] for key in whole if not key.startswith("depth")}
        np.savez(tmp_path / "shard-00000.npz", **kept)
        model = new_model(0)
        propose_all(model, tmp_path, tmp_path / "glimpsed", glimpsed=True)
        for train in (train_dense_relief, train_glimpse_relief):
            with pytest.raises(UserError, match="have no depth; render them anew"):
                train(model, tmp_path, tmp_path / "glimpsed", tmp_path / "run")

    def test_proposals_of_other_images_are_refused(self, shard: Path, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"has proposals of 0 images, but .* has 2; propose"):
            with_missed(shard, tmp_path)

    def test_images_in_which_something_has_no_proposal_are_known(
        self, shard: Path, tmp_path: Path
    ) -> None:
        images = Shards(shard)
        boxes = [np.array([o["box"] for o in images[i].objects if o["box"]]) for i in range(2)]
        for lacking in range(2):
            tiles = np.zeros((1, 60, 80), np.uint8)
            some = [box[1:] if k == lacking else box for k, box in enumerate(boxes)]
            given = [Proposed(box.astype(np.float32), tiles.repeat(len(box), 0)) for box in some]
            write_proposals(tmp_path / "shard-00000.npz", given)
            assert with_missed(shard, tmp_path)[1].tolist() == [lacking]


@pytest.mark.parametrize(("color", "category"), [("black", "block"), ("black", "ball")])
def test_things_in_bowls_of_their_own_colour_are_seen_in_the_dark(
    color: ColorName, category: Category
) -> None:
    vlm = EmbeddedVLM()
    frames = [in_a_dark_bowl(color, category, seed) for seed in range(10, 16)]
    both = {f"{color} bowl", f"{color} {category}"}
    seen = [{d.label for d in vlm.parse(frame)} == both for frame in frames]
    question = f"is the {color} {category} in the {color} bowl?"
    told = [vlm.ask(frame, question).text == "yes" for frame in frames]
    # Of their pixels alone, one of the six is.
    assert sum(seen) >= 5
    assert sum(told) >= 5


def in_a_dark_bowl(color: ColorName, category: Category, seed: int) -> Frame:
    rng = np.random.default_rng(seed)
    with World() as world:
        style = sample_style(rng, dark=True)
        robot = build_tabletop(world, style)
        things: dict[Category, float] = {"bowl": 0.0, category: 0.02}
        for kind, height_m in things.items():
            spec = sample_object(kind, color, rng)
            world.add(spec, (0.45, 0.05, style.table_height_m + height_m), 0.3)
        robot.connect()
        world.settle()
        return robot.cameras["overview"].read()
