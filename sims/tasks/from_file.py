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
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from handeye.perception.conditions import Condition, In, Opened
from handeye.perception.errors import SceneFileError, UserError
from handeye.perception.yaml_file import read_yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..objects import Category, ColorName, ObjectSpec, sample_object
from ..shapes import shape_of
from ..tabletop import TABLE, on_table, sample_specs, scatter
from .checks import bodies_of, check_name, fault_of
from .task import Setup, Table

_HIGHEST_M = 1.0
_FEWEST_OF_CLUTTER, _MOST_OF_CLUTTER = 9, 12
_TAKEN = ("table", "floor", "panda")
"""Bodies that stand there already."""
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
    name: Annotated[str, Field(min_length=1)] | None = None
    position: tuple[Finite, Finite] | tuple[Finite, Finite, Finite] | None = None
    yaw_deg: Finite | None = None

    @property
    def known_as(self) -> str:
        """How goals refer to it."""
        return self.name or f"{self.color} {self.category}"


class FileTask(BaseModel):
    """A task as written in a file.

    Attributes:
        name: under which it is seeded and reported; the file's own by default.
        instruction: what the agent is told.
        objects: what is set out; their kinds and colours are the same in every split.
        distractors: how many other things; in the split `clutter` as many as fit, 9 to 12. Those
            of `seen` and `unseen-objects` are drawn from that split's pairs.
        goal: what must hold at the end; where it is empty, nothing can be judged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "file"
    instruction: Annotated[str, Field(min_length=1)]
    objects: Annotated[tuple[ObjectEntry, ...], Field(min_length=1)]
    distractors: Annotated[int, Field(ge=0, le=8)] = 0
    goal: tuple[Condition, ...] = ()

    def build(self, table: Table) -> Setup:
        """Set out what the file lists, then what it leaves to chance."""
        specs = [sample_object(o.category, o.color, table.rng) for o in self.objects]
        for entry, spec in zip(self.objects, specs, strict=True):
            if entry.position is not None:
                _set_down(table, entry, spec)
        for entry, spec in zip(self.objects, specs, strict=True):
            if entry.position is None:
                [body] = _scatter(table, [spec])
                table.world.rename(body, entry.known_as)
        self._scatter_others(table, specs)
        return Setup(self.instruction, self.goal)

    def _scatter_others(self, table: Table, specs: list[ObjectSpec]) -> None:
        count = self.distractors
        if table.clutter:
            count = int(table.rng.integers(_FEWEST_OF_CLUTTER, _MOST_OF_CLUTTER + 1))
        others = sample_specs(table.rng, count, wanted=specs, held_out=table.held_out)
        before = set(table.world.objects)
        while others:
            try:
                _scatter(table, others)
                return
            except SceneFileError:
                if not table.clutter:
                    raise
                # As many as fit: once more, with one less.
                others = others[:-1]
                for name in [name for name in table.world.objects if name not in before]:
                    table.world.remove(name)


def _scatter(table: Table, specs: Sequence[ObjectSpec]) -> list[str]:
    return scatter(table.world, specs, table.rng, table_height_m=table.style.table_height_m)


def _set_down(table: Table, entry: ObjectEntry, spec: ObjectSpec) -> None:
    if entry.position is None:
        return
    x, y, *rest = entry.position
    z = rest[0] if rest else table.style.table_height_m + 0.001
    yaw = (
        math.radians(entry.yaw_deg)
        if entry.yaw_deg is not None
        else float(table.rng.uniform(-math.pi, math.pi))
    )
    table.world.add(spec, (x, y, z), yaw, name=entry.known_as)


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
    try:
        check_name(task.name)
    except UserError as error:
        raise SceneFileError(f"task file {path}, name: {error}") from error
    _check_names(task, path)
    _check_places(task, path)
    _check_goal(task, path)
    return task


def _check_names(task: FileTask, path: Path) -> None:
    """Every object must have a name of its own, that goals can tell it by."""
    names = [entry.known_as for entry in task.objects]
    for number, name in enumerate(names):
        place = f"task file {path}, objects.{number}"
        if name in _TAKEN:
            raise SceneFileError(f'{place}.name: "{name}" stands there already; name it otherwise')
        if name in names[:number]:
            raise SceneFileError(f'{place}: another one is a "{name}" too; give one of them a name')


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
    """Every condition must be one that the judge can judge, of objects that are listed."""
    listed = {entry.known_as: entry for entry in task.objects}
    for number, condition in enumerate(task.goal):
        place = f"task file {path}, goal.{number}"
        for name in bodies_of(condition):
            if name not in listed and name != "table":
                raise SceneFileError(
                    f'{place}: the goal names "{name}", which is not among its objects: '
                    f"{', '.join(sorted({*listed, 'table'}))}"
                )
        fault = fault_of(condition)
        if fault:
            raise SceneFileError(f"{place}: the condition {fault}")
        if isinstance(condition, Opened):
            raise SceneFileError(f'{place}: "{condition.object}" has nothing that opens')
        if isinstance(condition, In):
            entry = listed.get(condition.container)
            if entry is None or not _is_hollow(entry):
                raise SceneFileError(
                    f'{place}: nothing can be in "{condition.container}", which is not hollow'
                )


def _is_hollow(entry: ObjectEntry) -> bool:
    spec = sample_object(entry.category, entry.color, np.random.default_rng(0))
    return shape_of(spec).inner_radius > 0.0
