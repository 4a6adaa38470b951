"""Tasks written as YAML or JSON: objects to place, an instruction, goal conditions.

instruction: put the red cup on the blue plate
objects:
  - {color: red, category: cup, position: [0.5, 0.1]}
  - {color: blue, category: plate}
distractors: 3
goal:
  - {kind: on, object: red cup, support: blue plate}
"""

import math
from pathlib import Path
from typing import Annotated

from handeye.perception.conditions import Condition
from handeye.perception.errors import SceneFileError
from handeye.perception.yaml_file import read_yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..objects import Category, ColorName, ObjectSpec, sample_object
from ..tabletop import TABLE, on_table, scatter
from .task import Setup, Table

_HIGHEST_M = 1.0
Finite = Annotated[float, Field(allow_inf_nan=False)]


class ObjectEntry(BaseModel):
    """One object of a task file.

    Attributes:
        color, category: from the catalogue.
        name: how goals refer to it; its words ("red cup") by default.
        position: (x, y) on the table or (x, y, z of the underside), metres, base frame; drawn
            when missing. Beyond the table nothing stands.
        yaw_deg: heading; drawn when missing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    color: ColorName
    category: Category
    name: str | None = None
    position: tuple[Finite, Finite] | tuple[Finite, Finite, Finite] | None = None
    yaw_deg: Finite | None = None


class FileTask(BaseModel):
    """A task as written in a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "file"
    instruction: Annotated[str, Field(min_length=1)]
    objects: Annotated[tuple[ObjectEntry, ...], Field(min_length=1)]
    distractors: Annotated[int, Field(ge=0, le=8)] = 0
    goal: tuple[Condition, ...] = ()

    def build(self, table: Table) -> Setup:
        """Set out what the file lists, then what it leaves to chance."""
        specs = [sample_object(o.category, o.color, table.rng) for o in self.objects]
        names = [entry.name or spec.name for entry, spec in zip(self.objects, specs, strict=True)]
        for entry, spec, name in zip(self.objects, specs, names, strict=True):
            if entry.position is not None:
                _set_down(table, entry, spec, name)
        self._scatter_rest(table, specs, names)
        return Setup(self.instruction, self.goal)

    def _scatter_rest(self, table: Table, specs: list[ObjectSpec], names: list[str]) -> None:
        for entry, spec, name in zip(self.objects, specs, names, strict=True):
            if entry.position is None:
                [body] = scatter(
                    table.world, [spec], table.rng, table_height_m=table.style.table_height_m
                )
                table.world.rename(body, name)
        if self.distractors:
            from ..tabletop import sample_specs

            others = sample_specs(table.rng, self.distractors, wanted=specs)
            scatter(table.world, others, table.rng, table_height_m=table.style.table_height_m)


def _set_down(table: Table, entry: ObjectEntry, spec: ObjectSpec, name: str) -> None:
    if entry.position is None:
        return
    x, y, *rest = entry.position
    z = rest[0] if rest else table.style.table_height_m + 0.001
    yaw = (
        math.radians(entry.yaw_deg)
        if entry.yaw_deg is not None
        else float(table.rng.uniform(-math.pi, math.pi))
    )
    table.world.add(spec, (x, y, z), yaw, name=name)


def load_task(path: Path) -> FileTask:
    """Read a task file; raises SceneFileError naming the file, the place and what is wrong."""
    data = read_yaml(path, "task file")
    if not isinstance(data, dict):
        raise SceneFileError(f"task file {path} must hold a mapping with instruction and objects")
    try:
        task = FileTask.model_validate({"name": path.stem, **data})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SceneFileError(f"task file {path}, {place}: {first['msg']}") from error
    _check_places(task, path)
    _check_goal(task, path)
    return task


def _check_places(task: FileTask, path: Path) -> None:
    """Every position must be on the table, and not far above it."""
    for number, entry in enumerate(task.objects):
        if entry.position is None:
            continue
        x, y, *rest = entry.position
        if not on_table(x, y) or any(abs(z) > _HIGHEST_M for z in rest):
            raise SceneFileError(
                f"task file {path}, objects.{number}.position: {entry.position} is not on the "
                f"table, whose corners are {TABLE[0]} and {TABLE[1]} m; z is at most {_HIGHEST_M} m"
            )


def _check_goal(task: FileTask, path: Path) -> None:
    """Every object that the goal names must be listed."""
    known = {entry.name or f"{entry.color} {entry.category}" for entry in task.objects} | {"table"}
    keys = ("object", "support", "container", "reference", "first", "second")
    for condition in task.goal:
        values = [getattr(condition, key, None) for key in keys]
        for value in (*values, *getattr(condition, "objects", ())):
            if value is not None and value not in known:
                raise SceneFileError(
                    f'task file {path}: the goal names "{value}", which is not among its objects: '
                    f"{', '.join(sorted(known))}"
                )
