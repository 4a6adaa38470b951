"""Two-stage seeing: what the dense pass proposes, and how the closer look learns to judge it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from handeye.perception.vlm.closer_looks import GAZE_SIZE, Glimpse, Look
from handeye.perception.vlm.crops import surroundings_of
from handeye.perception.vlm.modeling_handeye import HandeyeModel
from handeye.perception.vlm.proposals import (
    agreement,
    doubled,
    ious,
    owners,
    propose,
    spoken_for,
    suppress,
    tiles_of,
)
from handeye.sims.training_data import SceneOptions, render_shard

from handeye.training.batches import normalize
from handeye.training.cutting import cut_around, normalized
from handeye.training.fitting import Fitting
from handeye.training.glimpses import Glimpses, judge, train_glimpse
from handeye.training.mining import mastered, mine_all
from handeye.training.pairs import train_pairs
from handeye.training.proposing import Proposals, propose_all
from handeye.training.shards import Shards
from handeye.training.train import new_model


@pytest.fixture
def model() -> HandeyeModel:
    return new_model(0)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    folder = tmp_path / "shards"
    folder.mkdir()
    render_shard(folder / "shard-00000.npz", 4, SceneOptions(), 2)
    return folder


def box(x: float, y: float, side: float = 20.0) -> list[float]:
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2]


def array(numbers: object) -> npt.NDArray[np.float32]:
    return np.array(numbers, np.float32)


def test_a_thing_without_a_peak_of_its_own_is_proposed() -> None:
    heat = np.full((4, 4), -9.0, np.float32)
    boxes = np.tile(array(box(0.0, 0.0)), (4, 4, 1))
    heat[1, 1], boxes[1, 1] = 2.2, array(box(12.0, 12.0))
    heat[2, 1], boxes[2, 1] = 0.4, array(box(12.0, 30.0))  # below it, and touching
    heat[1, 2], boxes[1, 2] = 1.4, array(box(13.0, 12.0))  # the first once more
    rows, columns, proposed = propose(heat, boxes)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(1, 1), (2, 1)]
    assert np.array_equal(proposed, boxes[rows, columns])


def test_where_two_middles_fall_together_smaller_boxes_are_proposed_besides() -> None:
    heat = np.full((8, 8), -9.0, np.float32)
    boxes = np.zeros((8, 8, 4), np.float32)
    plate, blend = array(box(36.0, 36.0, 60.0)), array(box(36.0, 36.0, 34.0))
    heat[4, 4], boxes[4, 4] = 2.2, blend  # neither the block nor the plate
    heat[5, 5], boxes[5, 5] = 0.4, plate
    rows, columns, proposed = propose(heat, boxes)
    assert rows.tolist() == [4, 5, 4, 4, 4]
    assert columns.tolist() == [4, 5, 4, 4, 4]
    block = array([box(36.0, 36.0, 17.0)])
    overlaps = ious(block, proposed)[0]
    assert overlaps[:2].max() < 0.5
    assert overlaps.max() > 0.9
    middles = (proposed[2:, :2] + proposed[2:, 2:]) / 2
    assert np.allclose(middles, 36.0)
    heat[4, 5] = 1.7  # almost as likely: the middle is between the two cells
    *_, proposed = propose(heat, boxes)
    middles = (proposed[-3:, :2] + proposed[-3:, 2:]) / 2
    assert (middles[:, 1] == 36.0).all()
    assert ((middles[:, 0] > 38.0) & (middles[:, 0] < 40.0)).all()


def test_of_boxes_of_one_thing_the_best_is_kept() -> None:
    boxes = array([box(10.0, 10.0), box(11.0, 10.0), box(40.0, 10.0)])
    assert suppress(boxes, 0.6).tolist() == [0, 2]
    assert suppress(boxes[:0], 0.6).tolist() == []


def test_one_thing_within_another_of_the_same_name_is_the_same_thing() -> None:
    boxes = array([box(20.0, 20.0, 17.0), box(20.0, 20.0, 24.0), box(22.0, 20.0, 60.0)])
    block = np.array([[3, 1], [3, 1], [3, 1]])
    scores = array([0.8, 0.6, 0.9])
    assert doubled(boxes, block, scores).tolist() == [False, True, False]
    other = np.array([[3, 1], [3, 2], [3, 1]])
    assert doubled(boxes, other, scores).tolist() == [False, False, False]


def test_tiles_belong_to_the_box_that_they_speak_for() -> None:
    left, right = box(8.0, 8.0, 16.0), box(24.0, 8.0, 16.0)
    said = array([left, left, right, right]).reshape(1, 4, 4)
    sure, none = 30.0, -30.0
    tiles, boxes = tiles_of(array([[sure, sure, sure, none]]), said), array([left, right])
    shares = agreement(tiles, boxes)
    assert spoken_for(tiles, boxes).tolist() == [[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 0.0]]]
    assert owners(shares, boxes, (1, 4), tiles.places).tolist() == [[0, 0, 1, -1]]
    assert owners(shares[:0], boxes[:0], (1, 4), tiles.places).tolist() == [[-1] * 4]


def test_a_thing_in_the_middle_of_a_plate_has_the_tiles_that_it_covers() -> None:
    boxes = array([box(32.0, 32.0, 56.0), box(32.0, 32.0, 16.0)])
    said = np.tile(boxes[0], (16, 20, 1))  # every tile speaks for the plate
    shares = agreement(tiles_of(np.full((16, 20), 30.0, np.float32), said), boxes)
    owner = owners(shares, boxes, (16, 20))
    assert (owner == 1).sum() == 12
    assert (owner[6:10, 7:9] == 1).all()
    assert owner[5, 8] == 0


def test_proposals_are_made_once_and_fit_their_images(
    model: HandeyeModel, shards: Path, tmp_path: Path
) -> None:
    with torch.no_grad():
        model.dense.bias[0] = 0.0  # type: ignore[union-attr]  # an untrained model proposes nothing
    out = tmp_path / "proposals"
    propose_all(model, shards, out)
    written = (out / "shard-00000.npz").stat().st_mtime_ns
    propose_all(model, shards, out)
    assert (out / "shard-00000.npz").stat().st_mtime_ns == written
    images, proposals = Shards(shards), Proposals(out)
    assert len(images) == len(proposals)
    for index in range(len(images)):
        proposed = proposals[index]
        assert proposed.tiles.shape == (len(proposed.boxes), *images[index].instances.shape)
    assert sum(len(proposals[i].boxes) for i in range(len(images))) > 0


def test_glimpses_are_learnt_from_proposals_and_can_be_resumed(
    model: HandeyeModel, shards: Path, tmp_path: Path
) -> None:
    with torch.no_grad():
        model.dense.bias[0] = 0.0  # type: ignore[union-attr]
    propose_all(model, shards, tmp_path / "proposals")
    for steps in (3, 5):
        learnt = train_glimpse(
            model.glimpse,
            shards,
            tmp_path / "proposals",
            tmp_path / "run",
            model.config,
            Fitting(steps=steps, images=3),
        )
    assert torch.load(tmp_path / "run" / "glimpse.pt", weights_only=True)["step"] == 5
    look = learnt.eval()(torch.zeros(2, 4, 40, 40), torch.zeros(2, 2))
    assert all(np.isfinite(said.detach().numpy()).all() for said in look)


def test_a_gaze_begins_as_the_glimpse_and_learns_from_what_that_keeps(
    model: HandeyeModel, shards: Path, tmp_path: Path
) -> None:
    with torch.no_grad():
        model.dense.bias[0] = 0.0  # type: ignore[union-attr]
        model.glimpse.there.bias.fill_(1.0)
    model.gaze.load_state_dict(model.glimpse.state_dict(), strict=False)
    crops, sizes = torch.rand(2, 4, GAZE_SIZE, GAZE_SIZE), torch.zeros(2, 2)
    around = torch.rand(2, 4, 40, 40)
    first = model.glimpse.eval()(crops, sizes)
    assert all(map(torch.equal, model.gaze.eval()(crops, sizes, around), first))
    propose_all(model, shards, tmp_path / "proposals")
    propose_all(model, shards, tmp_path / "glimpsed", glimpsed=True)
    proposed, kept = Proposals(tmp_path / "proposals"), Proposals(tmp_path / "glimpsed")
    counts = [len(kept[i].boxes) for i in range(len(kept))]
    assert sum(counts) > 0
    assert all(few <= len(proposed[i].boxes) for i, few in enumerate(counts))
    for i, few in enumerate(counts):
        overlaps = ious(kept[i].boxes, kept[i].boxes) - np.eye(few)
        assert few == 0 or overlaps.max() < 0.55
    learnt = train_glimpse(
        model.gaze.train(),
        shards,
        tmp_path / "glimpsed",
        tmp_path / "run",
        model.config,
        Fitting(steps=2, images=3, half=True),
        name="gaze",
    )
    assert torch.load(tmp_path / "run" / "gaze.pt", weights_only=True)["step"] == 2
    look = learnt(crops, sizes, around)
    assert all(np.isfinite(said.detach().numpy()).all() for said in look)


def test_a_gaze_sees_the_surroundings_that_it_was_trained_on(model: HandeyeModel) -> None:
    rng = np.random.default_rng(5)
    rgb = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
    tiles = np.zeros((60, 80), np.uint8)
    tiles[12:20, 6:16] = 255
    box = (20.3, 40.0, 68.0, 88.6)
    seen = surroundings_of(
        normalize(rgb[None], model.config), tiles[None] / np.float32(255), array([box])
    )
    assert seen.shape == (1, 4, 40, 40)
    assert (seen[0, :3, :, :8] == 0).all()  # left of the image
    assert seen[0, 3, 20, 20] == 1.0
    for flip in (False, True):
        trained = torch.from_numpy(cut_around(rgb, tiles, box, flip=flip))[None]
        shown = normalized(trained, model.config)
        assert torch.allclose(shown.flip(-1) if flip else shown, seen, atol=0.03)


def test_pairs_are_learnt_from_shards_and_can_be_resumed(
    model: HandeyeModel, shards: Path, tmp_path: Path
) -> None:
    found = tmp_path / "glimpsed"
    with torch.no_grad():
        model.dense.bias[0] = 0.0  # type: ignore[union-attr]
    propose_all(model, shards, found, glimpsed=True)
    for steps in (3, 5):
        fitting = Fitting(steps=steps, images=3)
        train_pairs(model.pair_glimpse, shards, found, tmp_path / "run", model.config, fitting)
    assert torch.load(tmp_path / "run" / "pairs.pt", weights_only=True)["step"] == 5


def test_a_batch_in_which_nothing_is_met_teaches_only_that_nothing_is_there() -> None:
    batch = Glimpses(
        torch.zeros(3, 4, 40, 40), torch.zeros(3, 2), torch.full((3,), -100),
        torch.full((3,), -100), -torch.ones(3), -torch.ones(3), torch.zeros(3), torch.zeros(3, 4),
    )  # fmt: skip
    loss, figures = judge(Glimpse(23).eval(), batch)
    assert loss.item() == pytest.approx(figures["there"])
    assert figures["there"] > 0


def test_what_is_judged_rightly_and_surely_is_mastered() -> None:
    """Of five proposals: right; of unsure name; not to be named; its box off; wrongly there."""
    batch = Glimpses(
        torch.zeros(5, 4, 40, 40), torch.zeros(5, 2), torch.tensor([0, 0, -100, 0, -100]),
        torch.tensor([1, 1, -100, -100, -100]), torch.tensor([0.0, 0.0, -1.0, 0.0, -1.0]),
        -torch.ones(5), torch.tensor([0.9, 0.9, 0.0, 0.9, 0.0]), torch.zeros(5, 4),
    )  # fmt: skip
    sure, torn = [9.0, 0.0, 0.0, 9.0], [9.0, 9.0, 0.0, 9.0]
    shift = torch.zeros(5, 4)
    shift[3, 2] = 0.3
    look = Look(
        torch.tensor([sure, torn, torn, sure, sure]), torch.full((5,), -6.0), torch.zeros(5),
        torch.tensor([2.0, 2.0, -4.0, 2.0, 4.0]), shift,
    )  # fmt: skip
    assert mastered(look, batch, count=2).tolist() == [True, False, True, False, False]


def test_mining_keeps_what_is_hard_and_a_share_of_the_rest(
    model: HandeyeModel, shards: Path, tmp_path: Path
) -> None:
    with torch.no_grad():
        model.dense.bias[0] = 0.0  # type: ignore[union-attr]
        model.glimpse.there.weight.zero_()  # what is nowhere, which is most, is no riddle now
        model.glimpse.there.bias.fill_(-4.0)
    propose_all(model, shards, tmp_path / "proposals")
    mine_all(model.glimpse, shards, tmp_path / "proposals", tmp_path / "mined", model.config)
    proposed, kept = Proposals(tmp_path / "proposals"), Proposals(tmp_path / "mined")
    assert len(kept) == len(proposed)
    share = []
    for i in range(len(kept)):
        few, many = kept[i].boxes.tolist(), proposed[i].boxes.tolist()
        assert all(box in many for box in few)
        assert kept[i].tiles.shape[0] == len(few)
        share += [len(few) / max(len(many), 1)]
    assert 0.05 < np.mean(share) < 0.9
