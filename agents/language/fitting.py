"""Fitting: which words are true of a thing in a scene, by itself or with regard to another."""

from collections.abc import Callable

from handeye.perception.relations import relation_holds
from handeye.perception.scene import Scene, SceneObject

from .meaning import Thing
from .words import canonical

_KINDS: dict[str, frozenset[str]] = {
    "container": frozenset({"cup", "bowl", "box_open", "drawer", "basket", "tray"}),
    "toy": frozenset({"ball", "block", "duck", "lego", "teddy"}),
    "dishes": frozenset({"cup", "bowl", "plate"}),
    "animal": frozenset({"duck", "teddy"}),
    "drinking": frozenset({"cup", "glass"}),
    "eating": frozenset({"plate", "bowl"}),
    "drink": frozenset({"can", "bottle"}),
    "fruit": frozenset({"apple", "banana", "pear", "lemon", "strawberry", "peach", "orange"}),
    "food": frozenset({"apple", "banana", "pear", "lemon", "strawberry", "peach", "orange"}),
    "vegetable": frozenset({"carrot", "tomato", "potato", "onion", "pepper", "cucumber"}),
    "cutlery": frozenset({"spoon", "fork", "knife"}),
    "tool": frozenset({"hammer", "screwdriver", "wrench", "pliers"}),
    "fridge_door": frozenset({"fridge"}),
    "cupboard_door": frozenset({"cupboard"}),
    "door": frozenset({"fridge", "cupboard", "fridge_door", "cupboard_door"}),
    "block": frozenset({"cube"}),
    "box": frozenset({"box_open"}),
}
"""Words that stand for several categories."""
_LYING = 1.3
"""How much longer than high something is that lies on its side."""
_SHAPES: dict[str, tuple[frozenset[str], ...]] = {
    "round": (
        frozenset({"ball", "apple", "orange", "peach"}),
        frozenset({"plate", "bowl", "cup", "can", "bottle", "cylinder"}),
    ),
    "square": (frozenset({"block", "box", "lego"}),),
    "flat": (frozenset({"plate", "tray", "book"}),),
    "hollow": (frozenset({"cup", "bowl"}), frozenset({"basket", "drawer", "box_open"})),
    "soft": (frozenset({"teddy"}), frozenset({"sponge"})),
}
"""Categories that have a shape, those first that one means by it."""


def fits(thing: Thing, category: str | None, name: str, seen: SceneObject) -> bool:
    """Whether the words of a phrase, with a category in place of its own, are true of a thing."""
    if thing.unknown or thing.color not in (None, color_of(seen)):
        return False
    if any(word not in seen.name.lower().split() for word in thing.traits):
        return False
    if category is None:
        return True
    if category.startswith("#"):
        return name == category[1:]
    if category.startswith("="):
        return "_".join(seen.name.lower().split()) == category[1:]
    kind = canonical(seen.category, "CAT")
    return category == kind or kind in _KINDS.get(category, ())


def color_of(seen: SceneObject) -> str | None:
    """A thing's colour, in the grammar's word for it."""
    return canonical(seen.color, "COLOR") if seen.color else None


def related(scene: Scene, a: str, relation: str, b: str) -> bool:
    """Whether a relation holds between two things, neither of them held."""
    if scene.holding in (a, b):
        return False
    if relation == "carries":
        return relation_holds(scene, b, "on", a)
    if relation == "contains":
        return relation_holds(scene, b, "in", a)
    if relation == "at":
        return relation_holds(scene, a, "on", b) or relation_holds(scene, a, "in", b)
    return relation_holds(scene, a, relation, b)


def shaped(shape: str | None, found: list[str], scene: Scene) -> list[str]:
    """Those of a shape; what one thinks of first, if there is any of it."""
    if shape is None:
        return found
    for kinds in _SHAPES[shape]:
        fitting = [n for n in found if canonical(scene.objects[n].category, "CAT") in kinds]
        if fitting:
            return fitting
    return []


def lies(seen: SceneObject) -> bool:
    """Whether a thing is long and lies on its side on the table."""
    long = max(seen.size[:2]) > _LYING * seen.size[2]
    return long and seen.yaw is not None and seen.on is None and seen.in_ is None


def _on_table(scene: Scene, name: str) -> bool:
    thing = scene.objects[name]
    return thing.on is None and thing.in_ is None and name != scene.holding


STATES: dict[str, Callable[[Scene, str], bool]] = {
    "held": lambda scene, name: name == scene.holding,
    "on_table": _on_table,
    "open": lambda scene, name: scene.objects[name].state == "open",
    "closed": lambda scene, name: scene.objects[name].state == "closed",
    "empty": lambda scene, name: (
        not any(name in (thing.on, thing.in_) for thing in scene.objects.values())
    ),
    "fallen": lambda scene, name: lies(scene.objects[name]),
}
"""What is true of a thing by itself, or not."""
