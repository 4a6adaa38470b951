"""How often the grasp skill alone gets hold of a thing: known ones, meshes never seen, clutter.

    python benchmarks/grasp.py [known meshes clutter] [--count N] [--jobs K] [--out DIR]

Each trial puts a thing on a table, looks, and calls `Pick`. The simulator judges: the thing must
be lifted, and still be held a second later. What is where in the picture is given (the simulator's
segmentation); with `--vlm` a model has to find it, which works for known categories.

known    one thing of the catalogue, the categories in turn
meshes   one of pybullet_data's procedural `random_urdfs`, each another one; no model knows them
clutter  five things of the catalogue, 1 to 3 cm from each other; one of them is wanted
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from handeye.evaluation import wilson

Split = Literal["known", "meshes", "clutter"]
SPLITS: tuple[Split, ...] = get_args(Split)
GOALS: dict[Split, float] = {"known": 0.95, "meshes": 0.90, "clutter": 0.85}
ENTROPY = 20_261_130
_HELD_STEPS = 240
_NEIGHBOURS = 4


@dataclass(frozen=True)
class Trial:
    """One grasp.

    Attributes:
        split, number: which one; they seed it.
        vlm: model to find things with; None for the simulator's segmentation.
        out: folder for a picture of it, if it fails; None for no pictures.
    """

    split: Split
    number: int
    vlm: str | None = None
    out: str | None = None


@dataclass(frozen=True)
class Report:
    """What came of it.

    Attributes:
        name: of the thing.
        held: whether it was held a second after it was lifted.
        code, message: of the skill.
    """

    split: Split
    number: int
    name: str
    held: bool
    code: str
    message: str


def attempt(trial: Trial) -> Report:
    """Set the table, look, pick, judge."""
    from handeye.agents.eyes import make_observer
    from handeye.perception.conditions import Holding
    from handeye.sims.judge import holds
    from handeye.sims.tabletop import build_tabletop, sample_style
    from handeye.sims.world import World
    from handeye.skills import Guarded, Pick, SkillContext

    seed = np.random.SeedSequence(ENTROPY, spawn_key=(SPLITS.index(trial.split), trial.number))
    rng = np.random.default_rng(seed)
    with World() as world:
        style = sample_style(rng)
        robot = build_tabletop(world, style)
        body = _SCENES[trial.split](world, style.table_height_m, trial.number, rng)
        world.step(360)
        robot.connect()
        observer = make_observer(robot, trial.vlm or Segmentation(world))
        before = robot.cameras["overview"].read().rgb
        scene = observer.look()
        low, high = world.bounds(body)
        middle = (low + high)[:2] / 2
        away = {n: math.dist(t.position[:2], middle) for n, t in scene.objects.items()}
        target = min(away, key=lambda n: away[n], default=None)
        if target is None or away[target] > 0.06:
            code, message, held = "not_seen", f"{body} is not seen", False
        else:
            outcome = Pick(target=target).execute(SkillContext(Guarded(robot), observer))
            world.step(_HELD_STEPS)
            code, message = outcome.code.value, outcome.message
            held = bool(holds(Holding(object=body), world))
        if not held and trial.out is not None:
            _picture(before, robot.cameras["overview"].read().rgb, trial)
        return Report(trial.split, trial.number, body, held, code, message)


class Segmentation:
    """Finds every loose body by the simulator's segmentation; says nothing of what it is.

    Args:
        world: that the frames are rendered from.
    """

    def __init__(self, world: object) -> None:
        self._world = world

    def parse(self, frame: object) -> list[object]:
        """A mask for each body; known things have their category, meshes a name of their own."""
        from handeye.perception.vlm.verbs import Detection

        world = self._world
        shown = world.render(frame.intrinsics, frame.T_world_camera, segmentation=True)
        found = []
        for name, body in world.bodies.items():
            mask = shown.segmentation == body.uid
            if name in ("floor", "table", "panda") or mask.sum() < 12:
                continue
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
            category = body.spec.category if body.spec else name.replace(" ", "_")
            color = body.spec.color if body.spec else None
            found.append(Detection(name, box, 1.0, category, color, mask))
        return found


def _known(world: object, table_m: float, number: int, rng: np.random.Generator) -> str:
    from handeye.sims.objects import CATEGORIES, COLORS, sample_object
    from handeye.sims.tabletop import scatter

    category = CATEGORIES[number % len(CATEGORIES)]
    spec = sample_object(category, COLORS[int(rng.integers(len(COLORS)))], rng)
    return scatter(world, [spec], rng, table_height_m=table_m)[0]


def _mesh(world: object, table_m: float, number: int, rng: np.random.Generator) -> str:
    import pybullet as p
    import pybullet_data

    folder = Path(pybullet_data.getDataPath()) / "random_urdfs"
    every = sorted(folder.glob("*/*.urdf"))
    if not every:
        raise SystemExit(f"there are no random_urdfs in {folder.parent}")
    file = every[(number * 5) % len(every)]
    x, y = rng.uniform((0.38, -0.22), (0.58, 0.22))
    turn = p.getQuaternionFromEuler((0, 0, float(rng.uniform(-np.pi, np.pi))))
    uid = p.loadURDF(str(file), (x, y, table_m + 0.06), turn, physicsClientId=world.client)
    p.changeDynamics(uid, -1, lateralFriction=0.8, physicsClientId=world.client)
    world.adopt(uid, f"mesh {file.stem}")
    world.step(240)
    return f"mesh {file.stem}"


def _clutter(world: object, table_m: float, number: int, rng: np.random.Generator) -> str:
    from handeye.sims.objects import CATEGORIES
    from handeye.sims.tabletop import footprint_m, sample_specs

    small = [c for c in CATEGORIES if c != "plate"]
    wanted = small[number % len(small)]
    target = sample_specs(rng, 1, categories=[wanted])
    specs = [*target, *sample_specs(rng, _NEIGHBOURS, wanted=target, categories=small)]
    center = rng.uniform((0.44, -0.10), (0.54, 0.10))
    placed: list[tuple[np.ndarray, float]] = []
    for spec in specs:
        radius, reach = footprint_m(spec), 0.0
        while True:
            reach += 0.002
            angle = rng.uniform(-np.pi, np.pi)
            xy = center + reach * np.array([np.cos(angle), np.sin(angle)])
            gaps = [float(np.linalg.norm(xy - other)) - radius - r for other, r in placed]
            if not gaps or min(gaps) > rng.uniform(0.01, 0.03):
                break
        placed.append((xy, radius))
        position = (float(xy[0]), float(xy[1]), table_m + 0.001)
        world.add(spec, position, float(rng.uniform(-np.pi, np.pi)))
    return target[0].name


_SCENES: dict[Split, Callable[..., str]] = {
    "known": _known,
    "meshes": _mesh,
    "clutter": _clutter,
}


def _picture(before: np.ndarray, after: np.ndarray, trial: Trial) -> None:
    from PIL import Image

    folder = Path(trial.out or ".")
    folder.mkdir(parents=True, exist_ok=True)
    both = np.concatenate([before, after], axis=1)
    Image.fromarray(both).save(folder / f"{trial.split}-{trial.number:04d}.png")


def _attempts(trials: list[Trial], jobs: int) -> Iterator[Report]:
    if jobs <= 1:
        yield from map(attempt, trials)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(attempt, trial) for trial in trials]):
            yield done.result()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("splits", nargs="*", default=SPLITS, help=", ".join(SPLITS))
    parser.add_argument("--count", type=int, default=100, help="trials of each split")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--jobs", type=int, default=1, help="worker processes")
    parser.add_argument("--vlm", help="find things with this model, such as embedded")
    parser.add_argument("--out", help="folder for pictures of what failed")
    parser.add_argument("--json", action="store_true", help="print every trial as a JSON line")
    options = parser.parse_args()
    unknown = [name for name in options.splits if name not in SPLITS]
    if unknown:
        parser.error(f'there is no split "{unknown[0]}"; there are {", ".join(SPLITS)}')
    trials = [
        Trial(split, options.first + number, options.vlm, options.out)
        for split in options.splits
        for number in range(options.count)
    ]
    from rich.console import Console
    from rich.progress import track

    every = _attempts(trials, options.jobs)
    shown = track(every, "grasping", len(trials), console=Console(stderr=True))
    reports = []
    for report in shown:
        reports.append(report)
        if options.json:
            print(json.dumps(asdict(report)), flush=True)
    if options.json:
        return
    print(
        "| split | trials | held | 95 % interval | goal | what failed |\n|---|---|---|---|---|---|"
    )
    for split in options.splits:
        mine = [report for report in reports if report.split == split]
        good = sum(report.held for report in mine)
        low, high = wilson(good, len(mine))
        failed = Counter(report.code for report in mine if not report.held)
        words = ", ".join(f"{code} {count}" for code, count in failed.most_common())
        print(
            f"| {split} | {len(mine)} | {100 * good / len(mine):.1f} % "
            f"| {100 * low:.1f}–{100 * high:.1f} % | {100 * GOALS[split]:.0f} % | {words} |"
        )


if __name__ == "__main__":
    main()
