"""Relations and comparisons: which one is meant, and where it goes."""

from typing import Literal

from handeye.perception.conditions import Beside, Holding, In

from ..objects import sample_object
from .task import Setup, Size, Table
from .told import told

_CLEARLY_M = 0.04
"""How much nearer the nearer of two is."""


def grab_biggest(table: Table) -> Setup:
    """Grab the biggest of three blocks."""
    return _extreme(table, "big")


def grab_smallest(table: Table) -> Setup:
    """Grab the smallest of three blocks."""
    return _extreme(table, "small")


def _extreme(table: Table, which: str) -> Setup:
    colors = table.colors("block", "block", "block")
    sizes: tuple[Size, ...] = ("big", "small", "small")
    if which == "small":
        sizes = ("small", "big", "big")
    specs = [
        sample_object("block", c, table.rng, size=s) for c, s in zip(colors, sizes, strict=True)
    ]
    a, _, _ = table.set_out(*specs, distractors=(0, 3), avoid=["block"])
    word = {"big": "biggest", "small": "smallest"}[which]
    other = {"big": "largest", "small": "littlest"}[which]
    unseen = (f"which block is the {word}? fetch that one",)
    words = table.say(
        f"grab the {word} block",
        f"pick up the {word} block",
        f"take the {other} block",
        unseen=unseen,
    )
    return Setup(words, (Holding(object=a),))


def grab_beside(table: Table) -> Setup:
    """Grab the block that is nearest to the cup, of two."""
    colors = table.colors("block", "block", "cup")
    near, far = table.each("block", colors[:2])
    cup = sample_object("cup", colors[2], table.rng)
    a, b, c = table.set_out(near, far, cup, distractors=(0, 2), avoid=("block", "cup"))
    while abs(_gap(table, a, c) - _gap(table, b, c)) < _CLEARLY_M:
        table.clear()  # Of two that are as near one would have to ask.
        a, b, c = table.set_out(near, far, cup, distractors=(0, 2), avoid=("block", "cup"))
    if _gap(table, a, c) > _gap(table, b, c):
        a, b = b, a
    words = table.say(
        "grab the block nearest to the cup", unseen=("take the block closest to the cup",)
    )
    return Setup(words, (Holding(object=a),))


def _gap(table: Table, a: str, b: str) -> float:
    x = table.world.pose(a)[:2, 3] - table.world.pose(b)[:2, 3]
    return float((x @ x) ** 0.5)


def grab_from_plate(table: Table) -> Setup:
    """Grab the block that lies on the plate, of two."""
    colors = table.colors("block", "block", "plate")
    lying, other = table.each("block", colors[:2])
    plate = sample_object("plate", colors[2], table.rng, size="big")
    on, free, under = table.set_out(
        lying, other, plate, distractors=(0, 3), avoid=("block", "plate")
    )
    table.lay(on, under, float(table.rng.uniform(-3, 3)))
    words = table.say("grab the block on the plate", "pick up the block that is on the plate",
                     unseen=("take the block lying on the plate",))  # fmt: skip
    return Setup(words, (Holding(object=on),), never=(Holding(object=free),))


def empty_the_plate(table: Table) -> Setup:
    """Take what lies on the plate and put it into the bowl."""
    colors = table.colors("block", "plate", "bowl")
    item = sample_object("block", colors[0], table.rng, size="small")
    plate = sample_object("plate", colors[1], table.rng, size="big")
    bowl = sample_object("bowl", colors[2], table.rng, size="big")
    a, under, into = table.set_out(
        item, plate, bowl, distractors=(0, 2), avoid=("block", "plate", "bowl")
    )
    table.lay(a, under, float(table.rng.uniform(-3, 3)))
    words = table.say("put the block that is on the plate in the bowl",
                     "take the block on the plate and put it in the bowl")  # fmt: skip
    return Setup(words, (In(object=a, container=into),))


def put_left_of(table: Table) -> Setup:
    """Put a can to the left of the bowl."""
    return _beside(table, "left")


def put_right_of(table: Table) -> Setup:
    """Put a can to the right of the bowl."""
    return _beside(table, "right")


def _beside(table: Table, side: Literal["left", "right"]) -> Setup:
    colors = table.colors("can", "bowl")
    can = sample_object("can", colors[0], table.rng)
    bowl = sample_object("bowl", colors[1], table.rng)
    a, b = table.set_out(can, bowl, distractors=(0, 2), avoid=("can", "bowl"))
    words = table.say(f"put the can to the {side} of the bowl", f"place the can {side} of the bowl",
                     unseen=(f"the can should stand {side} of the bowl",))  # fmt: skip
    relation: Literal["left_of", "right_of"] = "left_of" if side == "left" else "right_of"
    return Setup(words, (Beside(object=a, relation=relation, reference=b),))


RELATIONS = told(
    grab_biggest,
    grab_smallest,
    grab_beside,
    grab_from_plate,
    empty_the_plate,
    put_left_of,
    put_right_of,
)
"""The tasks of this family."""
