"""`handeye train` and `handeye bench-vlm`."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

FALLEN_EVERY, FALLEN_FIRST, FALLEN = 10, 90_000, 0.6
"""For so many shards one more of things that fell over; their numbers; the share that fell."""
CROWDED_EVERY, CROWDED_FIRST, CROWD = 5, 80_000, (9, 14)
"""For so many shards one more of cluttered tables; their numbers; how many objects they have."""

HEAPED_EVERY, HEAPED_FIRST, HEAP = 4, 70_000, (5, 12)
"""For so many shards one more of heaps; their numbers; how many objects they have."""
WRIST_EVERY, WRIST_FIRST = 3, 60_000
"""For so many shards one more that the wrist camera alone sees; their numbers."""

ALIKE_EVERY, ALIKE_FIRST = 10, 50_000
"""For so many shards one more of things that are all of one colour or two; their numbers."""


def train(
    *,
    data: str,
    out: str,
    shards: int,
    steps: int | None,
    jobs: int,
    start_from: str | None,
    device: str | None,
) -> None:
    """Render what is missing, train, calibrate; prints where the checkpoint lies.

    Raises:
        UserError: the device is not there, or `start_from` is no checkpoint; nothing is rendered.
    """
    from handeye.perception.vlm.computing import half_is_quick

    from ..training.calibrate import calibrate
    from ..training.device import must_exist
    from ..training.train import Recipe, must_be_checkpoint
    from ..training.train import train as run

    must_exist(device or "auto")
    start = Path(start_from) if start_from else None
    if start is not None:
        must_be_checkpoint(start)
    render(Path(data), shards, jobs)
    render(Path(data), shards // FALLEN_EVERY, jobs, first=FALLEN_FIRST, fallen=FALLEN)
    render(Path(data), shards // CROWDED_EVERY, jobs, first=CROWDED_FIRST, objects=CROWD)
    heaps: dict[str, Any] = {"heaped": True, "objects": HEAP}
    render(Path(data), shards // HEAPED_EVERY, jobs, first=HEAPED_FIRST, **heaps)
    of_wrist: dict[str, Any] = {"wrist_views": 5, "overview_views": 0}
    render(Path(data), shards // WRIST_EVERY, jobs, first=WRIST_FIRST, **of_wrist)
    alike: dict[str, Any] = {"colors": (1, 2), "objects": (4, 9)}
    render(Path(data), shards // ALIKE_EVERY, jobs, first=ALIKE_FIRST, **alike)
    recipe = Recipe(half=half_is_quick())
    recipe = recipe if steps is None else replace(recipe, steps=steps)
    folder = run(Path(data), Path(out), recipe, device=device, start_from=start)
    add_glimpse(folder, Path(data), Path(out))
    held = Path(data).parent / "calibration"
    render(held, 2, jobs, entropy=778_000, furnished_every=2)
    render(held, 1, jobs, first=HEAPED_FIRST, entropy=778_000, **heaps)
    print(f"calibrated: {calibrate(folder, held)}")
    print(f"checkpoint: {folder}")


def add_glimpse(checkpoint: Path, data: Path, out: Path) -> None:
    """Train the closer looks, at one and at two objects, and put them into a dense checkpoint."""
    from handeye.perception.vlm.computing import half_is_quick
    from handeye.perception.vlm.embedded_checkpoint import load_checkpoint

    from ..training.fitting import Fitting
    from ..training.glimpses import train_glimpse
    from ..training.mining import mine_all
    from ..training.pairs import train_pairs
    from ..training.proposing import propose_all
    from ..training.train import export

    loaded, _ = load_checkpoint(checkpoint)
    model: Any = loaded
    propose_all(model, data, out / "proposals")
    glimpse = train_glimpse(model.glimpse.train(), data, out / "proposals", out, model.config)
    model.glimpse.load_state_dict(glimpse.state_dict())
    # The gaze begins as the glimpse; its further blocks do nothing at first.
    model.gaze.load_state_dict(glimpse.state_dict(), strict=False)
    propose_all(model, data, out / "glimpsed", glimpsed=True)
    learn = partial(train_glimpse, data=data, out=out, config=model.config)
    half = half_is_quick()
    first = Fitting(steps=4500, learning_rate=1.5e-3, half=half)
    gaze = learn(model.gaze.train(), proposals=out / "glimpsed", fitting=first, name="gaze")
    mine_all(gaze, data, out / "glimpsed", out / "mined", model.config)
    hard = Fitting(steps=2800, images=80, learning_rate=1.2e-3, half=half)
    gaze = learn(gaze.train(), proposals=out / "mined", fitting=hard, name="gaze_hard")
    model.gaze.load_state_dict(gaze.state_dict())
    pairs = train_pairs(model.pair_glimpse.train(), data, out / "glimpsed", out, model.config)
    model.pair_glimpse.load_state_dict(pairs.state_dict())
    if model.config.sees_depth:
        add_reliefs(model, data, out)
    export(model, checkpoint)


def add_reliefs(model: Any, data: Path, out: Path) -> None:
    """Train what depth adds: to the dense pass, the glimpse, the gaze and the pair glimpse."""
    from handeye.perception.vlm.computing import half_is_quick

    from ..training import dense_reliefs, glimpse_reliefs, pair_reliefs, reliefs
    from ..training.proposing import propose_all

    half = half_is_quick()
    flat = (data, out / "glimpsed", out)
    fitting = replace(dense_reliefs.FITTING, half=half)
    dense = dense_reliefs.train_dense_relief(model, *flat, fitting)
    model.dense_relief.load_state_dict(dense.state_dict())
    fitting = replace(glimpse_reliefs.FITTING, half=half)
    glimpse = glimpse_reliefs.train_glimpse_relief(model, *flat, fitting)
    model.glimpse_relief.load_state_dict(glimpse.state_dict())
    propose_all(model, data, out / "deep", glimpsed=True, deep=True)
    deep = (data, out / "deep", out, model.config)
    fitting = replace(reliefs.FITTING, half=half)
    relief = reliefs.train_relief(model.relief, model.gaze, *deep, fitting)
    model.relief.load_state_dict(relief.state_dict())
    fitting = replace(pair_reliefs.FITTING, half=half)
    pairs = pair_reliefs.train_pair_relief(model.pair_relief, model.pair_glimpse, *deep, fitting)
    model.pair_relief.load_state_dict(pairs.state_dict())


def render(folder: Path, shards: int, jobs: int, first: int = 0, **options: Any) -> None:
    """Render the shards that a folder lacks, from the first's number on, with a progress bar."""
    from handeye.sims.training_data import SceneOptions, render_shards

    from ..training.progress import progress

    with progress(f"rendering {folder}") as bar:
        shown = bar.add_task("render", total=shards)
        render_shards(
            folder,
            shards,
            options=SceneOptions(**options),
            jobs=jobs,
            first=first,
            on_shard=lambda done, _: bar.update(shown, completed=done),
        )
        bar.update(shown, completed=shards)


def bench(
    *,
    vlm: str,
    images: int,
    data: str,
    jobs: int,
    card: bool,
    worst: str | None,
    without_depth: bool,
    as_json: bool,
) -> None:
    """Measure on every split and print the table.

    Raises:
        UserError: the shards that are there have no depth, and it is asked for.
    """
    from handeye.perception.vlm.load import load_vlm

    from ..training.bench import SPLITS, measure
    from ..training.progress import progress

    model = load_vlm(vlm)
    rows = {}
    for name, options in SPLITS.items():
        folder = Path(data) / name
        render(folder, -(-images // 200), jobs, **options)
        picture = Path(worst) / f"{name}.jpg" if worst else None
        with progress(f"measuring {name}", enabled=not as_json) as bar:
            tick = partial(bar.advance, bar.add_task(name, total=images))
            rows[name] = measure(model, folder, images, tick, picture, depth=not without_depth)
    if as_json:
        print(json.dumps(rows))
        return
    table = as_markdown(rows)
    print(table)
    if card:
        from handeye.perception.vlm.embedded_checkpoint import CHECKPOINT

        path = (CHECKPOINT if vlm == "embedded" else Path(vlm)) / "README.md"
        card_text = path.read_text() if path.exists() else "# Model card\n"
        path.write_text(_with_figures(card_text, table, depth=not without_depth))


def _with_figures(card: str, table: str, *, depth: bool) -> str:
    """A model card with a table of figures, with depth or without, in the place of its last."""
    mark = f"<!-- figures {'with' if depth else 'without'} depth -->"
    begin, _, rest = card.partition(mark)
    # The old table goes on to what is marked next.
    _, following, after = rest.partition("<!-- figures")
    return f"{begin.rstrip()}\n\n{mark}\n\n{table}\n" + (
        f"\n{following}{after}" if following else ""
    )


def as_markdown(rows: dict[str, dict[str, Any]]) -> str:
    """The figures as a Markdown table: a row a figure, a column a split."""
    figures = list(dict.fromkeys(figure for row in rows.values() for figure in row))
    lines = [f"| figure | {' | '.join(rows)} |", "|---" * (len(rows) + 1) + "|"]
    for figure in figures:
        cells = [_cell(row.get(figure)) for row in rows.values()]
        lines.append(f"| {figure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: dict[str, Any] | None) -> str:
    if value is None:
        return "–"
    text = f"{value['rate']:.3f}"
    if "interval" in value:
        low, high = value["interval"]
        text += f" ({low:.3f}–{high:.3f}, n={value['n']})"
    return text
