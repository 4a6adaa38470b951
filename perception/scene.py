"""Scene: what is seen, held over time under stable ids, in the robot's base frame.

A Scene is a small frozen value: no pixels, no points. It is what the planner reads, what a
checkpoint stores, and what a scene file spells out.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Vec3 = tuple[float, float, float]
DOUBTFUL = 0.78
"""Score below which a thing may well be something else than it is called."""


class SceneObject(BaseModel):
    """One thing in the scene.

    Attributes:
        name: words for it, such as "red cup".
        category: such as "cup"; "" where unknown.
        color: such as "red"; None where unknown.
        position: (x, y, z) centre of its bounding box, metres, base frame.
        size: (x, y, z) extents of its axis-aligned bounding box, metres.
        on: id of what it stands on; None for the table.
        in_: id of what it is in ("in" in files); None if in nothing.
        yaw: direction of its longer side from above, rad in [0, π); None where none is longer.
        state: "open", "closed", … for what has states.
        visible: seen in the latest look; False while remembered (hidden, held, inside).
        score: confidence that it is there and is what it is called, 0..1.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid")

    name: str
    category: str = ""
    color: str | None = None
    position: Vec3
    size: Vec3 = (0.05, 0.05, 0.05)
    on: str | None = None
    in_: str | None = Field(default=None, alias="in")
    yaw: float | None = None
    state: str | None = None
    visible: bool = True
    score: float = 1.0


class Scene(BaseModel):
    """What is seen and remembered, at one moment.

    Attributes:
        objects: id -> object; ids are stable over an episode ("cup_1").
        holding: id of what the gripper holds, or None.
        table_height_m: z of the table top, base frame.
        table_bounds: ((x_min, y_min), (x_max, y_max)) of the usable table, metres, base frame.
        stamp_s: when it was last looked at, seconds on the robot's clock.
        views: camera name -> sequence of the frame that it was made from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objects: dict[str, SceneObject] = {}
    holding: str | None = None
    table_height_m: float = 0.0
    table_bounds: tuple[tuple[float, float], tuple[float, float]] = ((0.25, -0.4), (0.75, 0.4))
    stamp_s: float = 0.0
    views: dict[str, int] = {}

    def describe(self) -> str:
        """The scene in words: every object and where it is, and what the gripper holds."""
        from .describe import describe

        return describe(self)


Relation = Literal[
    "on", "in", "left_of", "right_of", "in_front_of", "behind", "next_to", "between", "near", "at"
]
"""Where one thing is with regard to others. Left is the robot's left (+y); in front of is
towards the robot's forward direction reversed, i.e. nearer to the robot (-x); behind is +x."""
