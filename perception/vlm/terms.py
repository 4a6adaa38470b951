"""What an OpenAI-compatible server takes, found out from what it refuses."""

import re
import threading
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

_NAMES = {
    "max_tokens": r"\bmax_tokens\b",
    "temperature": r"\btemperature\b",
    "logprobs": r"\blogprobs\b",
    "response_format": r"\bresponse_format\b|\bjson_schema\b|structured output|\bguided",
}
"""What a request can do without, and how a refusal names it."""
_OPTIONAL = ("logprobs", "response_format")
"""What is left out where a refusal names nothing, one after the other."""
_THOUGHTS = 2048
"""Models that want max_completion_tokens think before they write, and count that too."""


class Terms:
    """What a server was found not to take; safe to share between threads."""

    def __init__(self) -> None:
        self._without: tuple[str, ...] = ()
        self._lock = threading.Lock()

    @property
    def without(self) -> tuple[str, ...]:
        """Parameters that are left out, or replaced, from the first try on."""
        return self._without

    def learn(self, without: Iterable[str]) -> None:
        """Remember what had to be left out of a request that was then answered."""
        with self._lock:
            self._without = tuple(dict.fromkeys((*self._without, *without)))


def agreed(request: dict[str, Any], without: Iterable[str]) -> dict[str, Any]:
    """A request without some of its parameters; max_tokens gives way to max_completion_tokens."""
    changed = dict(request)
    for name in without:
        value = changed.pop(name, None)
        if name == "max_tokens" and value is not None:
            changed["max_completion_tokens"] = value + _THOUGHTS
    return changed


def at_fault(said: str, param: str | None, request: dict[str, Any]) -> str | None:
    """The parameter for which a server refused a request; None where nothing can be left out.

    Args:
        said: the refusal.
        param: the parameter that it names, where it has a field for that.
        request: what was refused.
    """
    # FastAPI tells the place apart from the whole request, which it may repeat.
    places = " ".join(re.findall(r'"loc"\s*:\s*\[[^\]]*\]', said))
    for text in (param or "", places, said):
        found = {name: re.search(how, text) for name, how in _NAMES.items() if name in request}
        named = {name: match.start() for name, match in found.items() if match}
        if named:
            return min(named, key=lambda name: named[name])
    return next((name for name in _OPTIONAL if name in request), None)


def wait_asked_s(headers: Any) -> float | None:
    """How long a server asks to wait before the next try, seconds; None where it does not say."""
    try:
        if "retry-after-ms" in headers:
            return max(float(headers["retry-after-ms"]) / 1000, 0.0)
        said = headers.get("retry-after")
        if said is None:
            return None
        if re.fullmatch(r"\d+(?:\.\d+)?", said.strip()):
            return float(said)
        return max(parsedate_to_datetime(said).timestamp() - time(), 0.0)
    except ValueError:
        return None
