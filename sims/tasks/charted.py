"""Charts: what is to be done stands on a chart, on the wall or on the table.

The judge knows the table that was drawn; the agent reads it off the picture.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise, permutations

from handeye.perception.conditions import Holding, In, On

from ..board import add_board
from ..drawn_chart import draw_chart, sample_chart_style
from ..objects import Category, ColorName, ObjectSpec, sample_object
from .task import Count, Setup, Table
from .told import told

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August")
_BLOCKS: tuple[Category, ...] = ("block",)
_WALL_SHARE = 0.6


def put_by_tallest_bar(table: Table) -> Setup:
    """Put a block into the bowl whose colour has the tallest bar."""
    colors = table.colors("bowl", "bowl", "bowl", "block")
    block = sample_object("block", colors[3], table.rng, size="small")
    bowls = table.each("bowl", colors[:3], "big")
    what, *into = table.set_out(block, *bowls, distractors=(0, 2), avoid=("block", "bowl"))
    votes = _different(table, colors[:3])
    _show(table, votes, "Votes")
    words = table.say(
        "put the block into the bowl whose color has the tallest bar",
        "put a block into the bowl of the colour with the highest value in the chart",
        "the bowl with the tallest bar in the chart should have the block in it",
        unseen=("drop the block into whichever bowl has the tallest bar in the chart",),
    )
    chosen = into[list(votes).index(max(votes, key=lambda c: votes[c]))]
    return Setup(words, (In(object=what, container=chosen), Holding(object=None)))


def grab_by_lowest_bar(table: Table) -> Setup:
    """Grab the block of the colour with the lowest bar."""
    colors = table.colors(*4 * _BLOCKS)
    blocks = table.set_out(*table.each("block", colors), distractors=(1, 4), avoid=_BLOCKS)
    stock = _different(table, colors)
    _show(table, stock, "Stock")
    words = table.say(
        "grab the block of the color with the lowest bar",
        "pick up the block whose colour has the lowest value in the chart",
        unseen=("take the block with the shortest bar",),
    )
    lowest = blocks[list(stock).index(min(stock, key=lambda c: stock[c]))]
    return Setup(words, (Holding(object=lowest),))


def grab_most_shown(table: Table) -> Setup:
    """Grab the kind of thing that the chart shows the most of."""
    kinds: tuple[Category, ...] = ("cup", "block", "can", "duck")
    specs: list[ObjectSpec] = []
    for kind in kinds:
        specs.append(table.another(kind, specs))
    bodies = table.set_out(*specs, distractors=(0, 3), avoid=kinds)
    sold = _different(table, [f"{kind}s" for kind in kinds])
    _show(table, sold, "Sold today")
    words = table.say(
        "grab the thing that the chart shows the most of",
        "pick up the thing with the tallest bar in the chart",
        unseen=("take the object whose bar is the highest",),
    )
    return Setup(
        words, (Holding(object=bodies[list(sold).index(max(sold, key=sold.__getitem__))]),)
    )


def stack_as_shown(table: Table) -> Setup:
    """Stack as many blocks as the chart shows for a month."""
    month, count = _ordered(table, "Orders", (2, 3))
    blocks = table.each("block", table.colors(*4 * _BLOCKS), "big")
    names = table.set_out(*blocks, distractors=(0, 2), avoid=_BLOCKS)
    words = table.say(
        f"stack as many blocks as the chart shows for {month}",
        f"stack the number of blocks that the chart shows for {month}",
        unseen=(f"pile up as many blocks as there are in the chart for {month}",),
    )
    # Of a tower that is higher there would be two such towers, one in the other.
    towers = tuple(
        tuple(On(object=a, support=b) for a, b in pairwise(order))
        for order in permutations(names, count)
    )
    return Setup(words, (Holding(object=None),), count=Count(towers, 1, 1))


def put_as_shown(table: Table) -> Setup:
    """Put as many blocks on the plate as the chart shows for a month."""
    month, count = _ordered(table, "Deliveries", (1, 2, 3))
    blocks = table.each("block", table.colors(*4 * _BLOCKS), "small")
    plate = table.another("plate", blocks, size="big")
    *names, on = table.set_out(*blocks, plate, distractors=(0, 2), avoid=("block", "plate"))
    words = table.say(
        f"put as many blocks on the plate as the chart shows for {month}",
        f"put as many blocks as the chart shows for {month} on the plate",
        unseen=(f"the number of blocks the chart shows for {month} should be on the plate",),
    )
    ons = tuple((On(object=name, support=on),) for name in names)
    return Setup(words, (Holding(object=None),), count=Count(ons, count, count))


def if_chart_shows_more(table: Table) -> Setup:
    """Put two blocks on the plate if the chart shows more for one month, else grab the can."""
    blocks = table.each("block", table.colors(*3 * _BLOCKS), "small")
    plate = table.another("plate", blocks, size="big")
    can = table.another("can", [*blocks, plate])
    *names, on, other = table.set_out(
        *blocks, plate, can, distractors=(0, 2), avoid=("block", "plate", "can")
    )
    shown = _different(table, _months(table))
    _show(table, shown, "Visitors")
    first, second = list(shown)[1:3]
    words = table.say(
        f"if the chart shows more for {first} than for {second}, put two blocks on the plate, "
        "otherwise grab the can",
        f"put two blocks on the plate if the bar for {first} is higher than the bar for {second}, "
        "otherwise pick up the can",
        unseen=(
            f"grab the can unless the chart shows more for {first} than {second}, else put two "
            "blocks on the plate",
        ),
    )
    ons = tuple(On(object=name, support=on) for name in names)
    if shown[first] > shown[second]:
        return Setup(words, (Holding(object=None),), count=Count(tuple((o,) for o in ons), 2, 2))
    return Setup(words, (Holding(object=other),), never=ons)


def ask_chart(table: Table) -> Setup:
    """Say how many the chart shows for a month."""
    month, count = _ordered(table, "Blocks sold", (1, 2, 3, 4, 5, 6, 7))
    table.set_out(*table.each("block", table.colors(*2 * _BLOCKS)), distractors=(1, 4))
    words = table.say(
        f"how many blocks does the chart show for {month}?",
        f"what does the chart show for {month}?",
        unseen=(f"tell me how many does the chart show for {month}",),
    )
    return Setup(words, (Holding(object=None),), ending="answers", answer=(str(count),))


def ask_chart_in_vain(table: Table) -> Setup:
    """Stack as many blocks as the chart shows for a month that it does not show."""
    table.set_out(*table.each("block", table.colors(*3 * _BLOCKS), "big"), distractors=(0, 3))
    shown = _different(table, _months(table))
    _show(table, shown, "Orders")
    absent = table.choose(*(month for month in _MONTHS if month not in shown))
    words = table.say(
        f"stack as many blocks as the chart shows for {absent}",
        unseen=(f"pile up as many blocks as there are in the chart for {absent}",),
    )
    return Setup(words, (Holding(object=None),), ending="refuses")


def _months(table: Table) -> tuple[str, ...]:
    """Four months in a row."""
    first = int(table.rng.integers(len(_MONTHS) - 3))
    return _MONTHS[first : first + 4]


def _ordered(table: Table, title: str, counts: Sequence[int]) -> tuple[str, int]:
    """Show a number for each of four months; returns one of them, with its number."""
    months = _months(table)
    shown = {month: int(table.rng.integers(1, 7)) for month in months}
    month = table.choose(*months)
    shown[month] = counts[int(table.rng.integers(len(counts)))]
    _show(table, shown, title, values="blocks")
    return month, shown[month]


def _different(table: Table, names: Sequence[ColorName | str]) -> dict[str, int]:
    """A value for each name, no two alike."""
    values = table.rng.permutation(9)[: len(names)] + 1
    return {name: int(value) for name, value in zip(names, values, strict=True)}


def _show(table: Table, shown: Mapping[str, int], title: str, values: str = "") -> None:
    """Put the chart of a table up somewhere."""
    picture = draw_chart(shown, sample_chart_style(table.rng), title=title, values=values)
    add_board(
        table.world,
        table.robot,
        picture,
        table.rng,
        where="wall" if table.rng.random() < _WALL_SHARE else "table",
        table_height_m=table.style.table_height_m,
    )


CHARTS = told(
    put_by_tallest_bar,
    grab_by_lowest_bar,
    grab_most_shown,
    stack_as_shown,
    put_as_shown,
    if_chart_shows_more,
    ask_chart,
    ask_chart_in_vain,
)
"""The tasks of this family."""
