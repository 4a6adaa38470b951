"""Place: put down what the gripper holds."""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from handeye.perception.conditions import At, Beside, Between, Condition, In, On
from handeye.perception.frame import Points, Transform
from handeye.perception.furniture import hollow
from handeye.perception.scene import Scene, SceneObject
from pydantic import Field, model_validator

from .grasping import fingers_hit, palm_hits
from .motion import Mover, Way, arrived
from .opening import look_into, seen_furniture
from .running import Failed, run
from .shelving import niche, shelve
from .skill import Code, Outcome, Skill, SkillContext
from .spots import (
    NAMED_SPOTS,
    Spot,
    SpotName,
    beside,
    between,
    free_in,
    free_inside,
    free_near,
    free_on,
    named_spot,
)

PlaceRelation = Literal[
    "on", "in", "left_of", "right_of", "in_front_of", "behind", "next_to", "between", "at"
]
_RELEASE_M, _ABOVE_M = 0.004, 0.07
_DOWN_M = 0.03
"""What is set down may touch so much sooner than was supposed."""
_DRAWER_GAP_M = 0.02
_DRAWER_DEPTH_M = 0.03
"""How far below a drawer's front something is let go."""
_OPEN_BY_M, _LEAST_OPEN_BY_M = 0.03, 0.008
_FINGERS_M = 0.06
"""Both fingers, and some space between them and the wall of a bowl."""
_DISHES = frozenset({"plate", "tray"})
TABLE = "table"
"""Stands for the table, where an id of the scene is asked for."""
_TURNS_RAD = (0.0, 0.5, -0.5, 1.0, -1.0, 1.57, -1.57, 2.3, -2.3, 3.14)
_MOST_SPOTS = 12
_FEW_POINTS = 2
"""So few points of what is seen may lie within the hand; one is soon misplaced."""
_POINT_M, _SPOT_M = 0.05, 0.12
"""Nearer than this a thing is at a point, or at a named part of the table."""
_OFF_POINT_M, _OFF_SPOT_M = 0.03, 0.08
"""Farther off, a place is not taken for the sake of the hand alone: it would not be the one."""
_LOW_M = 0.006
"""What is seen so little above the table is the table's."""


class Place(Skill):
    """Put what the gripper holds on, in or beside something, or at a point of the table."""

    name: ClassVar[str] = "place"

    relation: PlaceRelation = Field(
        default="on", description="where, with regard to the reference; left is the robot's left"
    )
    reference: str | None = Field(
        default=None,
        description='what it is put on, in or beside; none for relation "at"',
        json_schema_extra={"refers_to": "surface"},
    )
    second: str | None = Field(
        default=None,
        description='the other object, for "between"',
        json_schema_extra={"refers_to": "object"},
    )
    point: tuple[float, float] | None = Field(
        default=None, description='(x, y) on the table, metres, base frame, for "at"'
    )
    spot: SpotName | None = Field(default=None, description='a named part of the table, for "at"')
    target: str | None = Field(
        default=None,
        description="the object that should be held; it is refused if another is",
        json_schema_extra={"refers_to": "object"},
    )

    @model_validator(mode="after")
    def _complete(self) -> "Place":
        if self.relation == "at" and (self.point is None) == (self.spot is None):
            raise ValueError(
                'relation "at" takes either a point (x, y) in metres or a spot: '
                f"{', '.join(NAMED_SPOTS)}"
            )
        if self.relation != "at" and self.reference is None:
            raise ValueError(f'relation "{self.relation}" needs a reference object')
        if self.relation not in ("on", "at") and self.reference == TABLE:
            raise ValueError(
                f'nothing is "{self.relation}" the table; give an id for the reference, or '
                'relation "on", or "at" with a spot'
            )
        if self.relation == "between" and self.second is None:
            raise ValueError('relation "between" needs a second object')
        return self

    def goal(self, scene: Scene) -> Condition | None:
        """What should hold of the object that is held now (or of `target`)."""
        held = self.target if self.target in scene.objects else scene.holding
        if held is None:
            return None
        reference = self.reference or ""
        if self.relation == "at":
            point = self.point or named_spot(self.spot or "middle", scene)
            tolerance = _POINT_M if self.point else _SPOT_M
            return At(object=held, point=point, tolerance_m=tolerance)
        if self.relation == "on":
            return On(object=held, support=reference)
        if self.relation == "in":
            return In(object=held, container=reference)
        if self.relation == "between":
            return Between(object=held, first=reference, second=self.second or "")
        return Beside(object=held, relation=self.relation, reference=reference)

    def execute(self, context: SkillContext) -> Outcome:
        """Carry it over, lower it, let go, and retreat."""
        return run(context, lambda mover: _place(self, context, mover))


def _place(call: Place, context: SkillContext, mover: Mover) -> Outcome:
    scene = context.sight.scene
    held = scene.holding
    if held is None:
        raise Failed(Code.NOT_HOLDING, "the gripper holds nothing that could be placed")
    if call.target is not None and context.sight.resolve(call.target) != held:
        raise Failed(Code.NOT_HOLDING, f"the gripper holds {held}, not {call.target}")
    carrying = call.relation in ("on", "in") and call.reference != TABLE
    if carrying:
        call = call.model_copy(update={"reference": context.sight.resolve(call.reference or "")})
    thing = scene.objects[held]
    if call.relation == "in" and _is_furniture(call.reference, scene):
        identity = call.reference or ""
        points = seen_furniture(identity, context, mover)
        inside = niche(points)
        if inside is not None:
            thing = context.sight.scene.objects.get(held, thing)
            return shelve(held, thing, identity, inside, context, mover)
        goal = _into_drawer(identity, scene.objects[identity], points, held, thing, context)
    else:
        goal = _goals(call, thing, held, context)
    spots, support_m, drop_m = goal
    thing = context.sight.scene.objects.get(held, thing)  # It moves with the hand.
    state = mover.robot.read()
    tcp = state.T_base_tcp[:3, 3]
    below = float(tcp[2] - (thing.position[2] - thing.size[2] / 2))
    below = float(np.clip(below, 0.0, 0.25))
    T = state.T_base_tcp.copy()
    T[2, 3] = support_m + drop_m + below
    stroke = mover.robot.spec.gripper_stroke_m
    width = release_width(call, state.gripper_width_m, scene, stroke)
    near = context.sight.cloud(exclude=[held, call.reference or ""] if carrying else [held])
    near = near[near[:, 2] > scene.table_height_m + _LOW_M] if len(near) else near
    poses = [(spot, _moved(T, thing.position, spot)) for spot in spots[:_MOST_SPOTS]]
    (x, y), way = _way_down(poses, width, near, mover)
    context.report(f"placing {held}")
    above, T = way.poses
    mover.over(above, below_m=below, ignore=[held], speed=0.8, q_goal=way.q_start)
    arrived(mover.drive(way, 1, speed=0.3), T, _DOWN_M)
    opened = mover.gripper(width)
    retreat = T.copy()
    retreat[:3, 3] -= 0.10 * T[:3, 2]
    mover.straight(retreat, speed=0.5)
    if call.relation == "in" and _is_furniture(call.reference, context.sight.scene):
        # From the side its front hides what lies in it.
        look_into(call.reference or "", context, mover)
    mover.home()
    return Outcome(
        code=Code.OK,
        message=f"let go of {held} at ({x:.2f}, {y:.2f}) m",
        evidence={
            "point": [round(x, 3), round(y, 3)],
            "support_m": round(support_m, 3),
            "gripper_width_m": round(opened.gripper_width_m, 4),
        },
    )


def _is_furniture(reference: str | None, scene: Scene) -> bool:
    return reference in scene.objects and scene.objects[reference].state is not None


def release_width(call: Place, held_m: float, scene: Scene, stroke_m: float) -> float:
    """How wide the fingers open to let go, m; inside of a bowl no wider than it has room for.

    Args:
        call: where it is put; its reference by id.
        held_m: how wide they are apart now.
        scene: as it is seen.
        stroke_m: how wide they can open.
    """
    width = held_m + _OPEN_BY_M
    bowl = scene.objects.get(call.reference or "") if call.relation == "in" else None
    if bowl is not None:
        room = min(bowl.size[:2]) - _FINGERS_M
        width = min(width, max(room, held_m + _LEAST_OPEN_BY_M))
    return min(width, stroke_m)


def _moved(T: Transform, position: Sequence[float], spot: Spot) -> Transform:
    """The pose of the TCP at which what is held, now at a position, is at a spot."""
    moved = T.copy()
    moved[:2, 3] += np.subtract(spot, position[:2])
    return moved


def _way_down(
    poses: Sequence[tuple[Spot, Transform]], width_m: float, cloud: Points, mover: Mover
) -> tuple[Spot, Way]:
    """From above a pose down to it, where the hand finds room between what stands around.

    Turned about the object's own middle where need be. Where there is room for it nowhere, the
    first way that the arm can go: what is seen may be less in the way than it looks.

    Args:
        poses: of the TCP at each spot, best first.
        width_m: how wide the fingers open there.
        cloud: [N, 3] what stands around.
        mover: of the skill.
    """
    spec, second = mover.robot.spec, None
    for spot, T in poses:
        for angle in _TURNS_RAD:
            turned = _turned(T, spot, angle)
            hits = fingers_hit(turned, width_m, cloud, spec, margin_m=0.0)
            free = max(hits, palm_hits(turned, cloud, spec)) <= _FEW_POINTS
            if second is not None and not free:
                continue
            above = turned.copy()
            above[2, 3] += _ABOVE_M
            way = mover.along([above, turned])
            if len(way.poses) < 2:
                continue
            if free:
                return spot, way
            second = spot, way
    if second is not None:
        return second
    x, y = poses[0][0]
    raise Failed(Code.UNREACHABLE, f"the place at ({x:.2f}, {y:.2f}) m is out of reach")


def _turned(T: Transform, pivot: Spot, angle: float) -> Transform:
    """A pose turned about the vertical through a spot."""
    c, s = np.cos(angle), np.sin(angle)
    about = np.eye(4)
    about[:2, :2] = [[c, -s], [s, c]]
    center = np.array([*pivot, 0.0])
    about[:3, 3] = center - about[:3, :3] @ center
    return np.asarray(about @ T)


def _goals(
    call: Place, thing: SceneObject, held: str, context: SkillContext
) -> tuple[list[Spot], float, float]:
    """Spots for the object's middle, best first; the height of what carries it, and the drop."""
    sight, scene = context.sight, context.sight.scene
    cloud = sight.cloud(exclude=[held])
    radius = max(thing.size[:2]) / 2
    table = scene.table_height_m
    if call.relation == "at":
        wanted = call.point or named_spot(call.spot or "middle", scene)
        spots = free_near(wanted, radius, cloud, table)
        off_m = _OFF_POINT_M if call.point else _OFF_SPOT_M
        there = [spot for spot in spots if math.dist(spot, wanted) < off_m] or spots[:1]
        if call.point and math.dist(there[0], wanted) > _POINT_M:
            x, y = wanted
            raise Failed(Code.NO_ROOM, f"there is no free place at ({x:.2f}, {y:.2f}) m")
        return there, table, _RELEASE_M
    if call.reference == TABLE:
        return free_near(named_spot("middle", scene), radius, cloud, table), table, _RELEASE_M
    reference = sight.resolve(call.reference or "")
    if reference == held:
        raise Failed(Code.REFUSED, f"{held} cannot be placed {call.relation} itself")
    base = scene.objects[reference]
    if call.relation in ("on", "in"):
        x, y, surface, drop = _onto(call.relation, base, sight.points(reference), thing)
        lying = [
            other
            for name, other in scene.objects.items()
            if name != held and reference in (other.on, other.in_)
        ]
        across = context.robot.read().T_base_tcp[:2, 1]
        if call.relation == "in":
            x, y = free_in(base, radius, lying, across)
        elif call.relation == "on" and lying and base.category in _DISHES:
            x, y = free_on(base, radius, lying, across)
        return [(x, y)], surface, drop
    if call.relation == "between":
        second = scene.objects[sight.resolve(call.second or "")]
        return between(base, second, radius, cloud, table), table, _RELEASE_M
    return beside(call.relation, base, radius, cloud, table), table, _RELEASE_M


def _onto(
    relation: str, base: SceneObject, points: np.ndarray, thing: SceneObject
) -> tuple[float, float, float, float]:
    """The middle of the reference; its surface there, or its rim for a container."""
    x, y, z = base.position
    rim = z + base.size[2] / 2
    if relation == "in":
        if min(thing.size[:2]) > min(base.size[:2]) - 0.01:
            raise Failed(Code.NO_ROOM, f"the {thing.name} is too big for the {base.name}")
        return x, y, rim, -min(0.02, 0.4 * base.size[2])
    near = points[np.hypot(points[:, 0] - x, points[:, 1] - y) < 0.025] if len(points) else points
    surface = float(np.percentile(near[:, 2], 90)) if len(near) >= 5 else rim
    if base.size[2] > 0.035 and base.category not in ("plate", "bowl", "cup"):
        surface = rim
    return x, y, min(surface, rim), _RELEASE_M


def _into_drawer(
    identity: str,
    base: SceneObject,
    points: Points,
    held: str,
    thing: SceneObject,
    context: SkillContext,
) -> tuple[list[Spot], float, float]:
    """A free place in what is open of a drawer, its rim, and the drop."""
    inside = hollow(points)
    if inside is None:
        raise Failed(Code.NO_ROOM, f"nothing stands open at the {base.name} to be filled")
    if max(thing.size[:2]) > min(inside.length_m, inside.width_m) - _DRAWER_GAP_M:
        raise Failed(Code.NO_ROOM, f"the {thing.name} is too big for the {base.name}")
    objects = context.sight.scene.objects
    lying = [other for name, other in objects.items() if name != held and identity == other.in_]
    cloud = context.sight.cloud(exclude=[held])
    spot = free_inside(inside, max(thing.size[:2]) / 2, cloud, lying)
    return [spot], inside.rim_m, -_DRAWER_DEPTH_M
