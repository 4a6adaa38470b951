"""Handling: more than taking and putting: upright, pouring, sweeping, inserting, turning."""

import math
from dataclasses import replace

import numpy as np
from handeye.perception.conditions import At, In, Standing, Turned

from ..grains import fill
from ..objects import Category, sample_object
from .task import Count, Setup, Table
from .told import told

_GRAINS = 14
_ARRIVED = 0.8
_SIDE_M = (0.485, 0.28)
"""(x, y) of the middle of the table's left side, m, base frame."""
_ZONE_M = 0.15


def set_upright(table: Table) -> Setup:
    """Stand a can, a bottle or a box up that has fallen over."""
    tall: tuple[Category, ...] = ("can", "bottle", "box")
    category = tall[int(table.rng.integers(len(tall)))]
    [color] = table.colors(category)
    fallen = sample_object(category, color, table.rng)
    [name] = table.set_out(fallen, distractors=(0, 3), avoid=tall)
    table.world.topple(name, float(table.rng.uniform(-np.pi, np.pi)))
    words = table.say(
        f"stand the {category} up", f"set the {fallen.name} upright",
        f"put the {category} upright",
        f"the {category} fell over, stand it up", f"help the {category} back up",
        unseen=(f"the {category} got knocked over, so please stand it back up",),
    )  # fmt: skip
    return Setup(words, (Standing(object=name),))


def pour_into_bowl(table: Table) -> Setup:
    """Pour what is in the cup into the bowl: small spheres, most of which must arrive."""
    colors = table.colors("cup", "bowl")
    cup = sample_object("cup", colors[0], table.rng)
    bowl = sample_object("bowl", colors[1], table.rng, size="big")
    a, into = table.set_out(cup, bowl, distractors=(0, 2), avoid=("cup", "bowl"))
    grains = fill(table.world, a, _GRAINS)
    words = table.say(
        "pour the cup into the bowl", f"pour the {cup.name} into the {bowl.name}",
        unseen=("tip the cup out into the bowl",),
    )  # fmt: skip
    arrived = tuple((In(object=grain, container=into),) for grain in grains)
    return Setup(words, (), count=Count(arrived, round(_ARRIVED * _GRAINS), _GRAINS))


def sweep_aside(table: Table) -> Setup:
    """Sweep two or three small things to a side of the table."""
    small: tuple[Category, ...] = ("lego", "block")
    category = small[int(table.rng.integers(len(small)))]
    count = int(table.rng.integers(2, 4))
    things = table.each(category, table.colors(*[category] * count))
    names = table.set_out(*things, distractors=(0, 1), avoid=small)
    middle = np.mean([table.world.pose(name)[1, 3] for name in names])
    side = "right" if middle > 0 else "left"
    point = (_SIDE_M[0], _SIDE_M[1] * (1.0 if side == "left" else -1.0))
    words = table.say(
        f"sweep the {category}s to the {side} side",
        f"sweep all the {category}s to the {side} side of the table",
        unseen=(f"push every {category} to the {side} edge of the table",),
    )
    return Setup(words, tuple(At(object=n, point=point, tolerance_m=_ZONE_M) for n in names))


def insert_into_cup(table: Table) -> Setup:
    """Insert a small block into a cup, which it fits with some millimetres to spare."""
    colors = table.colors("block", "cup")
    block = sample_object("block", colors[0], table.rng, size="small")
    cup = sample_object("cup", colors[1], table.rng, size="big")
    a, into = table.set_out(block, cup, distractors=(0, 3), avoid=("block", "cup"))
    words = table.say("insert the block into the cup", f"insert the {block.name} in the cup",
                      unseen=(f"slot the block into the {cup.name}",))  # fmt: skip
    return Setup(words, (In(object=a, container=into),))


def turn(table: Table) -> Setup:
    """Turn a box that is clearly longer than wide by 45 or 90 degrees."""
    category: Category = "box"
    box = sample_object(category, table.colors(category)[0], table.rng)
    # The most oblong of its variants: of a square one no camera could tell that it has turned.
    box = replace(box, variant=box.variant - box.variant % 5)
    [name] = table.set_out(box, distractors=(0, 3), avoid=(category,))
    degrees = int(table.rng.choice((45, 90)))
    said = {90: "a quarter turn", 45: "by 45 degrees"}[degrees]
    side, sense, sign = (
        ("left", "counterclockwise", 1.0)
        if table.rng.random() < 0.5
        else ("right", "clockwise", -1.0)
    )
    words = table.say(
        f"turn the box by {degrees} degrees to the {side}",
        f"rotate the {box.name} {said} {sense}",
        unseen=(f"spin the box {sense} by {degrees} degrees",),
    )
    R = table.world.pose(name)[:3, :3]
    start, angle = math.atan2(R[1, 0], R[0, 0]), sign * math.radians(degrees)
    turned = Turned(object=name, start_rad=round(start, 4), angle_rad=round(angle, 4))
    x, y = (round(float(v), 4) for v in table.world.pose(name)[:2, 3])
    there = At(object=name, point=(x, y), tolerance_m=0.05)
    return Setup(words, (turned, there, Standing(object=name)))


HANDLING = told(set_upright, pour_into_bowl, sweep_aside, insert_into_cup, turn)
"""The tasks of this family."""
