"""Words: from what was typed to the terms of a lexicon, typing errors included."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from handeye.perception.yaml_file import parse_yaml

MAX_CHARACTERS = 600
_LONGEST = 7
_TYPO_LENGTH = 4


@dataclass(frozen=True)
class Terms:
    """A sentence in a lexicon's terms.

    Attributes:
        terms: in order, as the grammar knows them.
        unknown: words that are in no lexicon, as typed.
        corrected: (typed, taken for) pairs.
    """

    terms: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    corrected: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Lexicon:
    """Wordings by their terms, of one language."""

    wordings: dict[tuple[str, ...], str]
    vocabulary: frozenset[str]


@lru_cache(maxsize=4)
def lexicon(language: str = "en") -> Lexicon:
    """The lexicon of a language."""
    file = resources.files(__package__) / f"lexicon_{language}.yaml"
    table: dict[str, list[str]] = parse_yaml(file.read_text(encoding="utf-8"))
    wordings: dict[tuple[str, ...], str] = {}
    for term, phrases in table.items():
        for phrase in phrases:
            words = tuple(str(phrase).split())
            wordings[words] = term
            if term.startswith("CAT_"):
                wordings[(*words[:-1], _plural(words[-1]))] = term
    return Lexicon(wordings, frozenset(word for words in wordings for word in words))


def to_terms(text: str, language: str = "en") -> Terms:
    """Turn a sentence into terms: longest wordings first, then the nearest word."""
    book = lexicon(language)
    words = _split(text)
    terms: list[str] = []
    unknown: list[str] = []
    corrected: list[tuple[str, str]] = []
    fixed = [_correct(word, book, corrected) for word in words]
    i = 0
    while i < len(fixed):
        length, term = _longest(fixed, i, book)
        if term is None:
            number = re.fullmatch(r"\d+(?:\.\d+)?", fixed[i])
            if fixed[i] == ",":
                terms.append(",")
            elif number:
                terms.append(f"NUMBER_{fixed[i]}")
            else:
                unknown.append(words[i])
        elif term != "noise":
            terms.append(term)
        i += length
    return Terms(tuple(terms), tuple(unknown), tuple(corrected))


def _split(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).lower()
    plain = re.sub(r"(\d)\s*(cm|centimet)", r"\1 \2", plain)
    plain = re.sub(r"[.;!?:]+(?=\s|$)", " , ", plain)
    return re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?|,|[^\w\s]", plain)


def _longest(words: list[str], i: int, book: Lexicon) -> tuple[int, str | None]:
    for length in range(min(_LONGEST, len(words) - i), 0, -1):
        term = book.wordings.get(tuple(words[i : i + length]))
        if term is not None:
            return length, term
    return 1, None


def _correct(word: str, book: Lexicon, corrected: list[tuple[str, str]]) -> str:
    """The only word of the vocabulary within one edit of a longer unknown word, or the word."""
    if word in book.vocabulary or len(word) < _TYPO_LENGTH or not word.isalpha():
        return word
    near = sorted(known for known in book.vocabulary if len(known) >= 3 and _one_edit(word, known))
    same_start = [known for known in near if known[0] == word[0]] or near
    if len(same_start) != 1:
        return word
    corrected.append((word, same_start[0]))
    return same_start[0]


def _one_edit(a: str, b: str) -> bool:
    """Whether one insertion, deletion, replacement or swap of neighbours turns a into b."""
    if abs(len(a) - len(b)) > 1:
        return False
    if len(a) == len(b):
        apart = [i for i in range(len(a)) if a[i] != b[i]]
        swapped = (
            len(apart) == 2
            and apart[1] == apart[0] + 1
            and a[apart[0]] == b[apart[1]]
            and a[apart[1]] == b[apart[0]]
        )
        return len(apart) <= 1 or swapped
    short, long = sorted((a, b), key=len)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def _plural(word: str) -> str:
    return word + "es" if word.endswith(("s", "x", "sh")) else word + "s"
