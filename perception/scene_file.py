"""Scene files: named objects with positions, as YAML or JSON.

    objects:
      cup_1: {color: red, category: cup, position: [0.5, 0.1, 0.05]}
      plate_1: {name: blue plate, position: [0.4, -0.1, 0.01], size: [0.18, 0.18, 0.02]}
    holding: null

Metres, in the robot's base frame (x forward, y to the robot's left).
"""

import math
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from .errors import SceneFileError
from .relations import with_supports
from .scene import Scene, SceneObject
from .vlm.lexicon import COLOR_WORDS, read
from .yaml_file import read_yaml


def load_scene(path: Path) -> Scene:
    """Read a scene file; raises SceneFileError naming the file, the place and what is wrong."""
    data = read_yaml(path, "scene file")
    return scene_from(data, str(path))


def scene_from(data: Any, source: str) -> Scene:
    """A Scene from parsed data; raises SceneFileError naming `source`."""
    if not isinstance(data, dict) or not isinstance(data.get("objects"), dict):
        raise SceneFileError(
            f'scene file {source} must have a mapping "objects: {{id: {{name, category, color, '
            'position, size, on/in, state}}"'
        )
    objects = {str(name): _object(str(name), raw, source) for name, raw in data["objects"].items()}
    rest = {key: value for key, value in data.items() if key != "objects"}
    try:
        scene = Scene.model_validate({**rest, "objects": objects})
    except ValidationError as error:
        raise SceneFileError(f"scene file {source}, {_first(error, Scene)}") from error
    _check_references(scene, source)
    placed = with_supports(scene)
    # What the file says of supports counts more than what the geometry suggests.
    kept = {
        name: thing if thing.on or thing.in_ else placed.objects[name]
        for name, thing in scene.objects.items()
    }
    return scene.model_copy(update={"objects": kept})


def _object(name: str, raw: Any, source: str) -> SceneObject:
    if not isinstance(raw, dict):
        raise SceneFileError(f'scene file {source}, object "{name}" must be a mapping')
    filled = dict(raw)
    if filled.get("on") == "table":
        del filled["on"]
    words = filled.get("name") or " ".join(
        str(filled[key]) for key in ("color", "category") if filled.get(key)
    )
    filled["name"] = words or name.replace("_", " ")
    filled = _with_words_of_name(filled)
    try:
        thing = SceneObject.model_validate(filled)
    except ValidationError as error:
        raise SceneFileError(
            f'scene file {source}, object "{name}", {_first(error, SceneObject)}'
        ) from error
    if not all(math.isfinite(v) for v in (*thing.position, *thing.size, thing.yaw or 0.0)):
        raise SceneFileError(f'scene file {source}, object "{name}": numbers must be finite')
    if min(thing.size) <= 0:
        raise SceneFileError(f'scene file {source}, object "{name}": sizes must be above 0 m')
    return thing


def _with_words_of_name(raw: dict[str, Any]) -> dict[str, Any]:
    """Category and colour read off the name, where they are not given."""
    words = [w for w in str(raw["name"]).replace("_", " ").split() if not w.isdigit()]
    description = read(" ".join(words))
    color = next((word for word in words if word in COLOR_WORDS), None)
    category = words[-1] if words and words[-1] != color else ""
    if description is not None:
        color, category = description.color, description.category or ""
    return {"category": category, "color": color, **raw}


def _check_references(scene: Scene, source: str) -> None:
    known = set(scene.objects)
    if scene.holding is not None and scene.holding not in known:
        raise SceneFileError(
            f'scene file {source}: holding "{scene.holding}" is none of its objects: '
            f"{', '.join(sorted(known))}"
        )
    for name, thing in scene.objects.items():
        for below in (thing.on, thing.in_):
            if below == name:
                raise SceneFileError(f'scene file {source}, object "{name}" is on or in itself')
            if below is not None and below not in known:
                raise SceneFileError(
                    f'scene file {source}, object "{name}" is on or in "{below}", which is none '
                    f"of its objects: {', '.join(sorted(known))}"
                )
        _check_circle(name, scene, source)


def _check_circle(name: str, scene: Scene, source: str) -> None:
    """Nothing may stand on what it carries itself, directly or not."""
    path = [name]
    while (below := _below(scene.objects[path[-1]])) is not None and below in scene.objects:
        if below in path:
            circle = " on or in ".join([*path[path.index(below) :], below])
            raise SceneFileError(
                f"scene file {source}: objects carry each other in a circle: {circle}"
            )
        path.append(below)


def _below(thing: SceneObject) -> str | None:
    return thing.on or thing.in_


def _first(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        allowed = ", ".join(info.alias or name for name, info in model.model_fields.items())
        return f'"{place}" is not known; allowed are: {allowed}'
    return f"{place}: {first['msg']}"
