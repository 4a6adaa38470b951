"""Task: a scene to build, an instruction, and what must hold for success."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from handeye.perception.conditions import Condition
from handeye.perception.errors import SceneFileError

from ..objects import (
    CATEGORIES,
    COLORS,
    HELD_OUT,
    HELD_OUT_PAIRS,
    Category,
    ColorName,
    ObjectSpec,
    sample_object,
)
from ..panda import SimPanda
from ..tabletop import Style, sample_specs, scatter
from ..world import World

Size = Literal["small", "any", "big"]
_CLUTTER = (9, 12)


class Count(NamedTuple):
    """How many of some groups of conditions must hold, each group whole.

    Attributes:
        groups: which.
        least, most: bounds, both included.
    """

    groups: tuple[tuple[Condition, ...], ...]
    least: int
    most: int


@dataclass(frozen=True)
class Setup:
    """What a task made of a table.

    Attributes:
        instruction: what the agent is told.
        goal: what must hold at the end, all of it; objects by body name. Empty where nothing
            can be judged.
        never: what must not hold at the end.
        once: what must have held at some time, each for itself.
        count: groups of conditions of which some must hold at the end, or None.
        ending: how a right run ends: "done"; by an answer; by asking the user; or by refusing,
            which a question is as well.
        answer: words that a right answer contains, in lower case.
    """

    instruction: str
    goal: tuple[Condition, ...]
    never: tuple[Condition, ...] = ()
    once: tuple[Condition, ...] = ()
    count: Count | None = None
    ending: Literal["done", "answers", "asks", "refuses"] = "done"
    answer: tuple[str, ...] = ()


@dataclass
class Table:
    """A tabletop under construction: what a task builds its scene with.

    Attributes:
        world, robot, style: what stands there already.
        rng: the only source of chance a task may use.
        held_out: whether held-out colour-category pairs are drawn wherever there are some left
            (True), never (False), or regardless (None).
        clutter: whether there are 9 to 12 distractors, whatever the task asks for.
        unseen_words: whether instructions use wordings that are kept from development.
    """

    world: World
    robot: SimPanda
    style: Style
    rng: np.random.Generator
    held_out: bool | None = None
    clutter: bool = False
    unseen_words: bool = False

    def draw(
        self,
        categories: Sequence[Category],
        *,
        color: ColorName | None = None,
        besides: Sequence[ObjectSpec] = (),
        size: Size = "any",
    ) -> ObjectSpec:
        """Draw one object of some categories, of no colour and category drawn before."""
        if color is None:
            [spec] = sample_specs(
                self.rng, 1, wanted=besides, held_out=self.held_out, categories=categories
            )
            category: Category = spec.category
            color = spec.color
        else:
            category = categories[int(self.rng.integers(len(categories)))]
        return sample_object(category, color, self.rng, size=size)

    def set_out(
        self,
        *specs: ObjectSpec,
        distractors: tuple[int, int] = (4, 8),
        avoid: Collection[Category] = (),
    ) -> list[str]:
        """Scatter objects and some distractors; returns the names of the bodies of `specs`.

        Args:
            specs: what the task is about.
            distractors: fewest and most other objects.
            avoid: categories of which there shall be no other.
        """
        low, high = _CLUTTER if self.clutter else distractors
        count = int(self.rng.integers(low, high + 1))
        categories = [category for category in CATEGORIES if category not in avoid]
        others = self._others(count, specs, categories)
        while True:
            before = set(self.world.objects)
            try:
                names = scatter(
                    self.world,
                    [*specs, *others],
                    self.rng,
                    table_height_m=self.style.table_height_m,
                )
            except SceneFileError:
                if not others:
                    raise
                # The table was filled badly: once more, with one distractor less.
                others = others[:-1]
                for name in [n for n in self.world.objects if n not in before]:
                    self.world.remove(name)
                continue
            return names[: len(specs)]

    def _others(
        self, count: int, besides: Sequence[ObjectSpec], categories: Sequence[Category]
    ) -> list[ObjectSpec]:
        """Draw distractors: of the pairs that are wanted, as long as there are any."""
        found = sample_specs(
            self.rng, count, wanted=besides, held_out=self.held_out, categories=categories
        )
        if self.held_out and len(found) < count:
            found += sample_specs(
                self.rng,
                count - len(found),
                wanted=[*besides, *found],
                held_out=False,
                categories=categories,
            )
        return found

    def colors(self, *categories: Category) -> list[ColorName]:
        """Draw different colours, one for an object of each of some categories.

        Where only held-out pairs are wanted, the first object of a category gets the one colour
        that is held out of it.
        """
        drawn = [COLORS[int(k)] for k in self.rng.permutation(len(COLORS))]
        if self.held_out is False:
            drawn = [c for c in drawn if not any((c, k) in HELD_OUT_PAIRS for k in categories)]
        kept: dict[Category, ColorName] = {}
        if self.held_out:
            for category in categories:
                if HELD_OUT[category] not in kept.values():
                    kept[category] = HELD_OUT[category]
        free = [color for color in drawn if color not in kept.values()]
        # A second one of its category gets another.
        return [kept.pop(k) if k in kept else free.pop(0) for k in categories]

    def each(
        self, category: Category, colors: Sequence[ColorName], size: Size = "any"
    ) -> list[ObjectSpec]:
        """Objects of one category, one of each colour."""
        return [sample_object(category, color, self.rng, size=size) for color in colors]

    def another(
        self, category: Category, besides: Sequence[ObjectSpec], size: Size = "any"
    ) -> ObjectSpec:
        """An object of a colour that none of some others has.

        Where only held-out pairs are wanted it is of one, unless another has that colour.
        """
        free = [color for color in COLORS if all(color != spec.color for spec in besides)]
        if self.held_out and HELD_OUT[category] in free:
            free = [HELD_OUT[category]]
        if self.held_out is False:
            free = [color for color in free if (color, category) not in HELD_OUT_PAIRS]
        color = free[int(self.rng.integers(len(free)))]
        return sample_object(category, color, self.rng, size=size)

    def clear(self) -> None:
        """Take all objects off the table, to set out anew."""
        for name in list(self.world.objects):
            self.world.remove(name)

    def middle(self, name: str) -> tuple[float, float]:
        """(x, y) of a body at rest, m, where the judge says that it is: its box's middle."""
        # What falls over when it is set down comes to lie elsewhere.
        self.world.settle(max_s=3.0)
        low, high = self.world.bounds(name)
        x, y, _ = ((low + high) / 2).tolist()
        return round(x, 4), round(y, 4)

    def lay(self, name: str, support: str, yaw: float) -> None:
        """Lay a body into the middle of a plate."""
        x, y, z = (float(v) for v in self.world.pose(support)[:3, 3])
        self.world.place(name, (x, y, z + 0.012), yaw)

    def say(self, *usual: str, unseen: Sequence[str] = ()) -> str:
        """Draw one of several wordings; of the unseen ones where the split is of those."""
        return self.choose(*(unseen if self.unseen_words and unseen else usual))

    def choose(self, *wordings: str) -> str:
        """Draw one of several wordings."""
        return wordings[int(self.rng.integers(len(wordings)))]


class Task(Protocol):
    """Builds a scene and says what is to be done in it.

    A task knows nothing of robots or agents; it sees a Table and gives a Setup.
    """

    @property
    def name(self) -> str:
        """Unique among the tasks, such as "put_on"."""

    def build(self, table: Table) -> Setup:
        """Put objects on the table; returns the instruction and the goal."""
