"""What `handeye tune` teaches the embedded VLM: three categories that it has never seen.

    python benchmarks/tune.py [--data DIR] [--steps 250] [--scenes 60]

Cones, rings and hammers lie among the catalogue's objects; the catalogue itself stays as it is.
Printed is what the VLM finds on held-out scenes before and after: of the new categories, and of
the old ones, which it must not forget; these also on scenes of the catalogue alone.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from handeye.perception.vlm.lexicon import CATEGORY_WORDS
from handeye.perception.vlm.load import load_vlm
from handeye.sims.objects import ObjectSpec
from handeye.sims.shape import Part, Shape
from handeye.sims.shapes import register_category
from handeye.sims.solids import cuboid, lathe, merge
from handeye.sims.training_data import SceneOptions, render_shard
from rich.progress import track

from handeye.commands.tune import tune
from handeye.training.tune import CATEGORIES_FILE, Pool, spread
from handeye.training.tune_embedded import parse_f1

NEW = ("cone", "ring", "hammer")
TRAIN, HELD_OUT, CATALOGUE = 991_000, 991_001, 991_002
"""Entropies of the scenes that are learnt from, and of those that are measured on."""


def main() -> None:
    """Render, tune, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/tune"))
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--scenes", type=int, default=60, help="to learn from; five images each")
    asked = parser.parse_args()
    render(asked.data / "train", asked.scenes, TRAIN)
    render(asked.data / "held-out", 20, HELD_OUT)
    tune(
        vlm="embedded",
        data=(str(asked.data / "train"),),
        held_out=str(asked.data / "held-out"),
        out=str(asked.data / "run"),
        steps=asked.steps,
    )
    alone = asked.data / "catalogue"
    render(alone, 20, CATALOGUE, more=())
    samples = spread(Pool([alone]), 100)
    for name in ("embedded", str(asked.data / "run" / "adapter")):
        vlm = load_vlm(name)
        figures = parse_f1(vlm, samples, vlm.categories, len(CATEGORY_WORDS))
        print(f"{name}: F1 {figures['old']:.3f} on scenes of the catalogue alone; "
              f"called new: F1 {figures.get('new', 'none')}")  # fmt: skip


def render(
    folder: Path,
    scenes: int,
    entropy: int,
    *,
    per_shard: int = 10,
    more: tuple[str, ...] = NEW,
) -> None:
    """Render the shards that a folder lacks; in this process, which knows the new categories."""
    register()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CATEGORIES_FILE).write_text(json.dumps([*CATEGORY_WORDS, *NEW]))
    options = SceneOptions(entropy=entropy, more=more, objects=(3, 7))
    for index in track(range(scenes // per_shard), description=f"rendering {folder}"):
        path = folder / f"shard-{index:05d}.npz"
        if not path.exists():
            render_shard(path, index, options, per_shard)


def register() -> None:
    """Make the new categories known to the simulation."""
    register_category("cone", cone, (0.05, 0.08), (0.07, 0.12))
    register_category("ring", ring, (0.07, 0.11), (0.016, 0.026))
    register_category("hammer", hammer, (0.12, 0.17), (0.025, 0.035))


def cone(spec: ObjectSpec) -> Shape:
    r, h = spec.width_m / 2, spec.height_m
    v, n, f = lathe([(0, 0), (r, 0), (0.08 * r, h), (0, h)])
    parts = (
        Part("cylinder", (0.8 * r, h / 2), (0, 0, h / 4)),
        Part("cylinder", (0.35 * r, h / 2), (0, 0, 3 * h / 4)),
    )
    return Shape(size=(2 * r, 2 * r, h), mass=0.08, vertices=v, normals=n, faces=f, parts=parts)


def ring(spec: ObjectSpec) -> Shape:
    outer, tube = spec.width_m / 2, spec.height_m / 2
    angle = np.linspace(-np.pi, np.pi, 13)
    middle = outer - tube
    profile = [(float(middle + tube * np.cos(a)), float(tube + tube * np.sin(a))) for a in angle]
    v, n, f = lathe(profile, 28)
    sides = 12
    turns = 2 * np.pi * np.arange(sides) / sides
    half = (tube, float(outer * np.tan(np.pi / sides)), tube)
    parts = tuple(
        Part(
            "box",
            half,
            (float(middle * np.cos(a)), float(middle * np.sin(a)), tube),
            (0.0, 0.0, float(np.sin(a / 2)), float(np.cos(a / 2))),
        )
        for a in turns
    )
    size = (2 * outer, 2 * outer, 2 * tube)
    return Shape(size=size, mass=0.05, vertices=v, normals=n, faces=f, parts=parts)


def hammer(spec: ObjectSpec) -> Shape:
    length, h = spec.width_m, spec.height_m
    boxes = [
        ((0.75 * length, 0.5 * h, 0.5 * h), (-0.125 * length, 0.0, h / 2)),
        ((0.25 * length, 0.5 * length, h), (0.375 * length, 0.0, h / 2)),
    ]
    v, n, f = merge(*(cuboid(size, center) for size, center in boxes))
    parts = tuple(
        Part("box", (size[0] / 2, size[1] / 2, size[2] / 2), center) for size, center in boxes
    )
    size = (length, 0.5 * length, h)
    return Shape(size=size, mass=0.12, vertices=v, normals=n, faces=f, parts=parts)


if __name__ == "__main__":
    main()
