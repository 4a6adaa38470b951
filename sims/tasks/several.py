"""Several things at once: all of them, some of them, each to its own."""

from handeye.perception.conditions import In, On

from .task import Count, Setup, Table
from .told import told


def put_all_in(table: Table) -> Setup:
    """Put every ball into the bowl."""
    balls = table.each("ball", table.colors("ball", "ball"), "small")
    bowl = table.another("bowl", balls, size="big")
    *names, into = table.set_out(*balls, bowl, distractors=(1, 4), avoid=("ball", "bowl"))
    words = table.say(
        "put all the balls in the bowl", "put every ball into the bowl",
        "put the balls in the bowl", "collect all balls in the bowl",
        "all of the balls have their place in the bowl", "each ball goes into the bowl",
        "the bowl is where every ball lives",
        unseen=(
            "could you gather up every ball on the table and drop them into the bowl?",
            "pop each of the balls into the bowl",
        ),
    )  # fmt: skip
    return Setup(words, tuple(In(object=n, container=into) for n in names))


def put_all_but_one(table: Table) -> Setup:
    """Put every block on the plate, except one."""
    blocks = table.each("block", table.colors("block", "block", "block"))
    plate = table.another("plate", blocks, size="big")
    *names, on = table.set_out(*blocks, plate, distractors=(0, 3), avoid=("block", "plate"))
    spared = blocks[2].color
    words = table.say(
        f"put all the blocks except the {spared} one on the plate",
        f"put every block but the {spared} one on the plate",
        f"apart from the {spared} one, put all blocks onto the plate",
        f"the plate is for all blocks but the {spared} one",
        f"blocks onto the plate, the {spared} one stays where it is",
        unseen=(
            f"please move all the blocks onto the plate, but leave the {spared} one where it is",
        ),
    )
    goal = tuple(On(object=n, support=on) for n in names[:2])
    return Setup(words, goal, never=(On(object=names[2], support=on),))


def match_colors(table: Table) -> Setup:
    """Put each block on the plate of its colour."""
    colors = table.colors("block", "plate")
    blocks, plates = table.each("block", colors), table.each("plate", colors)
    a, b, c, d = table.set_out(*blocks, *plates, distractors=(0, 2), avoid=("block", "plate"))
    words = table.say(
        "put each block on the plate of the same color",
        "put the blocks on the plates of their color",
        "match the blocks to the plates by color",
        "every block to the plate that shares its color",
        "give each block the plate in the color it has",
        unseen=(
            "every block needs to go on the plate of the same color, so please move them all there",
        ),
    )
    return Setup(words, (On(object=a, support=c), On(object=b, support=d)))


def put_exactly_two(table: Table) -> Setup:
    """Put exactly two of three blocks on the plate."""
    blocks = table.each("block", table.colors("block", "block", "block"))
    plate = table.another("plate", blocks, size="big")
    *names, on = table.set_out(*blocks, plate, distractors=(0, 3), avoid=("block", "plate"))
    words = table.say(
        "put exactly two blocks on the plate", "put two blocks on the plate",
        unseen=("two of the blocks belong on the plate",),
    )  # fmt: skip
    return Setup(words, (), count=Count(tuple((On(object=n, support=on),) for n in names), 2, 2))


def build_tower(table: Table) -> Setup:
    """Build a tower of three named blocks."""
    colors = table.colors("block", "block", "block")
    blocks = table.each("block", colors, "big")
    a, b, c = table.set_out(*blocks, distractors=(0, 3), avoid=["block"])
    words = table.say(
        f"put the {colors[1]} block on the {colors[2]} block, then the {colors[0]} block on the "
        f"{colors[1]} block",
        f"stack the {colors[1]} block on the {colors[2]} block and the {colors[0]} block on the "
        f"{colors[1]} block",
    )
    return Setup(words, (On(object=a, support=b), On(object=b, support=c)))


SEVERAL = told(
    put_all_in,
    put_all_but_one,
    match_colors,
    put_exactly_two,
    build_tower,
)
"""The tasks of this family."""
