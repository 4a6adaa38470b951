"""Insert: let something down into a narrow opening, feeling for it."""

from typing import ClassVar

import numpy as np
from handeye.perception.conditions import Condition
from handeye.perception.frame import Points, Transform
from handeye.perception.scene import Scene, SceneObject
from pydantic import Field

from .grasping import downward
from .motion import Mover
from .pick import LOOK_HEIGHT_M, take
from .running import Failed, run
from .skill import Code, Outcome, Skill, SkillContext

_RIM_M = 0.008
_FINGERTIP_M = 0.010
_STEP_M = 0.004
_STALLED_M = 0.003
_SEARCH_M = 0.004
_SEARCHES = 9
_GOLDEN_RAD = 2.4
_SEEN_POINTS = 8
_FLOOR_M = 0.015
_FILLED_SHARE = 0.5


class Insert(Skill):
    """Put something into an opening that it just fits, such as a block into a cup."""

    name: ClassVar[str] = "insert"

    target: str = Field(description="what goes in", json_schema_extra={"refers_to": "object"})
    reference: str = Field(
        description="what has the opening", json_schema_extra={"refers_to": "object"}
    )

    def goal(self, scene: Scene) -> Condition | None:  # noqa: ARG002 - see execute
        """None: deep in there it is hidden; the skill itself looks into the opening from above."""
        return None

    def execute(self, context: SkillContext) -> Outcome:
        """Pick it up, find the opening from above, let it down, and search where it is stopped."""
        failed = take(self.target, context)
        if failed is not None:
            return failed
        return run(context, lambda mover: _insert(self, context, mover))


def _insert(call: Insert, context: SkillContext, mover: Mover) -> Outcome:
    sight = context.sight
    held = sight.scene.holding
    if held is None:
        raise Failed(Code.SLIPPED, f"{call.target} is no longer in the gripper")
    reference = sight.resolve(call.reference)
    if reference == held:
        raise Failed(Code.REFUSED, f"{held} cannot be put into itself")
    thing, base = sight.scene.objects[held], sight.scene.objects[reference]
    found = opening(sight.points(reference))
    if found is None:
        raise Failed(Code.NO_ROOM, f"no opening is seen in the {base.name}")
    x, y, radius, rim = found
    if min(thing.size[:2]) / 2 > radius:
        raise Failed(Code.NO_ROOM, f"the {thing.name} is too big for the {base.name}")
    T, below = _over(thing, (x, y), rim, mover)
    context.report(f"letting {held} down into {reference}")
    mover.over(T, below_m=below, ignore=[held], speed=0.7)
    searched = _let_down(T, max(below - _FINGERTIP_M, _STEP_M) + _STEP_M, mover)
    width = mover.robot.read().gripper_width_m
    mover.gripper(min(width + 0.02, mover.robot.spec.gripper_stroke_m))
    mover.lift(float(T[2, 3]) + 0.10, speed=0.5)
    fill = _fill((x, y), radius, rim, thing.size[2], context, mover)
    evidence = {"opening": [round(v, 3) for v in (x, y, radius)], "searched": searched}
    mover.home()
    sight.look()
    if fill is not None and not fill:
        raise Failed(Code.SLIPPED, f"{held} is not seen in the {base.name}", **evidence)
    return Outcome(code=Code.OK, message=f"let {held} down into {reference}", evidence=evidence)


def _fill(
    point: tuple[float, float],
    radius_m: float,
    rim_m: float,
    height_m: float,
    context: SkillContext,
    mover: Mover,
) -> bool | None:
    """Whether something is seen to lie in an opening, from above; None where nothing can be."""
    above = downward(*point, rim_m + LOOK_HEIGHT_M - 0.08, np.pi / 2)
    if "wrist" not in context.robot.cameras or not mover.reachable(above):
        return None
    mover.over(above)
    context.sight.look(["wrist"])
    cloud = context.sight.cloud()
    inside = cloud[np.hypot(cloud[:, 0] - point[0], cloud[:, 1] - point[1]) < 0.6 * radius_m]
    inside = inside[inside[:, 2] < rim_m + height_m]
    if len(inside) < _SEEN_POINTS:
        return False  # The floor of an opening is too low to be in the cloud.
    floor = context.sight.scene.table_height_m + _FLOOR_M
    return bool((inside[:, 2] > floor).mean() > _FILLED_SHARE)


def opening(points: Points) -> tuple[float, float, float, float] | None:
    """The round opening at the top of a thing: (x, y, inner radius, height), m; or None.

    A circle is fitted to the rim (Kasa 1976), and once more without what is off it: a handle.

    Args:
        points: [N, 3] surface as seen, m, base frame.
    """
    if len(points) < 30:
        return None
    top = float(np.percentile(points[:, 2], 99))
    rim = points[points[:, 2] > top - _RIM_M][:, :2].astype(np.float64)
    for _ in range(3):
        if len(rim) < 12:
            return None
        A = np.column_stack([2 * rim, np.ones(len(rim))])
        (x, y, c), *_ = np.linalg.lstsq(A, (rim**2).sum(axis=1), rcond=None)
        radius = float(np.sqrt(max(c + x * x + y * y, 0.0)))
        off = np.abs(np.hypot(rim[:, 0] - x, rim[:, 1] - y) - radius)
        rim = rim[off < max(0.004, 1.5 * float(np.median(off)))]
    distance = np.hypot(points[:, 0] - x, points[:, 1] - y)
    middle = points[distance < 0.5 * radius]
    if len(middle) and float(np.percentile(middle[:, 2], 90)) > top - 0.02:
        return None  # It is closed on top.
    return float(x), float(y), radius - 0.003, top


def _over(
    thing: SceneObject, point: tuple[float, float], rim_m: float, mover: Mover
) -> tuple[Transform, float]:
    """TCP pose with the thing's foot just above an opening, and how far it hangs below the TCP."""
    T = mover.robot.read().T_base_tcp.copy()
    below = float(np.clip(T[2, 3] - (thing.position[2] - thing.size[2] / 2), 0.0, 0.25))
    T[0, 3] += point[0] - thing.position[0]
    T[1, 3] += point[1] - thing.position[1]
    T[2, 3] = rim_m + below + _STEP_M
    if not mover.reachable(T):
        raise Failed(Code.UNREACHABLE, "the opening is out of reach")
    return T, below


def _let_down(T: Transform, depth_m: float, mover: Mover) -> int:
    """Lower by a depth, searching around where something stops it; returns how often it did."""
    for search in range(_SEARCHES):
        reach = _SEARCH_M * np.sqrt(search)
        at = T.copy()
        at[0, 3] += reach * np.cos(_GOLDEN_RAD * search)
        at[1, 3] += reach * np.sin(_GOLDEN_RAD * search)
        mover.straight(at, speed=0.3)
        if _lowered(at, depth_m, mover):
            return search
    raise Failed(Code.BLOCKED, "it does not go in: something stops it at the rim")


def _lowered(at: Transform, depth_m: float, mover: Mover) -> bool:
    for down in np.arange(_STEP_M, depth_m + _STEP_M, _STEP_M):
        lower = at.copy()
        lower[2, 3] -= down
        state = mover.straight(lower, speed=0.15)
        if state.T_base_tcp[2, 3] > lower[2, 3] + _STALLED_M:
            return False
    return True
