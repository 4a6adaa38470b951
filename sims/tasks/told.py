"""Tasks told by functions: several things, relations, questions, and what cannot be done.

Each function sets a table out and says what is told and what must hold. Wordings come in two
groups: those in use, and those that are kept for the split `unseen-words`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from handeye.perception.conditions import Beside, Condition, Holding, In, Moved, On

from ..objects import CATEGORIES, COLORS, Category, ColorName, ObjectSpec, sample_object
from .task import Setup, Table

Size = Literal["small", "any", "big"]


@dataclass(frozen=True)
class Told:
    """A task whose scene and words a function makes.

    Attributes:
        name: of the task.
        make: sets out the table.
    """

    name: str
    make: Callable[[Table], Setup]

    @property
    def summary(self) -> str:
        """One line about it."""
        return (self.make.__doc__ or "").splitlines()[0]

    def build(self, table: Table) -> Setup:
        """Set the table out."""
        return self.make(table)


TOLD: list[Told] = []
"""The tasks of this module."""


def _task(make: Callable[[Table], Setup]) -> Callable[[Table], Setup]:
    TOLD.append(Told(make.__name__, make))
    return make


def _colors(table: Table, count: int) -> list[ColorName]:
    order = table.rng.permutation(len(COLORS))[:count]
    return [COLORS[int(k)] for k in order]


def _only(*categories: Category) -> tuple[Category, ...]:
    return categories


def _of(table: Table, category: Category, colors: list[ColorName]) -> list[ObjectSpec]:
    return [sample_object(category, color, table.rng) for color in colors]


# --- several things -------------------------------------------------------------------------


@_task
def put_all_in(table: Table) -> Setup:
    """Put every ball into the bowl."""
    balls = [sample_object("ball", c, table.rng, size="small") for c in _colors(table, 2)]
    bowl = sample_object("bowl", table.pick_color(balls), table.rng, size="big")
    *names, into = table.set_out(*balls, bowl, distractors=(1, 4), avoid=_only("ball", "bowl"))
    told = table.say(
        "put all the balls in the bowl", "put every ball into the bowl",
        "put the balls in the bowl",
        unseen=("collect all balls in the bowl", "each ball goes into the bowl"),
    )  # fmt: skip
    return Setup(told, tuple(In(object=n, container=into) for n in names))


@_task
def put_all_but_one(table: Table) -> Setup:
    """Put every block on the plate, except one."""
    blocks = _of(table, "block", _colors(table, 3))
    plate = sample_object("plate", table.pick_color(blocks), table.rng, size="big")
    *names, on = table.set_out(*blocks, plate, distractors=(0, 3), avoid=_only("block", "plate"))
    spared = blocks[2].color
    told = table.say(
        f"put all the blocks except the {spared} one on the plate",
        f"put every block but the {spared} one on the plate",
        unseen=(f"apart from the {spared} one, put all blocks onto the plate",),
    )
    goal = tuple(On(object=n, support=on) for n in names[:2])
    return Setup(told, goal, never=(On(object=names[2], support=on),))


@_task
def match_colors(table: Table) -> Setup:
    """Put each block on the plate of its colour."""
    colors = _colors(table, 2)
    blocks, plates = _of(table, "block", colors), _of(table, "plate", colors)
    a, b, c, d = table.set_out(*blocks, *plates, distractors=(0, 2), avoid=_only("block", "plate"))
    told = table.say(
        "put each block on the plate of the same color",
        "put the blocks on the plates of their color",
        unseen=("match the blocks to the plates by color",),
    )
    return Setup(told, (On(object=a, support=c), On(object=b, support=d)))


@_task
def put_exactly_two(table: Table) -> Setup:
    """Put exactly two of three blocks on the plate."""
    blocks = _of(table, "block", _colors(table, 3))
    plate = sample_object("plate", table.pick_color(blocks), table.rng, size="big")
    *names, on = table.set_out(*blocks, plate, distractors=(0, 3), avoid=_only("block", "plate"))
    told = table.say(
        "put exactly two blocks on the plate", "put two blocks on the plate",
        unseen=("two of the blocks belong on the plate",),
    )  # fmt: skip
    return Setup(told, (), count=(tuple(On(object=n, support=on) for n in names), 2))


@_task
def build_tower(table: Table) -> Setup:
    """Build a tower of three named blocks."""
    colors = _colors(table, 3)
    blocks = [sample_object("block", c, table.rng, size="big") for c in colors]
    a, b, c = table.set_out(*blocks, distractors=(0, 3), avoid=_only("block"))
    told = table.say(
        f"put the {colors[1]} block on the {colors[2]} block, then the {colors[0]} block on the "
        f"{colors[1]} block",
        f"stack the {colors[1]} block on the {colors[2]} block and the {colors[0]} block on the "
        f"{colors[1]} block",
    )
    return Setup(told, (On(object=a, support=b), On(object=b, support=c)))


@_task
def three_steps(table: Table) -> Setup:
    """A ball in the bowl, a block on the plate, and then a cup held."""
    ball = sample_object("ball", _colors(table, 1)[0], table.rng, size="small")
    others: list[Category] = ["block", "cup", "bowl", "plate"]
    specs = [ball]
    for category in others:
        size: Size = "big" if category in ("bowl", "plate") else "any"
        specs.append(sample_object(category, table.pick_color(specs), table.rng, size=size))
    a, b, c, bowl, plate = table.set_out(
        *specs, distractors=(0, 1), avoid=[s.category for s in specs]
    )
    told = table.say(
        "put the ball in the bowl, put the block on the plate and then grab the cup",
        "first put the ball in the bowl, then the block on the plate, then pick up the cup",
    )
    goal = (In(object=a, container=bowl), On(object=b, support=plate), Holding(object=c))
    return Setup(told, goal)


@_task
def set_the_table(table: Table) -> Setup:
    """A cup on each of two plates."""
    colors = _colors(table, 4)
    specs = [*_of(table, "cup", colors[:2]), *_of(table, "plate", colors[2:])]
    a, b, c, d = table.set_out(*specs, distractors=(0, 1), avoid=_only("cup", "plate"))
    told = table.say(
        f"put the {colors[0]} cup on the {colors[2]} plate and the {colors[1]} cup on the "
        f"{colors[3]} plate"
    )
    return Setup(told, (On(object=a, support=c), On(object=b, support=d)))


@_task
def put_and_push(table: Table) -> Setup:
    """Put a block on the plate, then push the can to the left."""
    colors = _colors(table, 3)
    kinds: tuple[Category, ...] = ("block", "plate", "can")
    specs = [sample_object(k, c, table.rng) for k, c in zip(kinds, colors, strict=True)]
    a, on, can = table.set_out(*specs, distractors=(0, 2), avoid=kinds)
    x, y = (round(float(v), 4) for v in table.world.pose(can)[:2, 3])
    moved = Moved(object=can, start=(x, y), distance_m=0.04)
    told = table.say(f"put the {colors[0]} block on the plate and push the can")
    return Setup(told, (On(object=a, support=on), moved))


# --- relations and comparisons --------------------------------------------------------------


@_task
def grab_biggest(table: Table) -> Setup:
    """Grab the biggest of three blocks."""
    return _extreme(table, "big")


@_task
def grab_smallest(table: Table) -> Setup:
    """Grab the smallest of three blocks."""
    return _extreme(table, "small")


def _extreme(table: Table, which: str) -> Setup:
    colors = _colors(table, 3)
    sizes: tuple[Size, ...] = ("big", "small", "small")
    if which == "small":
        sizes = ("small", "big", "big")
    specs = [
        sample_object("block", c, table.rng, size=s) for c, s in zip(colors, sizes, strict=True)
    ]
    a, _, _ = table.set_out(*specs, distractors=(0, 3), avoid=_only("block"))
    word = {"big": "biggest", "small": "smallest"}[which]
    other = {"big": "largest", "small": "littlest"}[which]
    told = table.say(
        f"grab the {word} block", f"pick up the {word} block", unseen=(f"take the {other} block",)
    )
    return Setup(told, (Holding(object=a),))


@_task
def grab_beside(table: Table) -> Setup:
    """Grab the block that is nearest to the cup, of two."""
    colors = _colors(table, 3)
    near, far = _of(table, "block", colors[:2])
    cup = sample_object("cup", colors[2], table.rng)
    a, b, c = table.set_out(near, far, cup, distractors=(0, 2), avoid=_only("block", "cup"))
    if _gap(table, a, c) > _gap(table, b, c):
        a, b = b, a
    told = table.say(
        "grab the block nearest to the cup", unseen=("take the block closest to the cup",)
    )
    return Setup(told, (Holding(object=a),))


def _gap(table: Table, a: str, b: str) -> float:
    x = table.world.pose(a)[:2, 3] - table.world.pose(b)[:2, 3]
    return float((x @ x) ** 0.5)


@_task
def grab_from_plate(table: Table) -> Setup:
    """Grab the block that lies on the plate, of two."""
    colors = _colors(table, 3)
    lying, other = _of(table, "block", colors[:2])
    plate = sample_object("plate", colors[2], table.rng, size="big")
    on, free, under = table.set_out(
        lying, other, plate, distractors=(0, 3), avoid=_only("block", "plate")
    )
    x, y, z = (float(v) for v in table.world.pose(under)[:3, 3])
    table.world.place(on, (x, y, z + 0.012), float(table.rng.uniform(-3, 3)))
    told = table.say("grab the block on the plate", "pick up the block that is on the plate",
                     unseen=("take the block lying on the plate",))  # fmt: skip
    return Setup(told, (Holding(object=on),), never=(Holding(object=free),))


@_task
def empty_the_plate(table: Table) -> Setup:
    """Take what lies on the plate and put it into the bowl."""
    colors = _colors(table, 3)
    item = sample_object("block", colors[0], table.rng, size="small")
    plate = sample_object("plate", colors[1], table.rng, size="big")
    bowl = sample_object("bowl", colors[2], table.rng, size="big")
    a, under, into = table.set_out(
        item, plate, bowl, distractors=(0, 2), avoid=_only("block", "plate", "bowl")
    )
    x, y, z = (float(v) for v in table.world.pose(under)[:3, 3])
    table.world.place(a, (x, y, z + 0.012), float(table.rng.uniform(-3, 3)))
    told = table.say("put the block that is on the plate in the bowl",
                     "take the block on the plate and put it in the bowl")  # fmt: skip
    return Setup(told, (In(object=a, container=into),))


@_task
def put_left_of(table: Table) -> Setup:
    """Put a can to the left of the bowl."""
    return _beside(table, "left")


@_task
def put_right_of(table: Table) -> Setup:
    """Put a can to the right of the bowl."""
    return _beside(table, "right")


def _beside(table: Table, side: Literal["left", "right"]) -> Setup:
    colors = _colors(table, 2)
    can, bowl = (
        sample_object("can", colors[0], table.rng),
        sample_object("bowl", colors[1], table.rng),
    )
    a, b = table.set_out(can, bowl, distractors=(0, 2), avoid=_only("can", "bowl"))
    told = table.say(f"put the can to the {side} of the bowl", f"place the can {side} of the bowl",
                     unseen=(f"the can should stand {side} of the bowl",))  # fmt: skip
    relation = "left_of" if side == "left" else "right_of"
    return Setup(told, (Beside(object=a, relation=relation, reference=b),))  # type: ignore[arg-type]


# --- conditions -----------------------------------------------------------------------------


@_task
def if_there_is(table: Table) -> Setup:
    """If there is a duck, grab it, otherwise the can: each in half of the scenes."""
    colors = _colors(table, 2)
    there = bool(table.rng.random() < 0.5)
    can = sample_object("can", colors[0], table.rng)
    duck = sample_object("duck", colors[1], table.rng)
    specs = [can, duck] if there else [can]
    names = table.set_out(*specs, distractors=(1, 4), avoid=_only("duck", "can"))
    told = table.say("if there is a duck, grab it, otherwise grab the can",
                     "if you see a duck, pick up the duck, else pick up the can")  # fmt: skip
    return Setup(told, (Holding(object=names[-1] if there else names[0]),))


@_task
def put_back(table: Table) -> Setup:
    """Put a block on the plate, then put it back where it was."""
    colors = _colors(table, 2)
    block, plate = (
        sample_object("block", colors[0], table.rng),
        sample_object("plate", colors[1], table.rng),
    )
    a, on = table.set_out(block, plate, distractors=(0, 2), avoid=_only("block", "plate"))
    x, y = (round(float(v), 4) for v in table.world.pose(a)[:2, 3])
    from handeye.perception.conditions import At

    told = table.say("put the block on the plate and then put it back")
    goal = At(object=a, point=(x, y), tolerance_m=0.06)
    return Setup(told, (goal, Holding(object=None)), never=(On(object=a, support=on),))


# --- questions, and what cannot be done -----------------------------------------------------


@_task
def ask_how_many(table: Table) -> Setup:
    """Say how many blocks there are."""
    count = int(table.rng.integers(1, 4))
    names = table.set_out(
        *_of(table, "block", _colors(table, count)), distractors=(1, 4), avoid=_only("block")
    )
    told = table.say("how many blocks are there?", "how many blocks do you see?",
                     unseen=("count the blocks",))  # fmt: skip
    return Setup(told, _untouched(table, names), ending="answers", answer=(str(count),))


@_task
def ask_whether(table: Table) -> Setup:
    """Say whether there is a ball of a colour."""
    color, other = _colors(table, 2)
    there = bool(table.rng.random() < 0.5)
    ball = sample_object("ball", color if there else other, table.rng)
    names = table.set_out(ball, distractors=(2, 5), avoid=_only("ball"))
    told = table.say(f"is there a {color} ball?", f"do you see a {color} ball?")
    answer = ("yes",) if there else ("no",)
    return Setup(told, _untouched(table, names), ending="answers", answer=answer)


@_task
def ask_where(table: Table) -> Setup:
    """Say what the block is on."""
    colors = _colors(table, 2)
    block = sample_object("block", colors[0], table.rng)
    plate = sample_object("plate", colors[1], table.rng, size="big")
    a, under = table.set_out(block, plate, distractors=(1, 3), avoid=_only("block", "plate"))
    x, y, z = (float(v) for v in table.world.pose(under)[:3, 3])
    table.world.place(a, (x, y, z + 0.012), 0.3)
    told = table.say(
        "is the block on the plate?", f"is the {colors[0]} block on the {colors[1]} plate?"
    )
    return Setup(told, _untouched(table, [under]), ending="answers", answer=("yes",))


@_task
def grab_ambiguous(table: Table) -> Setup:
    """Grab "the cup" where there are two: the right thing is to ask which."""
    names = table.set_out(
        *_of(table, "cup", _colors(table, 2)), distractors=(1, 4), avoid=_only("cup")
    )
    told = table.say("grab the cup", "pick up the cup", unseen=("take the mug",))
    return Setup(told, _untouched(table, names), ending="asks")


@_task
def grab_absent(table: Table) -> Setup:
    """Grab what is not there: the right thing is to say so."""
    absent = CATEGORIES[int(table.rng.integers(len(CATEGORIES)))]
    names = table.set_out(table.draw([c for c in CATEGORIES if c != absent]), avoid=_only(absent))
    told = table.say(f"grab the {absent}", f"pick up the {absent}")
    return Setup(told, _untouched(table, names), ending="refuses")


@_task
def do_the_impossible(table: Table) -> Setup:
    """What an arm cannot do: the right thing is to refuse."""
    cup = table.draw(["cup"])
    names = table.set_out(cup, distractors=(1, 4), avoid=_only("cup"))
    told = table.say("sing a song", "make me a coffee", "paint the cup green",
                     unseen=("dance a waltz", "phone my mother"))  # fmt: skip
    return Setup(told, _untouched(table, names), ending="refuses")


def _untouched(table: Table, names: list[str]) -> tuple[Condition, ...]:
    """Nothing is held and these things stand where they stood."""
    from handeye.perception.conditions import At

    where = [(n, table.world.pose(n)[:2, 3]) for n in names]
    still = [
        At(object=n, point=(round(float(p[0]), 4), round(float(p[1]), 4)), tolerance_m=0.04)
        for n, p in where
    ]
    return (Holding(object=None), *still)
