"""Skill: a pydantic model whose fields are the arguments and whose instance is a skill call."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Protocol

from handeye.perception.conditions import Condition
from handeye.perception.frame import Points
from handeye.perception.scene import Scene
from pydantic import BaseModel, ConfigDict

from .robot import CancelToken, Robot


class Code(Enum):
    """How a skill ended."""

    OK = "ok"
    NOT_FOUND = "not_found"
    AMBIGUOUS = "ambiguous"
    UNREACHABLE = "unreachable"
    NO_GRASP = "no_grasp"
    SLIPPED = "slipped"
    NOT_HOLDING = "not_holding"
    HANDS_FULL = "hands_full"
    BLOCKED = "blocked"
    NO_ROOM = "no_room"
    TIMEOUT = "timeout"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    FAULT = "fault"


class Outcome(BaseModel):
    """What a skill reports.

    Attributes:
        code: how it ended.
        message: one sentence with the values that matter.
        duration_s: seconds on the robot's clock.
        evidence: small JSON values that back it up (widths, positions, scores).
        in_the_way: ids of what kept it from being done, and might be put aside.
    """

    model_config = ConfigDict(frozen=True)

    code: Code
    message: str = ""
    duration_s: float = 0.0
    evidence: dict[str, Any] = {}
    in_the_way: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the skill did what it was asked to, as far as it can tell itself."""
        return self.code is Code.OK


class Sight(Protocol):
    """What a skill sees: the scene, and the points behind it."""

    @property
    def scene(self) -> Scene:
        """The latest scene."""

    def look(self, cameras: Sequence[str] | None = None) -> Scene:
        """Read the cameras (None for all fixed ones), update the scene and return it."""

    def resolve(self, target: str) -> str:
        """The id of the object that an id or a phrase refers to.

        Raises NotFoundError or AmbiguousError.
        """

    def recognise(self, phrase: str, camera: str | None = None) -> bool:
        """Whether something of a doubtful name is what a phrase asks for; then it is called so."""

    def grasped(self, object_id: str) -> None:
        """Say what the fingers were closed on: what is seen between them is most likely it."""

    def points(self, object_id: str) -> Points:
        """[N, 3] float32, the object's surface as seen, metres, base frame; N may be 0."""

    def cloud(self, exclude: Sequence[str] = ()) -> Points:
        """[N, 3] float32, everything seen above the table but the robot and `exclude`."""


@dataclass
class SkillContext:
    """What a skill works with.

    Attributes:
        robot: the arm, guarded.
        sight: what is seen.
        cancel: checked by every motion.
        deadline_s: seconds that the skill may take, on the robot's clock.
        report: called with one short line at each step of the skill.
    """

    robot: Robot
    sight: Sight
    cancel: CancelToken = field(default_factory=CancelToken)
    deadline_s: float = 60.0
    report: Callable[[str], None] = lambda _: None


class Skill(BaseModel):
    """A skill call: fields are arguments, the docstring's first line tells a model what it does.

    Targets are object ids ("cup_1") or phrases ("the red cup"). A field that names one says so by
    `json_schema_extra={"refers_to": "object"}`; "surface" is an object or "table", "phrase" is
    words for what need not be in the scene. Plans of language models are held to that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: ClassVar[str]
    """The word for it, such as "pick"."""

    @abstractmethod
    def goal(self, scene: Scene) -> Condition | None:
        """What should hold afterwards, with ids of `scene`; None if nothing can be checked."""

    def again(self, goal: Condition, scene: Scene) -> Skill:  # noqa: ARG002 - for those that need it
        """The call for what is left to do, where `goal` does not hold after this one.

        The same once more, unless a part that was done counts, as of a turn.
        """
        return self

    @abstractmethod
    def execute(self, context: SkillContext) -> Outcome:
        """Do it. Returns an Outcome for whatever happens to the task; raises only for misuse."""
