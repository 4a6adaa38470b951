"""Several steps: one after the other, on a condition, and back again."""

from handeye.perception.conditions import At, Beside, Holding, In, Moved, On

from ..objects import Category, sample_object
from .task import Setup, Size, Table
from .told import told


def three_steps(table: Table) -> Setup:
    """A ball in the bowl, a block on the plate, and then a cup held."""
    ball = sample_object("ball", table.colors("ball")[0], table.rng, size="small")
    others: list[Category] = ["block", "cup", "bowl", "plate"]
    specs = [ball]
    for category in others:
        size: Size = "big" if category in ("bowl", "plate") else "any"
        specs.append(table.another(category, specs, size))
    a, b, c, bowl, plate = table.set_out(
        *specs, distractors=(0, 1), avoid=[s.category for s in specs]
    )
    words = table.say(
        "put the ball in the bowl, put the block on the plate and then grab the cup",
        "first put the ball in the bowl, then the block on the plate, then pick up the cup",
    )
    goal = (In(object=a, container=bowl), On(object=b, support=plate), Holding(object=c))
    return Setup(words, goal)


def set_the_table(table: Table) -> Setup:
    """A cup on each of two plates."""
    colors = table.colors("cup", "cup", "plate", "plate")
    specs = [*table.each("cup", colors[:2]), *table.each("plate", colors[2:])]
    a, b, c, d = table.set_out(*specs, distractors=(0, 1), avoid=("cup", "plate"))
    words = table.say(
        f"put the {colors[0]} cup on the {colors[2]} plate and the {colors[1]} cup on the "
        f"{colors[3]} plate"
    )
    return Setup(words, (On(object=a, support=c), On(object=b, support=d)))


def set_for_two(table: Table) -> Setup:
    """A cup on each of two plates, and a can beside the first of them: six calls."""
    colors = table.colors("cup", "cup", "plate", "plate")
    can = table.another("can", [])
    specs = [*table.each("cup", colors[:2]), *table.each("plate", colors[2:]), can]
    avoid: tuple[Category, ...] = ("cup", "plate", "can")
    a, b, c, d, e = table.set_out(*specs, distractors=(0, 0), avoid=avoid)
    words = table.say(
        f"put the {colors[0]} cup on the {colors[2]} plate, the {colors[1]} cup on the "
        f"{colors[3]} plate and the can next to the {colors[2]} plate",
        f"set the table: put the {colors[0]} cup on the {colors[2]} plate, the {colors[1]} cup "
        f"on the {colors[3]} plate, and then the can next to the {colors[2]} plate",
        unseen=(
            f"the {colors[0]} cup goes on the {colors[2]} plate, the {colors[1]} cup on the "
            f"{colors[3]} plate, and the can beside the {colors[2]} plate",
        ),
    )
    beside = Beside(object=e, relation="next_to", reference=c)
    return Setup(words, (On(object=a, support=c), On(object=b, support=d), beside))


def clear_the_table(table: Table) -> Setup:
    """Two balls into the bowl and two blocks onto the plate: eight calls."""
    balls = table.each("ball", table.colors("ball", "ball"), "small")
    blocks = table.each("block", table.colors("block", "block"), "small")
    bowl = table.another("bowl", balls, size="big")
    plate = table.another("plate", blocks, size="big")
    specs = [*balls, *blocks, bowl, plate]
    avoid = [spec.category for spec in specs]
    a, b, c, d, into, on = table.set_out(*specs, distractors=(0, 0), avoid=avoid)
    words = table.say(
        "put the balls in the bowl and the blocks on the plate",
        "clear the table: put every ball into the bowl and every block on the plate",
        "first put all the balls in the bowl, then put all the blocks on the plate",
        unseen=(
            "tidy up: the balls belong in the bowl, the blocks on the plate",
            "the balls go into the bowl and the blocks go onto the plate",
        ),
    )
    into_bowl = (In(object=a, container=into), In(object=b, container=into))
    return Setup(words, (*into_bowl, On(object=c, support=on), On(object=d, support=on)))


def pack_the_bowl(table: Table) -> Setup:
    """A ball, a block and a lego brick into one bowl: six calls."""
    small: tuple[Category, ...] = ("ball", "block", "lego")
    specs = [sample_object("ball", table.colors("ball")[0], table.rng, size="small")]
    for category in small[1:]:
        specs.append(table.another(category, specs, "small"))
    specs.append(table.another("bowl", specs, "big"))
    *names, into = table.set_out(*specs, distractors=(0, 1), avoid=(*small, "bowl"))
    words = table.say(
        "put the ball, the block and the lego in the bowl",
        "pack the lego, the block and the ball into the bowl",
        unseen=("stow the block, the lego and the ball in the bowl",),
    )
    return Setup(words, tuple(In(object=name, container=into) for name in names))


def put_and_push(table: Table) -> Setup:
    """Put a block on the plate, then push the can to the left."""
    colors = table.colors("block", "plate", "can")
    kinds: tuple[Category, ...] = ("block", "plate", "can")
    specs = [sample_object(k, c, table.rng) for k, c in zip(kinds, colors, strict=True)]
    a, on, can = table.set_out(*specs, distractors=(0, 2), avoid=kinds)
    x, y = (round(float(v), 4) for v in table.world.pose(can)[:2, 3])
    moved = Moved(object=can, start=(x, y), distance_m=0.04)
    words = table.say(f"put the {colors[0]} block on the plate and push the can")
    return Setup(words, (On(object=a, support=on), moved))


def if_there_is(table: Table) -> Setup:
    """If there is a duck, grab it, otherwise the can: each in half of the scenes."""
    colors = table.colors("can", "duck")
    there = bool(table.rng.random() < 0.5)
    can = sample_object("can", colors[0], table.rng)
    duck = sample_object("duck", colors[1], table.rng)
    specs = [can, duck] if there else [can]
    names = table.set_out(*specs, distractors=(1, 4), avoid=("duck", "can"))
    words = table.say("if there is a duck, grab it, otherwise grab the can",
                     "if you see a duck, pick up the duck, else pick up the can")  # fmt: skip
    return Setup(words, (Holding(object=names[-1] if there else names[0]),))


def put_back(table: Table) -> Setup:
    """Put a block on the plate, then put it back where it was."""
    colors = table.colors("block", "plate")
    block = sample_object("block", colors[0], table.rng)
    plate = sample_object("plate", colors[1], table.rng)
    a, on = table.set_out(block, plate, distractors=(0, 2), avoid=("block", "plate"))
    x, y = (round(float(v), 4) for v in table.world.pose(a)[:2, 3])
    words = table.say("put the block on the plate and then put it back")
    there = On(object=a, support=on)
    goal = (At(object=a, point=(x, y), tolerance_m=0.06), Holding(object=None))
    return Setup(words, goal, never=(there,), once=(there,))


STEPS = told(
    three_steps,
    set_the_table,
    set_for_two,
    clear_the_table,
    pack_the_bowl,
    put_and_push,
    if_there_is,
    put_back,
)
"""The tasks of this family."""
