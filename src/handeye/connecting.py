"""connect: from a name to a connected robot that can also be told to execute skills."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handeye.agents.eyes import make_observer
from handeye.perception.errors import NotFoundError, RobotError, UserError
from handeye.perception.observer import Observer
from handeye.skills.calling import executed
from handeye.skills.exclusive import exclusive
from handeye.skills.guarded import Guarded, Limits
from handeye.skills.plugging import package_of
from handeye.skills.robot import CancelToken, Robot, driven
from handeye.skills.skill import Outcome, Skill, SkillContext
from handeye.skills.specs import check_spec

if TYPE_CHECKING:
    from handeye.sims.simulation import Simulation


class Session(Guarded):
    """A connected, guarded robot that executes skills; a context manager.

    Args:
        robot: what to guard and connect.
        limits: derived from the robot's spec unless given.
        vlm: for `do`: a name for `load_vlm`, a model, or a Perception; loaded when first needed.
        simulation: the simulation that the robot lives in, closed with the session.
        fixed: names of the cameras that see the table from where they stand, see `make_observer`.

    Raises:
        RobotError: the robot cannot be connected.
        UserError: the robot's spec cannot be right.
    """

    def __init__(
        self,
        robot: Robot,
        limits: Limits | None = None,
        *,
        vlm: object = "embedded",
        simulation: "Simulation | None" = None,
        fixed: Sequence[str] | None = None,
    ) -> None:
        check_spec(robot.spec)
        super().__init__(robot, limits)
        self.simulation = simulation
        self._vlm, self.fixed = vlm, fixed
        self._observer: Observer | None = None
        self.connect()

    @property
    def observer(self) -> Observer:
        """The robot's eyes."""
        if self._observer is None:
            self._observer = make_observer(self, self._vlm, self.fixed)
        return self._observer

    def do(
        self, skill: Skill, *, deadline_s: float = 60.0, cancel: CancelToken | None = None
    ) -> Outcome:
        """Look, then execute one skill, without an agent; its Outcome says how it went.

        Raises UserError for what is no skill, for one that breaks or reports nothing, and while
        another thread drives the robot.
        """
        if not isinstance(skill, Skill):
            raise UserError(f"do takes a skill, such as Home(); {skill!r} is none")
        with exclusive(self, f"the skill {skill.name}"):
            self.observer.look()
            context = SkillContext(self, self.observer, cancel or CancelToken(), deadline_s)
            return executed(skill, context)

    def close(self) -> None:
        """Hold still, let go of the robot, and end its simulation; idempotent.

        Raises RobotError, whatever the driver raises.
        """
        try:
            super().close()
        finally:
            if self.simulation is not None:
                self.simulation.close()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(
    robot: str | Robot = "sim",
    *,
    seed: int = 0,
    task: str | None = None,
    scene: str | Path | None = None,
    instruction: str | None = None,
    limits: Limits | None = None,
    vlm: object = "embedded",
    fixed: Sequence[str] | None = None,
    **options: Any,
) -> Session:
    """Connect to a robot.

    Args:
        robot: "sim", the name of a robot that an installed package offers (entry points of
            "handeye.robots"), or a Robot.
        seed: of a simulated scene.
        task: of a simulated scene: a task's name, or the path of a task file.
        scene: of a simulated scene: a scene file whose objects are set out.
        instruction: of a simulated scene: what it names is set out, if no task or scene is given.
        limits: for the guard; derived from the robot's spec unless given.
        vlm: what `do` sees with.
        fixed: names of the cameras that see the table from where they stand; "overview", or the
            only one that is neither "wrist" nor "board", unless given.
        options: for the robot of an installed package.

    Raises:
        UserError: an option is not known.
        NotFoundError: no robot or task has that name.
        SceneFileError: the task or scene file is missing or broken.
        RobotError: the robot cannot be connected, or the package that offers it is broken.
    """
    if options and (robot == "sim" or not isinstance(robot, str)):
        known = ", ".join(name for name in signature(connect).parameters if name != "options")
        raise UserError(f"connect knows no option {', '.join(options)}; it knows {known}")
    if not isinstance(robot, str):
        if not isinstance(robot, Robot):
            raise UserError(f"{type(robot).__name__} is no Robot; check_robot says what it lacks")
        return Session(robot, limits, vlm=vlm, fixed=fixed)
    if robot == "sim":
        simulation = _simulation(seed, task, scene, instruction)
        return Session(simulation.robot, limits, vlm=vlm, simulation=simulation)
    found = {point.name: point for point in entry_points(group="handeye.robots")}
    if robot not in found:
        raise NotFoundError(robot, ["sim", *sorted(found)], where="robots")
    return Session(_offered(found[robot], options), limits, vlm=vlm, fixed=fixed)


def _offered(point: EntryPoint, options: dict[str, Any]) -> Robot:
    """The robot that an installed package offers; RobotError names both if it is broken."""
    named = f'the robot "{point.name}" of {package_of(point)} ({point.value})'
    make = driven(point.load, f"{named} cannot be loaded")
    robot = driven(lambda: make(**options), f"{named} cannot be connected")
    if not isinstance(robot, Robot):
        raise RobotError(
            f"{named} is a {type(robot).__name__} and no Robot; check_robot says what it lacks"
        )
    return robot


def _simulation(
    seed: int, task: str | None, scene: str | Path | None, instruction: str | None
) -> "Simulation":
    from handeye.sims.simulation import simulate
    from handeye.sims.tasks.choosing import choose_task

    return simulate(choose_task(task=task, scene=scene, instruction=instruction), seed)
