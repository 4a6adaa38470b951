"""Simulation: one task built from one seed, with its robot and its judge."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from handeye.perception.errors import UserError

from .camera import SimCamera
from .disturbance import Disturbance, Kind
from .disturbing import disturb
from .judge import bearers, holds, satisfied
from .panda import SimPanda
from .tabletop import Style, build_tabletop, overview, sample_style
from .tasks.task import Setup, Table, Task
from .world import World

Seed = int | np.random.SeedSequence
_WATCHED_STEPS = 24
"""How many timesteps lie between two looks at what must hold once."""


@dataclass
class Simulation:
    """A built task. Use it as a context manager, or close it.

    Attributes:
        world: the simulator.
        robot: its arm, with the cameras "overview" and "wrist".
        setup: instruction and goal.
        style: table, light and camera that the seed drew.
        disturbance: what goes wrong in mid-episode, or None.
        held: which of `setup.once` have held at some time, by their place in it.
    """

    world: World
    robot: SimPanda
    setup: Setup
    style: Style
    disturbance: Disturbance | None = None
    held: set[int] = field(default_factory=set)
    _steps: int = 0

    def __post_init__(self) -> None:
        if self.setup.once:
            self.world.on_step.append(self._watch)

    def judged(self) -> bool | None:
        """Whether the goal is reached, from the simulator's state; None if there is none.

        From then on nothing is disturbed any more.
        """
        if self.disturbance is not None:
            self.disturbance.over = True
        setup = self.setup
        if not (setup.goal or setup.never or setup.once or setup.count):
            return None
        self.world.settle(max_s=1.0)
        return self.reached()

    def reached(self) -> bool:
        """Whether the goal is reached at this very instant, by all that `judged` asks for.

        No time passes; without a goal it never is.
        """
        setup, world = self.setup, self.world
        if not (setup.goal or setup.never or setup.once or setup.count):
            return False
        if len(self.held) < len(setup.once) or not satisfied(setup.goal, world):
            return False
        if any(holds(condition, world) for condition in setup.never):
            return False
        if setup.count is None:
            return True
        groups, least, most = setup.count
        return least <= sum(satisfied(group, world) for group in groups) <= most

    def _watch(self, world: World) -> None:
        """Called after each step of the world."""
        self._steps += 1
        if self._steps % _WATCHED_STEPS == 0:
            open_ones = set(range(len(self.setup.once))) - self.held
            self.held |= {i for i in open_ones if holds(self.setup.once[i], world)}

    def film_camera(self) -> SimCamera:
        """One more camera, at the overview's place: to watch without the agent's eyes noticing."""
        intrinsics, T_world_camera = overview(self.style)
        return SimCamera(self.world, "overview", intrinsics, lambda: T_world_camera)

    def close(self) -> None:
        """End the simulation; idempotent."""
        self.robot.close()
        self.world.close()

    def __enter__(self) -> "Simulation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def simulate(
    task: Task,
    seed: Seed,
    *,
    dark: bool = False,
    held_out: bool | None = None,
    clutter: bool = False,
    unseen_words: bool = False,
    disturbed: bool | Kind = False,
    renderer: Literal["auto", "tiny", "egl"] = "auto",
) -> Simulation:
    """Build a task from a seed: same task, same seed, same simulation, bit for bit.

    Args:
        task: what to build.
        seed: an int or a SeedSequence.
        dark: draw a light from outside the normal range.
        held_out: draw only (True) or never (False) held-out colour-category pairs as targets.
        clutter: as many distractors as fit, 9 to 12.
        unseen_words: instructions in wordings that are kept from development.
        disturbed: something goes wrong in mid-episode, see `handeye.sims.disturbing`; of a kind
            that the seed draws, or of this one.
        renderer: see `World`.
    """
    sequence = _unspawned(seed)
    style_rng, task_rng = (np.random.default_rng(child) for child in sequence.spawn(2))
    world = World(renderer=renderer)
    try:
        style = sample_style(style_rng, dark=dark)
        robot = build_tabletop(world, style)
        table = Table(world, robot, style, task_rng, held_out, clutter, unseen_words)
        setup = task.build(table)
        world.settle(max_s=3.0)
        world.stood_on = {name: bearers(world, name) for name in world.objects}
        robot.connect()
        disturbance = None
        if disturbed:
            rng = np.random.default_rng(sequence.spawn(1)[0])
            height = style.table_height_m
            kind = None if isinstance(disturbed, bool) else disturbed
            disturbance = disturb(world, robot, setup, rng, table_height_m=height, kind=kind)
    except BaseException:
        world.close()
        raise
    return Simulation(world, robot, setup, style, disturbance)


def _unspawned(seed: Seed) -> np.random.SeedSequence:
    """A SeedSequence of one's own: each spawning changes the one that it is done with."""
    if isinstance(seed, np.random.SeedSequence):
        return np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key)
    if seed < 0:
        raise UserError(f"a seed is a whole number, 0 or more, not {seed}")
    return np.random.SeedSequence(seed)
