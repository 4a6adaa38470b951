"""Bodies: what a world knows of each thing in it."""

from dataclasses import dataclass
from typing import Literal, get_args

from .objects import ColorName, ObjectSpec
from .shape import Shape

FurnitureKind = Literal["drawer", "fridge"]
FURNITURE: tuple[FurnitureKind, ...] = get_args(FurnitureKind)


@dataclass(frozen=True)
class Joint:
    """The joint of a piece of furniture.

    Attributes:
        kind: what it is the joint of.
        color: of the furniture.
        index: PyBullet's number of it.
        travel: from closed (0) to wide open, m or rad.
    """

    kind: FurnitureKind
    color: ColorName
    index: int
    travel: float


@dataclass(frozen=True)
class Body:
    """One body in the world.

    Attributes:
        name: unique in the world.
        uid: PyBullet's number for it.
        spec: what it was built from; None for what is not of the catalogue.
        shape: its geometry; None for what is not of the catalogue.
        com_m: height of its centre of mass above its origin.
        joint: of furniture.
    """

    name: str
    uid: int
    spec: ObjectSpec | None = None
    shape: Shape | None = None
    com_m: float = 0.0
    joint: Joint | None = None
