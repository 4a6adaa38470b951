"""Training data: random tabletop scenes, rendered with their ground truth into shards.

Shard k is the same on every machine, whatever the number of workers.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from handeye.perception.errors import SceneFileError
from handeye.perception.frame import Intrinsics

from .arm_poses import pose_arm, set_pose
from .articulated import add_furniture, furniture_colors
from .body import FURNITURE
from .labelling import Labelled, View, labelled, relations_in, write_shard
from .objects import COLORS, Category, ColorName
from .panda import HAND_LINK
from .piling import heap, pile
from .rendering import look_at
from .tabletop import (
    HEIGHT,
    T_HAND_WRIST,
    WIDTH,
    build_tabletop,
    sample_light,
    sample_specs,
    sample_style,
    scatter,
)
from .world import World

ENTROPY = 20_260_101
"""Seeds the training scenes; episodes and benchmarks draw from other entropies."""
SCENES_PER_SHARD = 40
_TALL: tuple[Category, ...] = ("can", "bottle", "box")


@dataclass(frozen=True)
class SceneOptions:
    """What scenes a split is made of.

    Attributes:
        entropy: seeds the scenes.
        held_out: True draws only held-out colour-category pairs, False never, None regardless.
        dark: draw lights from outside the training range.
        objects: fewest and most objects on the table.
        wrist_views, overview_views: images of a scene.
        furnished_every: of so many shards one has furniture.
        furnished: share of the scenes with a drawer or a fridge in such a shard.
        fallen: share of the cans, bottles and boxes that have fallen over.
        heaped: things lie on and in each other not one on one but in towers, and several in a bowl
            or on a plate, all of two to four colours.
        colors: fewest and most colours of all things; by default any, or as for heaps. With few,
            things lie on and in things of their own colour.
        more: categories from `register_category`, of which each scene has two to four objects;
            their numbers follow those of the catalogue and the furniture.
    """

    entropy: int = ENTROPY
    held_out: bool | None = False
    dark: bool = False
    objects: tuple[int, int] = (3, 10)
    wrist_views: int = 2
    overview_views: int = 3
    furnished_every: int = 5
    furnished: float = 0.85
    fallen: float = 0.0
    heaped: bool = False
    colors: tuple[int, int] | None = None
    more: tuple[str, ...] = ()


def render_shard(path: Path, index: int, options: SceneOptions, scenes: int) -> int:
    """Render `scenes` scenes into one shard file; returns the number of images."""
    views: list[Labelled] = []
    is_furnished = index % options.furnished_every == options.furnished_every - 1
    options = options if is_furnished else replace(options, furnished=0.0)
    for number in range(index * scenes, (index + 1) * scenes):
        seed = np.random.SeedSequence(options.entropy, spawn_key=(number,))
        for view in render_scene(np.random.default_rng(seed), options):
            views.append(replace(view, record={"scene": number, **view.record}))
    write_shard(path, views)
    return len(views)


def render_shards(
    folder: Path,
    shards: int,
    *,
    options: SceneOptions | None = None,
    jobs: int = 2,
    scenes: int = SCENES_PER_SHARD,
    first: int = 0,
    on_shard: Callable[[int, int], None] = lambda _done, _images: None,
) -> None:
    """Render the shards that `folder` lacks, in worker processes.

    Args:
        folder: where shard-00000.npz and so on are kept.
        shards: how many there shall be.
        options: what the scenes are made of.
        jobs: worker processes.
        scenes: scenes in a shard; five images each, by default.
        first: number of the first shard, so that a folder holds several kinds.
        on_shard: called with (shards done, images in the latest).
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {index: folder / f"shard-{index:05d}.npz" for index in range(first, first + shards)}
    missing = [index for index, path in paths.items() if not path.exists()]
    done = shards - len(missing)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        chosen = options or SceneOptions()
        futures = [
            pool.submit(render_shard, paths[index], index, chosen, scenes) for index in missing
        ]
        for future in as_completed(futures):
            done += 1
            on_shard(done, future.result())


def render_scene(rng: np.random.Generator, options: SceneOptions) -> Iterator[Labelled]:
    """Build one scene and yield what each camera sees of it."""
    with World() as world:
        style = sample_style(rng, dark=options.dark)
        robot = build_tabletop(world, style)
        if options.furnished and rng.random() < options.furnished:
            furnish(world, rng, options.held_out, style.table_height_m)
        count = int(rng.integers(options.objects[0], options.objects[1] + 1))
        few = options.colors or ((2, 4) if options.heaped else None)
        colors = COLORS if few is None else _few(rng, *few)
        specs = sample_specs(rng, count, held_out=options.held_out, colors=colors)
        if options.more:
            specs += sample_specs(rng, int(rng.integers(2, 5)), categories=cast(Any, options.more))
        clearance = float(rng.uniform(0.005, 0.04))
        # A full table is full: what fits is there by then.
        with suppress(SceneFileError):
            scatter(world, specs, rng, clearance_m=clearance, table_height_m=style.table_height_m)
        if options.fallen:
            _knock_over(world, rng, options.fallen)
        (heap if options.heaped else pile)(world, rng)
        robot.connect()
        world.settle(max_s=1.5)
        relations = relations_in(world)
        for kind in ["overview"] * options.overview_views + ["wrist"] * options.wrist_views:
            held = pose_arm(world, robot, rng, relations, wrist=kind == "wrist")
            again = sample_style(rng, dark=options.dark)
            world.light = sample_light(rng, dark=options.dark)
            view = _overview(again.eye, again.target, again.fov_y_rad, again.roll_rad)
            if kind == "wrist":
                view = View(
                    "wrist",
                    Intrinsics.from_fov(WIDTH, HEIGHT, 1.05),
                    robot.link_pose(HAND_LINK) @ T_HAND_WRIST,
                )
            yield labelled(world, view, relations, held[0] if held else None, options.more)
            if held is not None:
                set_pose(world, held[0], held[1])


def _few(rng: np.random.Generator, least: int, most: int) -> tuple[ColorName, ...]:
    """Some of the colours, so that things lie on things like them."""
    chosen = rng.permutation(len(COLORS))[: int(rng.integers(least, most + 1))]
    return tuple(COLORS[i] for i in chosen)


def furnish(
    world: World, rng: np.random.Generator, held_out: bool | None, table_height_m: float
) -> None:
    """A drawer or a fridge somewhere at the table's side, facing the middle, more or less open."""
    kind = FURNITURE[int(rng.integers(len(FURNITURE)))]
    allowed = furniture_colors(kind, held_out)
    side = float(rng.choice([-1.0, 1.0]))
    position = (float(rng.uniform(0.38, 0.56)), side * float(rng.uniform(0.26, 0.44)))
    yaw = -side * np.pi / 2 + float(rng.normal(0.0, 0.35))
    wide = rng.random()
    opened = rng.uniform(0.6, 1.0) if wide < 0.5 else rng.uniform(0.0, 0.1)
    add_furniture(
        world,
        kind,
        allowed[int(rng.integers(len(allowed)))],
        (*position, table_height_m),
        yaw,
        opened=float(rng.uniform(0.1, 0.6) if wide > 0.92 else opened),
        rng=rng.spawn(1)[0],
    )


def _overview(
    eye: tuple[float, float, float],
    target: tuple[float, float, float],
    fov_y_rad: float,
    roll_rad: float,
) -> View:
    intrinsics = Intrinsics.from_fov(WIDTH, HEIGHT, fov_y_rad)
    return View("overview", intrinsics, look_at(eye, target, roll_rad))


def _knock_over(world: World, rng: np.random.Generator, share: float) -> None:
    """Lay some of the tall things on their sides."""
    for name, body in list(world.objects.items()):
        if body.spec is not None and body.spec.category in _TALL and rng.random() < share:
            world.topple(name, float(rng.uniform(-np.pi, np.pi)))
