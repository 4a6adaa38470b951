"""Questions, and what cannot be done: nothing moves, the right ending counts."""

from handeye.perception.conditions import At, Condition, Holding

from ..objects import CATEGORIES, Category, sample_object
from .task import Setup, Table
from .told import told

_BLOCK: tuple[Category, ...] = ("block",)


def ask_how_many(table: Table) -> Setup:
    """Say how many blocks there are."""
    count = int(table.rng.integers(1, 4))
    names = table.set_out(
        *table.each("block", table.colors(*count * _BLOCK)), distractors=(1, 4), avoid=["block"]
    )
    words = table.say("how many blocks are there?", "how many blocks do you see?",
                     unseen=("count the blocks",))  # fmt: skip
    return Setup(words, _untouched(table, names), ending="answers", answer=(str(count),))


def ask_whether(table: Table) -> Setup:
    """Say whether there is a ball of a colour."""
    color, other = table.colors("ball", "ball")
    there = bool(table.rng.random() < 0.5)
    ball = sample_object("ball", color if there else other, table.rng)
    names = table.set_out(ball, distractors=(2, 5), avoid=["ball"])
    words = table.say(f"is there a {color} ball?", f"do you see a {color} ball?")
    answer = ("yes",) if there else ("no",)
    return Setup(words, _untouched(table, names), ending="answers", answer=answer)


def ask_where(table: Table) -> Setup:
    """Say what the block is on."""
    colors = table.colors("block", "plate")
    block = sample_object("block", colors[0], table.rng)
    plate = sample_object("plate", colors[1], table.rng, size="big")
    a, under = table.set_out(block, plate, distractors=(1, 3), avoid=("block", "plate"))
    table.lay(a, under, 0.3)
    words = table.say(
        "is the block on the plate?", f"is the {colors[0]} block on the {colors[1]} plate?"
    )
    return Setup(words, _untouched(table, [under]), ending="answers", answer=("yes",))


def grab_ambiguous(table: Table) -> Setup:
    """Grab "the cup" where there are two: the right thing is to ask which."""
    names = table.set_out(
        *table.each("cup", table.colors("cup", "cup")), distractors=(1, 4), avoid=["cup"]
    )
    words = table.say("grab the cup", "pick up the cup", unseen=("take the mug",))
    return Setup(words, _untouched(table, names), ending="asks")


def grab_absent(table: Table) -> Setup:
    """Grab what is not there: the right thing is to say so."""
    absent = CATEGORIES[int(table.rng.integers(len(CATEGORIES)))]
    names = table.set_out(table.draw([c for c in CATEGORIES if c != absent]), avoid=(absent,))
    words = table.say(f"grab the {absent}", f"pick up the {absent}")
    return Setup(words, _untouched(table, names), ending="refuses")


def do_the_impossible(table: Table) -> Setup:
    """What an arm cannot do: the right thing is to refuse."""
    cup = table.draw(["cup"])
    names = table.set_out(cup, distractors=(1, 4), avoid=["cup"])
    words = table.say("sing a song", "make me a coffee", "paint the cup green",
                     unseen=("dance a waltz", "phone my mother"))  # fmt: skip
    return Setup(words, _untouched(table, names), ending="refuses")


def _untouched(table: Table, names: list[str]) -> tuple[Condition, ...]:
    """Nothing is held and these things stand where they stood."""
    still = [At(object=n, point=table.middle(n), tolerance_m=0.04) for n in names]
    return (Holding(object=None), *still)


ASKING = told(
    ask_how_many,
    ask_whether,
    ask_where,
    grab_ambiguous,
    grab_absent,
    do_the_impossible,
)
"""The tasks of this family."""
