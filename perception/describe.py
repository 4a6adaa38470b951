"""A scene in words."""

from .scene import Scene, SceneObject


def describe(scene: Scene) -> str:
    """Every object and where it is, one sentence each, then what the gripper holds."""
    if not scene.objects:
        return "The table is empty. " + _gripper(scene)
    sentences = [_sentence(name, thing, scene) for name, thing in scene.objects.items()]
    return " ".join([*sentences, _gripper(scene)])


def listing(scene: Scene) -> list[str]:
    """The objects' words, for messages: "red cup (0.92)"; hidden ones say so."""
    return [
        f"{thing.name} ({thing.score:.2f})" if thing.visible else f"{thing.name} (hidden)"
        for thing in scene.objects.values()
    ]


def _sentence(name: str, thing: SceneObject, scene: Scene) -> str:
    if name == scene.holding:
        return f"{_article(thing.name)} {thing.name} ({name}) is in the gripper."
    if thing.in_ is not None:
        where = f"in the {scene.objects[thing.in_].name}"
    elif thing.on is not None:
        where = f"on the {scene.objects[thing.on].name}"
    else:
        x, y, _ = thing.position
        side = "left" if y > 0.08 else "right" if y < -0.08 else "middle"
        depth = "near" if x < 0.42 else "far" if x > 0.56 else "centre"
        where = f"on the table, {side} {depth}"
    state = f", {thing.state}" if thing.state else ""
    hidden = "" if thing.visible else ", out of sight"
    return f"{_article(thing.name)} {thing.name} ({name}) is {where}{state}{hidden}."


def _gripper(scene: Scene) -> str:
    if scene.holding is None:
        return "The gripper is empty."
    return f"The gripper holds the {scene.objects[scene.holding].name}."


def _article(name: str) -> str:
    return "An" if name[:1].lower() in tuple("aeiou") else "A"
