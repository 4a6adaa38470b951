"""JSON as models write it: in fences and prose, in Python's manner, with comments, or cut off."""

import json
import re
from typing import Any, NamedTuple

from .written import without_thoughts

_FENCE = re.compile(r"```\w*\s*(.*?)(?:```|$)", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<space>[\s,]++|//[^\n]*+|\#[^\n]*+|/\*.*?\*/)
    |(?P<text>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')
    |(?P<number>[-+]?(?:\d++\.?\d*+|\.\d++)(?:[eE][-+]?\d++)?)
    |(?P<word>[A-Za-z_]\w*+)
    |(?P<mark>[\[\](){}:])""",
    re.VERBOSE | re.DOTALL,
)
"""A comma only parts what is apart anyway, so a missing or a second one does no harm."""
_WORDS = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "None": None,
}  # fmt: skip
_CLOSES = {"{": "}", "[": "]", "(": ")"}
_DEEPEST = 100


class Value(NamedTuple):
    """A list or an object that was written.

    Attributes:
        value: as far as it could be read.
        whole: whether it was closed; else it breaks off, or is not well formed from there on.
    """

    value: Any
    whole: bool


def read_json(text: str) -> Any:
    """The JSON in a text: fenced, in prose, or cut off; None where there is none.

    Of several values it is the first that has an object in it, or else the first.
    """
    values = [one.value for one in read_values(text)]
    return next((value for value in values if _has_object(value)), values[0] if values else None)


def read_values(text: str) -> list[Value]:
    """Every list and object in a text, in the order written; of fenced ones only those in fences.

    What a model wrote while it thought is no part of it.
    """
    text = without_thoughts(text)
    fenced = [value for body in _FENCE.findall(text) for value in _values(body)]
    return fenced or _values(text)


def holds_whole_list(text: str) -> bool:
    """Whether a text holds one list of lists or objects, by itself or in an object, to its end."""
    values = read_values(text)
    if len(values) != 1 or not values[0].whole:
        return False
    value = values[0].value
    lists = [*value.values()] if isinstance(value, dict) else [value]
    return any(isinstance(v, list) and v and isinstance(v[0], list | dict) for v in lists)


def _has_object(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict) for item in value)
    )


def _values(text: str) -> list[Value]:
    found = []
    start = re.compile(r"[{\[]")
    decoder = json.JSONDecoder()
    at = start.search(text)
    while at:
        try:
            value, end = decoder.raw_decode(text, at.start())
            found.append(Value(value, True))
        except json.JSONDecodeError:
            reading = _Reading(text, at.start())
            end = reading.end
            found.append(Value(reading.root[0], reading.whole))
        except (ValueError, RecursionError):
            # Numbers of thousands of digits, brackets without end: nothing sensible follows.
            break
        at = start.search(text, end)
    return found


class _Reading:
    """One value that is no strict JSON, read up to where it is well formed.

    A number at the very end of the text is left out: it may have lost digits.

    Attributes:
        root: a list with the value in it.
        end: where the reading ended, beyond its start.
        whole: whether the value was closed there.
    """

    def __init__(self, text: str, start: int) -> None:
        self.root: list[Any] = []
        self.end = start
        self.whole = False
        self._open: list[tuple[Any, str]] = [(self.root, "")]
        self._key: str | None = None
        self._told = False
        while not self.whole and (token := _TOKEN.match(text, self.end)):
            cut = token.lastgroup == "number" and token.end() == len(text)
            if cut or not self._take(str(token.lastgroup), token[0]):
                break
            self.end = token.end()

    def _take(self, kind: str, token: str) -> bool:
        """Whether a token may stand where it does."""
        if kind == "space":
            return True
        if token in _CLOSES:
            return self._begin(token)
        if token == self._open[-1][1] and self._key is None:
            self._open.pop()
            self.whole = len(self._open) == 1
            return True
        if token == ":":
            told, self._told = self._told, True
            return self._key is not None and not told
        if kind == "mark":
            return False
        if self._open[-1][1] == "}" and self._key is None:
            self._key = _unquoted(token) if kind == "text" else token
            return True
        return self._scalar(kind, token)

    def _begin(self, mark: str) -> bool:
        made: Any = {} if mark == "{" else []
        if len(self._open) > _DEEPEST or not self._add(made):
            return False
        self._open.append((made, _CLOSES[mark]))
        return True

    def _scalar(self, kind: str, token: str) -> bool:
        if kind == "word":
            return token in _WORDS and self._add(_WORDS[token])
        if kind == "text":
            return self._add(_unquoted(token))
        return self._add(int(token) if token.isdecimal() and len(token) < 20 else float(token))

    def _add(self, value: Any) -> bool:
        container = self._open[-1][0]
        if isinstance(container, list):
            container.append(value)
            return True
        if self._key is None or not self._told:
            return False
        container[self._key] = value
        self._key, self._told = None, False
        return True


def _unquoted(token: str) -> str:
    inner = token[1:-1]
    if token[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except json.JSONDecodeError:
        return inner
