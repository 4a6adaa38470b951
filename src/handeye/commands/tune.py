"""`handeye tune`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any


def tune(
    *,
    vlm: str,
    data: Sequence[str],
    out: str,
    held_out: str | None = None,
    steps: int | None = None,
    rank: int | None = None,
    learning_rate: float | None = None,
    device: str = "auto",
) -> None:
    """Tune a VLM on shards and print what it does before and after."""
    from ..training.device import must_exist
    from ..training.tune import TuneRecipe, held_out_rows, run

    must_exist(device)
    given = {"steps": steps, "rank": rank, "learning_rate": learning_rate}
    wanted: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    recipe = replace(TuneRecipe(), **wanted)
    learner = _learner(vlm, data, held_out, recipe, device)
    adapter = run(learner, Path(out), recipe)
    rows = held_out_rows(Path(out))
    (_, before), (last, after) = rows[0], rows[-1]
    for figure, value in after.items():
        print(f"{figure}: {before.get(figure, 0.0):.3f} before, {value:.3f} after {last} steps")
    print(f"curve:   {Path(out) / 'curve.png'}")
    print(f'adapter: {adapter} (--vlm {adapter}, load_vlm("{adapter}"))')


def _learner(vlm: str, data: Sequence[str], held_out: str | None, recipe: Any, device: str) -> Any:
    from handeye.perception.vlm.checkpoints import config_of
    from handeye.perception.vlm.load import load_vlm

    from ..training.tune import Pool
    from ..training.tune_embedded import EmbeddedLearner
    from ..training.tune_family import FamilyLearner

    pool = Pool([Path(folder) for folder in data])
    measured: Any = Pool([Path(held_out)]) if held_out else pool.split_off(recipe.held_out)
    is_folder = (Path(vlm) / "config.json").is_file()
    if vlm == "embedded" or (is_folder and config_of(vlm)["model_type"] == "handeye"):
        base = vlm if vlm == "embedded" else str(Path(vlm).resolve())
        return EmbeddedLearner(base, pool, measured, recipe)
    base = str(Path(vlm).resolve()) if is_folder else vlm
    loaded = load_vlm(vlm, device=device, dtype="float32")
    return FamilyLearner(loaded, base, pool, measured, recipe)
