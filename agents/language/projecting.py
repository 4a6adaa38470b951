"""Projecting: the scene as it will be when a skill call has done what it should."""

from handeye.perception.scene import Scene
from handeye.skills.place import Place
from handeye.skills.push import VECTORS, Push
from handeye.skills.spots import named_spot

_OFFSETS = {
    "left_of": (0.0, 1.0),
    "right_of": (0.0, -1.0),
    "behind": (1.0, 0.0),
    "in_front_of": (-1.0, 0.0),
    "next_to": (0.0, 1.0),
}
_GAP_M = 0.04


def picked(scene: Scene, target: str) -> Scene:
    """The gripper holds the target."""
    free = scene.objects[target].model_copy(update={"on": None, "in_": None})
    return scene.model_copy(update={"objects": {**scene.objects, target: free}, "holding": target})


def placed(scene: Scene, target: str, call: Place) -> Scene:
    """The target lies where a place call puts it, and the gripper is empty."""
    thing = scene.objects[target]
    x, y = _goal(scene, target, call)
    reference = scene.objects.get(call.reference or "")
    z = scene.table_height_m + thing.size[2] / 2
    update: dict[str, object] = {"on": None, "in_": None}
    if reference is not None and call.relation in ("on", "in"):
        update["on" if call.relation == "on" else "in_"] = call.reference
        lift = reference.size[2] / 2 if call.relation == "on" else -reference.size[2] / 2 + 0.005
        z = reference.position[2] + lift + thing.size[2] / 2
    moved = thing.model_copy(update={**update, "position": (x, y, z)})
    return scene.model_copy(update={"objects": {**scene.objects, target: moved}, "holding": None})


def pushed(scene: Scene, call: Push) -> Scene:
    """The target has moved along the push."""
    thing = scene.objects[call.target]
    dx, dy = VECTORS[call.direction]
    x, y, z = thing.position
    position = (x + dx * call.distance_m, y + dy * call.distance_m, z)
    moved = thing.model_copy(update={"position": position})
    return scene.model_copy(update={"objects": {**scene.objects, call.target: moved}})


def with_state(scene: Scene, target: str, state: str) -> Scene:
    """Something is open, or closed."""
    changed = scene.objects[target].model_copy(update={"state": state})
    return scene.model_copy(update={"objects": {**scene.objects, target: changed}})


def _goal(scene: Scene, target: str, call: Place) -> tuple[float, float]:
    thing = scene.objects[target]
    if call.relation == "at":
        return call.point or named_spot(call.spot or "middle", scene)
    reference = scene.objects.get(call.reference or "")
    if reference is None:
        return named_spot("middle", scene)
    x, y, _ = reference.position
    if call.relation == "between" and call.second in scene.objects:
        bx, by, _ = scene.objects[str(call.second)].position
        return (x + bx) / 2, (y + by) / 2
    if call.relation in _OFFSETS:
        dx, dy = _OFFSETS[call.relation]
        reach = (max(thing.size[:2]) + max(reference.size[:2])) / 2 + _GAP_M
        return x + dx * reach, y + dy * reach
    return x, y
