"""Tuning: adapters on top of checkpoints, learnt from shards, loaded back like any model."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from handeye.perception.errors import ModelError, UserError
from handeye.perception.frame import Frame
from handeye.perception.vlm.load import load_vlm
from handeye.sims.objects import CATEGORIES, COLORS
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.tasks import get_task
from handeye.sims.training_data import SceneOptions, render_scene
from tiny_checkpoints import build

from benchmarks.tune import NEW, render
from handeye.episode import run_episode
from handeye.training.tune import Pool, TuneRecipe, held_out_rows, run
from handeye.training.tune_embedded import EmbeddedLearner, parse_f1
from handeye.training.tune_family import FamilyLearner

QUICK = TuneRecipe(steps=12, images=4, learning_rate=2e-2, measure_every=6, held_out=3)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten images of cones, rings and hammers among the catalogue's objects."""
    folder = tmp_path_factory.mktemp("shards")
    render(folder, 2, 7, per_shard=2)
    return folder


@pytest.fixture(scope="module")
def frame(shards: Path) -> Frame:
    return Frame(Pool([shards])[0].rgb, "overview", 0, 0.0)


@pytest.fixture
def learner(shards: Path, tmp_path: Path) -> Callable[..., FamilyLearner]:
    """Makes learners on tiny checkpoints."""

    def make(family: str, recipe: TuneRecipe = QUICK) -> FamilyLearner:
        pool = Pool([shards])
        held_out = [pool[i] for i in (0, 4, 8)]
        base = build(family, tmp_path / family)
        return FamilyLearner(load_vlm(base), str(base), pool, held_out, recipe)

    return make


class TestFamilies:
    @pytest.mark.parametrize("family", ["clip", "florence2"])
    def test_the_loss_falls_and_the_adapter_loads_back(
        self, family: str, learner: Callable[..., FamilyLearner], tmp_path: Path, frame: Frame
    ) -> None:
        tuned = learner(family)
        adapter = run(tuned, tmp_path / "run", QUICK, progress=False)
        rows = held_out_rows(tmp_path / "run")
        assert [step for step, _ in rows] == [0, 6, 12]
        assert rows[-1][1]["loss"] < rows[0][1]["loss"] - 0.01
        loaded, base = load_vlm(adapter), load_vlm(tmp_path / family)
        kept = sum(file.stat().st_size for file in adapter.iterdir() if file.suffix != ".md")
        assert kept < sum(file.stat().st_size for file in (tmp_path / family).iterdir())
        tuned.model.eval()
        inputs = base.parts.inputs(images=_picture(frame), text="the red cup")
        with torch.inference_mode():
            there, here, before = (
                _logits(model, inputs)
                for model in (tuned.model, loaded.parts.model, base.parts.model)
            )
        assert torch.allclose(here, there, atol=1e-4)
        assert not torch.allclose(here, before, atol=1e-4)

    def test_a_stopped_run_ends_as_if_it_had_not_been(
        self, learner: Callable[..., FamilyLearner], tmp_path: Path
    ) -> None:
        through = run(learner("clip"), tmp_path / "through", QUICK, progress=False)
        stopped = learner("clip")
        losses = iter([stopped.loss] * 8)
        stopped.loss = lambda step: next(losses)(step)  # type: ignore[method-assign]
        with pytest.raises((StopIteration, RuntimeError)):
            run(stopped, tmp_path / "again", QUICK, progress=False)
        again = run(learner("clip"), tmp_path / "again", QUICK, progress=False)
        name = "adapter_model.safetensors"
        assert (again / name).read_bytes() == (through / name).read_bytes()
        assert (tmp_path / "again" / "curve.png").stat().st_size > 0
        with pytest.raises(UserError, match=r"a run with another images: images=4; give these"):
            run(learner("clip"), tmp_path / "again", replace(QUICK, images=2), progress=False)

    def test_what_cannot_be_tuned_says_so(self, learner: Callable[..., FamilyLearner]) -> None:
        with pytest.raises(
            UserError, match=r"vilt cannot be tuned here; what can are the embedded"
        ):
            learner("vilt")

    def test_an_adapter_without_its_library_is_one_clear_error(
        self,
        learner: Callable[..., FamilyLearner],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        learner("clip").save(tmp_path / "adapter")
        monkeypatch.setitem(sys.modules, "peft", None)
        with pytest.raises(ModelError, match=r"adapter needs peft: pip install 'handeye\[tune\]'"):
            load_vlm(tmp_path / "adapter")

    def test_a_damaged_adapter_is_one_clear_error(
        self, learner: Callable[..., FamilyLearner], tmp_path: Path
    ) -> None:
        learner("clip").save(tmp_path / "adapter")
        (tmp_path / "adapter" / "adapter_model.safetensors").write_bytes(b"nothing")
        with pytest.raises(ModelError, match=r"the adapter .* cannot be loaded"):
            load_vlm(tmp_path / "adapter")


class TestEmbedded:
    def test_new_words_are_learnt_on_top_of_the_old(
        self, shards: Path, tmp_path: Path, frame: Frame
    ) -> None:
        pool, recipe = Pool([shards]), replace(QUICK, steps=6, measure_every=6, learning_rate=3e-3)
        samples = [pool[i] for i in range(3)]
        tuner = EmbeddedLearner("embedded", pool, samples, recipe)
        tuner.save(tmp_path / "fresh")
        base, fresh = load_vlm("embedded"), load_vlm(tmp_path / "fresh")
        assert fresh.categories == [*base.categories, *NEW]
        known, same = base.parse(frame), fresh.parse(frame)
        assert [(d.label, d.box) for d in same] == [(d.label, d.box) for d in known]
        before = tuner.loss(0).item()
        adapter = run(tuner, tmp_path / "run", recipe, progress=False)
        assert tuner.loss(0).item() < before
        tuned = load_vlm(adapter)
        assert "explain" in tuned.verbs
        assert tuned.explain(frame, "the red hammer").shape == frame.rgb.shape[:2]
        figures = parse_f1(tuned, samples, tuned.categories, len(base.categories))
        assert figures == held_out_rows(tmp_path / "run")[-1][1]
        assert figures["old"] > 0.4

    def test_the_words_must_go_on_from_those_that_are_known(
        self, shards: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(UserError, match="there are no shards in"):
            Pool([tmp_path])
        for file in shards.glob("*.npz"):
            (tmp_path / file.name).symlink_to(file)
        (tmp_path / "categories.json").write_text(json.dumps(["cone", "cup"]))
        with pytest.raises(UserError, match="must begin with those that embedded knows: cup, bowl"):
            EmbeddedLearner("embedded", Pool([tmp_path]), [], QUICK)
        with pytest.raises(UserError, match="has other categories than"):
            Pool([shards, tmp_path])

    def test_the_catalogue_stays_what_it_is(self, shards: Path) -> None:
        assert not set(NEW) & set(CATEGORIES)
        scenes = (render_scene(np.random.default_rng(seed), SceneOptions()) for seed in range(2))
        seen = {o["category"] for scene in scenes for view in scene
                for o in view.record["objects"]}  # fmt: skip
        assert max(seen) < 13


class TestRecordedEpisodes:
    def test_what_the_agent_was_shown_is_there_to_learn_from(self, tmp_path: Path) -> None:
        out = tmp_path / "runs" / "grab"
        eyes = lambda simulation: PerfectEyes(simulation.world)  # noqa: E731
        task = get_task("grab_red_cup")
        result = run_episode(task, 3, vlm=None, eyes=eyes, out=out, video=False, labels=True)
        assert result.judged is True
        pool = Pool([tmp_path])
        seen = [pool[i] for i in range(len(pool))]
        assert {sample.camera for sample in seen} == {"overview", "wrist"}
        red_cup = {"category": CATEGORIES.index("cup"), "color": [*COLORS].index("red")}
        cups = [(sample, k) for sample in seen for k, o in enumerate(sample.objects, start=1)
                if red_cup.items() <= o.items() and o["box"]]  # fmt: skip
        for sample, k in cups:
            shown = sample.rgb[2::4, 2::4][sample.instances == k].astype(int)
            assert np.median(shown[:, 0] - shown[:, 1:].max(axis=1)) > 20  # it is red
        held = [sample.objects[k - 1]["held"] for sample, k in cups]
        assert (held[0], held[-1]) == (False, True)
        learner = EmbeddedLearner("embedded", pool, pool.split_off(1), QUICK)
        assert learner.loss(0).item() > 0


def _picture(frame: Frame) -> Any:
    from PIL import Image

    return Image.fromarray(frame.rgb)


def _logits(model: Any, inputs: Any) -> torch.Tensor:
    """What a model says of an image and words, before anything is chosen."""
    more = {} if "clip" in model.config.model_type else {"decoder_input_ids": inputs["input_ids"]}
    out = model(**inputs, **more)
    return out.logits_per_image if hasattr(out, "logits_per_image") else out.logits
