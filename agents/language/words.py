"""Words: from what was typed to the terms of a lexicon, typing errors included."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from handeye.perception.scene import Scene
from handeye.perception.yaml_file import parse_yaml

from .rewording import HELPERS, UNABLE, reworded
from .structure import NOTE, VERBS

MAX_CHARACTERS = 2000
_HAN = "\u4e00-\u9fff"
_LONGEST = 10
_TYPO_LENGTH = 3

Wordings = Mapping[tuple[str, ...], str]
"""Words in order -> term."""


@dataclass(frozen=True)
class Terms:
    """A sentence in a lexicon's terms.

    Attributes:
        terms: in order, as the grammar knows them; an unknown word is "UNK_" and the word.
        unknown: words that are in no lexicon, as typed.
        corrected: (typed, taken for) pairs.
    """

    terms: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    corrected: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Lexicon:
    """Wordings by their terms, of one language.

    Attributes:
        wordings: words in order -> term.
        vocabulary: every word in them.
        known: further words of the language, which are no typing errors.
        unable: verbs of the language that nothing is done for; no typing errors, either.
        pairs: the two words that a longer wording begins with.
    """

    wordings: Wordings
    vocabulary: frozenset[str]
    known: frozenset[str]
    unable: frozenset[str]
    pairs: frozenset[tuple[str, ...]]


@lru_cache(maxsize=4)
def lexicon(language: str = "en") -> Lexicon:
    """The lexicon of a language."""
    file = resources.files(__package__) / f"lexicon_{language}.yaml"
    table: dict[str, list[str]] = parse_yaml(file.read_text(encoding="utf-8"))
    unable = frozenset(str(word) for word in table.pop("unable", []))
    known = unable | {str(word) for word in table.pop("known", [])}
    wordings: dict[tuple[str, ...], str] = {}
    for term, phrases in table.items():
        for phrase in phrases:
            words = tuple(_split(str(phrase)))
            wordings[words] = term
            if term.startswith("CAT_") and language == "en":
                wordings[_plural(words)] = _many(term)
    unable |= {words[0] for words, term in wordings.items() if term in UNABLE}
    vocabulary = frozenset(word for words in wordings for word in words)
    pairs = frozenset(words[:2] for words in wordings if len(words) > 1)
    return Lexicon(wordings, vocabulary, known, unable, pairs)


def language_of(text: str) -> str:
    """ "zh" for a text with Chinese characters in it, else "en"."""
    return "zh" if re.search(rf"[{_HAN}]", text) else "en"


def canonical(word: str, kind: str, language: str = "en") -> str:
    """A category or colour as the lexicon calls it: "mug" is "cup"; unknown ones stay."""
    term = lexicon(language).wordings.get(tuple(_split(word)), "")
    return term.split("_", 1)[1] if term.startswith(f"{kind}_") else "_".join(_split(word))


def scene_words(scene: Scene, language: str = "en") -> Wordings:
    """What the scene calls its things, where the lexicon has no word for it.

    Ids and whole names stand for the objects themselves: "CAT_#id" and "CAT_=name".
    """
    book = lexicon(language).wordings
    found: dict[tuple[str, ...], str] = {}

    def add(words: list[str], term: str) -> None:
        key = tuple(words[:_LONGEST])
        if not key or key in book or key in found:
            return
        found[key] = term
        if term.startswith("CAT_") and not term.startswith("CAT_#"):
            found.setdefault(_plural(key), _many(term))

    for name, thing in scene.objects.items():
        add(_split(thing.category), f"CAT_{canonical(thing.category, 'CAT')}")
        if thing.color:
            add(_split(thing.color), f"COLOR_{canonical(thing.color, 'COLOR')}")
        plain = _split(f"{thing.color or ''} {thing.category}")
        words = _split(thing.name)
        if words != plain:
            add(words, f"CAT_={'_'.join(words)}")
        if not _is_description(_split(name), book):
            add(_split(name), f"CAT_#{name}")
        for word in words if len(words) > 1 else ():
            add([word], f"TRAIT_{word}")
    return found


def _is_description(words: list[str], book: Mapping[tuple[str, ...], str]) -> bool:
    """Whether an id such as red_block only says what is seen: others may look the same."""
    terms = [book.get((word,), "") for word in words]
    *before, last = terms or [""]
    return last.startswith("CAT_") and all(term.startswith("COLOR_") for term in before)


def to_terms(text: str, scene: Wordings | None = None, language: str = "en") -> Terms:
    """Turn a sentence into terms: longest wordings first, then the nearest word."""
    book, own = lexicon(language), scene or {}
    words = _split(text)
    own_words = frozenset(word for key in own for word in key)
    fixed = [
        word if word in own_words else _correct(word, "".join(words[i + 1 : i + 2]), language)
        for i, word in enumerate(words)
    ]
    corrected = tuple((a, b) for a, b in zip(words, fixed, strict=True) if a != b)
    terms: list[str] = []
    unknown: list[str] = []
    typed: dict[str, str] = {}
    notes: list[str] = []
    i = 0
    while i < len(fixed):
        length, term = _longest(fixed, i, book.wordings, own)
        if term is None:
            if fixed[i] in (",", ".", ":"):
                terms.append(fixed[i])
            elif re.fullmatch(r"\d{1,4}(?:\.\d{1,3})?", fixed[i]):
                terms.append(f"NUMBER_{fixed[i]}")
            else:
                unknown.append(words[i])
                terms.append(f"UNK_{words[i]}")
        elif term.startswith(NOTE):
            notes.append(term)
        elif term == "HALT":
            if terms or not _goes_on(fixed, i, length, language):
                unknown += words[i : i + length]
                joint = "_" if language == "en" else ""
                terms.append(f"UNK_{joint.join(words[i : i + length])}")
        elif term != "noise":
            terms += term.split()
            if term in HELPERS:
                typed[term] = "_".join(words[i : i + length])
        i += length
    terms = _seen_from(_without_heading(terms))
    only = terms.count("ONLY")
    terms = reworded(terms, typed) if language == "en" else [t for t in terms if t != "ONLY"]
    if only and not any(term in ("UNK_only", "ONLY") for term in terms):
        notes.append(f"{NOTE}only")
    return Terms((*_counted_off(terms), *dict.fromkeys(notes)), tuple(unknown), corrected)


def _goes_on(words: list[str], at: int, length: int, language: str) -> bool:
    """Whether "wait", "hold on" only leads over to what is to be done.

    Without a comma one word may have an object of its own: "stop pushing" is no pushing.
    """
    end = at + length
    if end + 1 < len(words) and words[end] in (",", "."):
        return True
    if language != "en" or length == 1 or end == len(words):
        return False
    return _longest(words, end, lexicon(language).wordings, {})[1] in VERBS


def _without_heading(terms: list[str]) -> list[str]:
    """ "Clear the table: put …": what is said of the whole table is what follows, spelt out."""
    while ":" in terms:
        at = terms.index(":")
        start = max((i + 1 for i, term in enumerate(terms[:at]) if term == "."), default=0)
        heading = [term for term in terms[start:at] if term not in ("DET", "THEN", ",")]
        whole = heading == ["TIDY"] or (
            len(heading) == 2 and heading[0] in _OF_THE_TABLE and heading[1] == "TABLE"
        )
        rest = terms[at + 1 :]
        end = rest.index(".") if "." in rest else len(rest)
        listed = not {*VERBS, "MUST", "SHALL", "IS"} & set(rest[:end])
        if whole:
            terms = [*terms[:start], *(["PUT"] if listed else []), *rest]
        else:
            # "Pack the box: the duck and the teddy."
            packed = heading[:1] == ["PACK"] and listed
            terms = [*terms[:at], "WITH" if packed else ",", *rest]
    return terms


_OF_THE_TABLE = frozenset(("TIDY", "CLEAR", "EMPTY", "PUT", "ARRANGE"))
"""What may be done to a table as a whole: "set the table" is read as a putting."""
_OPPOSITE = {
    "left": "right",
    "near": "far",
    "front": "back",
    "closer": "away",
    "LEFT": "RIGHT",
    "FRONT": "BACK",
}
_TURNED = _OPPOSITE | {there: here for here, there in _OPPOSITE.items()}


def _seen_from(terms: list[str]) -> list[str]:
    """Sides as the robot has them; the user sits across the table and has them turned around."""
    turned = "VIEW_user" in terms
    rest = [term for term in terms if not term.startswith("VIEW_")]
    return [_across(term) for term in rest] if turned else rest


def _across(term: str) -> str:
    kind, _, value = term.partition("_")
    if kind in ("DIR", "SPOT", "EDGE"):
        return f"{kind}_{'_'.join(_TURNED.get(word, word) for word in value.split('_'))}"
    if term in ("FRONT_OF", "BEHIND"):
        return "BEHIND" if term == "FRONT_OF" else "FRONT_OF"
    for side, other in _TURNED.items():
        if side.isupper() and term in (f"{side}_OF", f"{side}MOST"):
            return term.replace(side, other)
    return term


def _counted_off(terms: list[str]) -> tuple[str, ...]:
    """ "First grab …, second put …": what counts steps only orders them; "one block" is 1."""
    found = []
    for i, term in enumerate(terms):
        following = terms[i + 1] if i + 1 < len(terms) else ""
        steps = term.startswith("RANK_") and (following in VERBS or following in (",", "THEN"))
        one = term == "CAT_one" and following.startswith(("CAT_", "COLOR_", "SIZE_"))
        found.append("THEN" if steps else "NUMBER_1" if one else term)
    return tuple(found)


def _split(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).lower().replace("’", "'")
    plain = re.sub(r"(\d)\s*(cm|centimet)", r"\1 \2", plain)
    # Chinese is written without spaces: each character is a word of its own here.
    plain = re.sub(rf"([{_HAN}])", r" \1 ", plain.replace("。", " . "))
    plain = re.sub(r"[.;!?…]+(?=\s|$)", " . ", plain)
    plain = re.sub(r":(?=\s|$)", " : ", plain)
    plain = re.sub(r"(?<=\w)-(?=[^\W\d])", " ", plain)
    pattern = r"[^\W\d]+_\d+|\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?|,|[^\w\s]"
    return re.findall(pattern, plain)


def _longest(words: list[str], i: int, book: Wordings, own: Wordings) -> tuple[int, str | None]:
    for length in range(min(_LONGEST, len(words) - i), 0, -1):
        key = tuple(words[i : i + length])
        term = own.get(key) or book.get(key)
        if term is not None:
            return length, term
    return 1, None


@lru_cache(maxsize=4096)
def _correct(word: str, following: str, language: str) -> str:
    """The only word of the vocabulary that is a likely slip away from an unknown one, or the word.

    Of several, the one that belongs to the word that follows: "pik up" is neither pin nor pink.
    A slip keeps the first letter. In short words letters are swapped or left out; only in longer
    ones is a letter taken for another, for too many short words are words of their own.
    """
    book = lexicon(language)
    if word in book.vocabulary or word in book.known:
        return word
    if not _TYPO_LENGTH <= len(word) <= 20 or not word.isalpha():
        return word
    near = [known for known in book.vocabulary if len(known) >= 3 and _slip(word, known)]
    if len(near) > 1:
        near = [known for known in near if (known, following) in book.pairs]
    return near[0] if len(near) == 1 else word


def _slip(typed: str, meant: str) -> bool:
    """Whether one swap of neighbours, one missing, doubled or wrong letter turns meant to typed."""
    if typed[0] != meant[0] or abs(len(typed) - len(meant)) > 1:
        return False
    if len(typed) == len(meant):
        apart = [i for i in range(len(typed)) if typed[i] != meant[i]]
        if len(apart) == 1:
            return len(typed) > 4
        return (
            len(apart) == 2
            and apart[1] == apart[0] + 1
            and typed[apart[0]] == meant[apart[1]]
            and typed[apart[1]] == meant[apart[0]]
        )
    if len(typed) > len(meant) and len(meant) < 4:
        return any(
            typed[:i] + typed[i + 1 :] == meant and typed[i] == typed[i - 1]
            for i in range(1, len(typed))
        )
    short, long = sorted((typed, meant), key=len)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def _plural(words: tuple[str, ...]) -> tuple[str, ...]:
    last = words[-1]
    return (*words[:-1], last + "es" if last.endswith(("s", "x", "sh", "ch")) else last + "s")


def _many(term: str) -> str:
    return "CATS_" + term.removeprefix("CAT_")
