"""Arranging: several things with regard to each other."""

from typing import Literal

from handeye.perception.conditions import Arranged, In

from ..judge import holds
from ..objects import Category
from .task import Setup, Table
from .told import told

_BLOCK: tuple[Category, ...] = ("block",)

Shape = Literal["line", "circle"]


def sort_into_bowls(table: Table) -> Setup:
    """Sort blocks into the bowls of their colour."""
    colors = table.colors("block", "bowl")
    blocks, bowls = table.each("block", colors, "small"), table.each("bowl", colors, "big")
    a, b, c, d = table.set_out(*blocks, *bowls, distractors=(0, 1), avoid=("block", "bowl"))
    words = table.say(
        "sort the blocks into the bowls of the same color",
        "put each block in the bowl of its color",
        unseen=("every block goes into the matching bowl",),
    )
    return Setup(words, (In(object=a, container=c), In(object=b, container=d)))


def arrange_line(table: Table) -> Setup:
    """Arrange three blocks in a line."""
    return _arranged(table, 3, "line")


def arrange_circle(table: Table) -> Setup:
    """Arrange four blocks in a circle."""
    return _arranged(table, 4, "circle")


def _arranged(table: Table, count: int, shape: Shape) -> Setup:
    blocks = table.each("block", table.colors(*count * _BLOCK))
    names = table.set_out(*blocks, distractors=(0, 1), avoid=["block"])
    while holds(goal := Arranged(objects=tuple(names), shape=shape), table.world):
        # What holds already is nothing to be asked for.
        table.clear()
        names = table.set_out(*blocks, distractors=(0, 1), avoid=["block"])
    words = table.say(
        f"arrange the blocks in a {shape}", f"put all the blocks in a {shape}",
        unseen=(f"form a {shape} of the blocks",),
    )  # fmt: skip
    return Setup(words, (goal,))


ARRANGING = told(sort_into_bowls, arrange_line, arrange_circle)
"""The tasks of this family."""
