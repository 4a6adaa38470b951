"""Conditions: checkable statements about a scene, as data.

These are the words alone. The agent checks them against what it sees (`verify`); the judge of
an episode checks them against the simulator's state with code of its own.
"""

from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Truth(Enum):
    """A condition's three answers."""

    YES = "yes"
    NO = "no"
    CANT_TELL = "can't tell"


class _Statement(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Holding(_Statement):
    """The gripper holds `object`; with None, it holds nothing."""

    kind: Literal["holding"] = "holding"
    object: str | None


class On(_Statement):
    """`object` rests on `support`; "table" is the table itself."""

    kind: Literal["on"] = "on"
    object: str
    support: str


class In(_Statement):
    """`object` lies inside `container`."""

    kind: Literal["in"] = "in"
    object: str
    container: str


class Beside(_Statement):
    """`object` stands in a direction of `reference`, from the robot's point of view.

    left is +y, right -y, behind +x (away from the robot), in front -x.
    """

    kind: Literal["beside"] = "beside"
    object: str
    relation: Literal["left_of", "right_of", "in_front_of", "behind", "next_to"]
    reference: str


class Between(_Statement):
    """`object` stands between `first` and `second`."""

    kind: Literal["between"] = "between"
    object: str
    first: str
    second: str


class At(_Statement):
    """`object` stands within `tolerance_m` of a point on the table, metres, base frame."""

    kind: Literal["at"] = "at"
    object: str
    point: tuple[float, float]
    tolerance_m: float = 0.05


class Moved(_Statement):
    """`object` has moved from `start` (x, y) by `distance_m` at least, along `direction` if any."""

    kind: Literal["moved"] = "moved"
    object: str
    start: tuple[float, float]
    distance_m: float = 0.05
    direction: tuple[float, float] | None = None


class Opened(_Statement):
    """An articulated `object` is open (or closed)."""

    kind: Literal["opened"] = "opened"
    object: str
    open: bool = True


class Standing(_Statement):
    """A tall `object` stands upright, and does not lie."""

    kind: Literal["standing"] = "standing"
    object: str


class Turned(_Statement):
    """`object` has turned about the vertical, from `start_rad` by `angle_rad`, to within a bit.

    Radians; positive is counter-clockwise seen from above. Directions that differ by `period_rad`
    are the same: π for what has no front and no back, or where either sense will do.
    """

    kind: Literal["turned"] = "turned"
    object: str
    start_rad: float
    angle_rad: float
    period_rad: float = 6.283185307179586
    tolerance_rad: float = 0.35


class Arranged(_Statement):
    """`objects` stand in a line, or around a circle, with space between them."""

    kind: Literal["arranged"] = "arranged"
    objects: tuple[str, ...] = Field(min_length=3)
    shape: Literal["line", "circle"]


Condition = Annotated[
    Holding | On | In | Beside | Between | At | Moved | Opened | Standing | Turned | Arranged,
    Field(discriminator="kind"),
]
"""Any one of the statements."""
