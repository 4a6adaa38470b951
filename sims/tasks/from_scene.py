"""A scene file, built: the objects that it lists, where it says."""

import math
from dataclasses import dataclass

from handeye.perception.conditions import Condition
from handeye.perception.errors import SceneFileError
from handeye.perception.scene import Scene, SceneObject

from ..objects import CATEGORIES, COLORS, sample_object
from ..shapes import shape_of
from ..tabletop import TABLE, on_table
from .instructed import goals, named
from .task import Setup, Table


@dataclass(frozen=True)
class SceneTask:
    """Sets out the objects of a scene file; sizes are the catalogue's own.

    What has a `yaw` lies with its longer side that way; the others lie as the seed draws.

    Args:
        scene: what the file says.
        instruction: what the agent will be told.
    """

    scene: Scene
    instruction: str
    name: str = "scene"

    def build(self, table: Table) -> Setup:
        """Every object at its position, standing on the table, or on what it is on or in.

        Raises SceneFileError for what the simulator cannot set out so.
        """
        if self.scene.holding is not None:
            raise SceneFileError(
                f'holding "{self.scene.holding}": in the simulator the hand is empty when a run '
                "begins; leave it out, or tell the robot to pick it up"
            )
        raised: dict[str, float] = {}
        for identity in _from_below(self.scene):
            thing = self.scene.objects[identity]
            below = thing.on or thing.in_
            z = raised[below] if below else table.style.table_height_m + 0.001
            self._add(table, identity, thing, z)
            inside = thing.category in ("plate", "bowl")
            low, high = table.world.bounds(identity)
            raised[identity] = float(low[2] + 0.012 if inside else high[2] + 0.002)
        return Setup(self.instruction, self._goals(table))

    def _add(self, table: Table, identity: str, thing: SceneObject, z: float) -> None:
        category = next((c for c in CATEGORIES if c == thing.category), None)
        color = next((c for c in COLORS if c == thing.color), None)
        if category is None or color is None:
            raise SceneFileError(
                f'object "{identity}": the simulator has no {thing.color or "uncoloured"} '
                f"{thing.category or 'thing'}; categories: {', '.join(CATEGORIES)}; "
                f"colours: {', '.join(COLORS)}"
            )
        if not on_table(*thing.position[:2]):
            raise SceneFileError(
                f'object "{identity}": {thing.position[:2]} is off the table of the simulator, '
                f"whose corners are {TABLE[0]} and {TABLE[1]} m"
            )
        spec = sample_object(category, color, table.rng)
        yaw = float(table.rng.uniform(-3.14, 3.14))
        if thing.yaw is not None:
            width, depth, _ = shape_of(spec).size
            yaw = thing.yaw if width >= depth else thing.yaw - math.pi / 2
        table.world.add(spec, (thing.position[0], thing.position[1], z), yaw, name=identity)

    def _goals(self, table: Table) -> tuple[Condition, ...]:
        bodies = {}
        for pair in named(self.instruction):
            fitting = [
                identity
                for identity, thing in self.scene.objects.items()
                if thing.category == pair[1] and pair[0] in (None, thing.color)
            ]
            if len(fitting) != 1:
                return ()
            bodies[pair] = fitting[0]
        return goals(self.instruction, bodies, table)


def _from_below(scene: Scene) -> list[str]:
    """Ids in an order in which every support comes before what it carries."""
    ordered: list[str] = []
    left = dict(scene.objects)
    while left:
        ready = [n for n, t in left.items() if (t.on or t.in_) in (None, *ordered)]
        if not ready:
            raise SceneFileError(f"objects carry each other in a circle: {', '.join(left)}")
        ordered += ready
        for name in ready:
            del left[name]
    return ordered
