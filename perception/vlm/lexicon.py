"""The words that the embedded VLM knows, and how phrases are made of them.

A `Description` is what a phrase says; `say` puts it into words, in many ways, for training;
`read` gets it back from words.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

CATEGORY_WORDS: dict[str, tuple[str, ...]] = {
    "cup": ("cup", "mug"),
    "bowl": ("bowl",),
    "plate": ("plate", "dish"),
    "block": ("block", "cube", "brick"),
    "ball": ("ball", "sphere"),
    "can": ("can", "tin"),
    "bottle": ("bottle",),
    "box": ("box", "carton"),
    "duck": ("duck", "rubber duck"),
    "lego": ("lego", "lego brick"),
    "teddy": ("teddy", "teddy bear", "bear"),
    "drawer": ("drawer", "cabinet"),
    "fridge": ("fridge", "refrigerator"),
}
FURNITURE = ("drawer", "fridge")
"""The categories that are open or closed."""
COLOR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red",),
    "orange": ("orange",),
    "yellow": ("yellow",),
    "green": ("green",),
    "blue": ("blue",),
    "purple": ("purple", "violet"),
    "pink": ("pink",),
    "brown": ("brown",),
    "white": ("white",),
    "black": ("black",),
}
THING_WORDS = ("thing", "object", "one")
SIZE_WORDS: dict[str, tuple[str, ...]] = {"small": ("small", "little"), "big": ("big", "large")}
STATE_WORDS: dict[str, tuple[str, ...]] = {"open": ("open",), "closed": ("closed", "shut")}
HELD_PHRASES = ("in the gripper", "held by the gripper", "in the hand")
RELATION_PHRASES: dict[str, tuple[str, ...]] = {
    "on": ("on", "on top of"),
    "in": ("in", "inside"),
}
FILLERS = ("the", "a", "an", "of", "by", "top")

Relation = Literal["on", "in"]


@dataclass(frozen=True)
class Description:
    """What a phrase says of one object.

    Attributes:
        category, color: None where it doesn't say.
        size: "small" or "big" among its kind, or None.
        state: "open" or "closed", or None.
        held: True if it says that the gripper holds it.
        relation: "on" or "in", with `other`.
        other: what it is on or in.
    """

    category: str | None = None
    color: str | None = None
    size: str | None = None
    state: str | None = None
    held: bool = False
    relation: Relation | None = None
    other: "Description | None" = None


def say(description: Description, rng: np.random.Generator) -> str:
    """Put a description into words, one of many ways."""

    def pick(words: tuple[str, ...]) -> str:
        return words[0] if rng.random() < 0.6 else words[int(rng.integers(len(words)))]

    words = []
    if rng.random() < 0.5:
        words.append("the")
    if description.size:
        words.append(pick(SIZE_WORDS[description.size]))
    if description.state:
        words.append(pick(STATE_WORDS[description.state]))
    if description.color:
        words.append(pick(COLOR_WORDS[description.color]))
    names = CATEGORY_WORDS[description.category] if description.category else THING_WORDS
    words.append(pick(names))
    if description.held:
        words.append(pick(HELD_PHRASES))
    if description.relation and description.other:
        words.append(pick(RELATION_PHRASES[description.relation]))
        other = say(description.other, rng)
        words.append(other if other.startswith("the ") else f"the {other}")
    return " ".join(words)


def vocabulary() -> list[str]:
    """Every word that the tokenizer knows, in a fixed order."""
    phrases = [
        *(w for words in CATEGORY_WORDS.values() for w in words),
        *(w for words in COLOR_WORDS.values() for w in words),
        *THING_WORDS,
        *(w for words in SIZE_WORDS.values() for w in words),
        *HELD_PHRASES,
        *(w for words in RELATION_PHRASES.values() for w in words),
        *FILLERS,
        *(w for words in STATE_WORDS.values() for w in words),
    ]
    return list(dict.fromkeys(word for phrase in phrases for word in phrase.split()))


def _alternatives(table: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {word: name for name, words in table.items() for word in words}


_CATEGORY = _alternatives(CATEGORY_WORDS)
_COLOR = _alternatives(COLOR_WORDS)
_SIZE = _alternatives(SIZE_WORDS)
_STATE = _alternatives(STATE_WORDS)
_HELD = re.compile(r"\b(?:is\s+)?(?:in|held\s+by|held\s+in|inside)\s+the\s+(?:gripper|hand)\b")
_LINK = re.compile(r"\b(on\s+top\s+of|on|inside|in)\s+(?=the\b|a\b|an\b)")
_ARTICLES = {"the", "a", "an", "that", "is", "which"}


def read(phrase: str, categories: Collection[str] = ()) -> Description | None:
    """What a phrase says; None when it has a word that is not known.

    Args:
        phrase: such as "the red cup on the plate".
        categories: known besides the lexicon's own, each one word.
    """
    text = re.sub(r"[^a-z\s]", " ", phrase.lower())
    held = _HELD.search(text) is not None
    text = _HELD.sub(" ", text)
    link = _LINK.search(text)
    if link:
        head = read(text[: link.start()], categories)
        other = read(text[link.end() :], categories)
        if head is None or other is None:
            return None
        relation: Relation = "on" if link[1].startswith("on") else "in"
        return replace(head, held=held, relation=relation, other=other)
    return _noun(text, held, {**{name: name for name in categories}, **_CATEGORY})


def _noun(text: str, held: bool, known: dict[str, str]) -> Description | None:
    found: dict[str, str] = {}
    named = False
    for long, short in (("rubber duck", "duck"), ("lego brick", "lego"), ("teddy bear", "teddy")):
        text = text.replace(long, short)
    for word in text.split():
        singular = next((w for w in _singulars(word) if w in known), word)
        if singular in known:
            found["category"], named = known[singular], True
        elif word in _COLOR:
            found["color"], named = _COLOR[word], True
        elif word in _SIZE:
            found["size"] = _SIZE[word]
        elif word in _STATE:
            found["state"] = _STATE[word]
        elif word in THING_WORDS:
            named = True
        elif word not in _ARTICLES:
            return None
    if not named:
        return None
    return Description(
        found.get("category"), found.get("color"), found.get("size"), found.get("state"), held
    )


def _singulars(word: str) -> tuple[str, ...]:
    """The word, and what it may be the plural of: of "boxes", "box" and "boxe"."""
    found: tuple[str, ...] = (word,)
    if word.endswith("ies"):
        found += (word[:-3] + "y",)
    if word.endswith("es"):
        found += (word[:-2],)
    if word.endswith("s"):
        found += (word[:-1],)
    return found
