"""Addresses of servers and cameras: what of them is told, and what in them is nobody's business."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import unquote

_SECRET = "user|usr|login|account|pas|pwd|token|jwt|key|secret|auth|sig|session|credential"
"""Parts of what the parameters of an address are called whose values concern nobody."""
_PARAMETER = re.compile(
    # The tokens of most_tokens open no door.
    rf"((?<![?&]most)[?&;#/_](?!most_tokens=)(?:[\w.%-]*(?:{_SECRET})[\w.%-]*|u|p)=)"
    # Some write their parameters into the path, with "_" between them.
    r"((?:(?!_[a-z]{3,}=[^=&;#])[^&;#])+)",
    re.I,
)
_LEAST = 4
"""What is shorter is a word of its own somewhere, and no secret worth the name."""


def redacted(url: str) -> str:
    """A URL without the user, the password and the tokens that may be in it; else as it is."""
    scheme, _, bare = _parted(url)
    return scheme + _PARAMETER.sub(r"\1…", bare)


def secrets_of(url: str) -> tuple[str, ...]:
    """What `redacted` leaves out of a URL, in every form in which a server may repeat it."""
    _, user, bare = _parted(url)
    whole = unquote(user)
    found = [user, whole, *user.split(":", 1), *whole.split(":", 1)]
    found.append(base64.b64encode(whole.encode()).decode())
    for _, value in _PARAMETER.findall(bare):
        found += [value, unquote(value)]
    return tuple(dict.fromkeys(one for one in found if len(one) >= _LEAST))


def without(text: str, secrets: Iterable[str]) -> str:
    """A text with *** where one of some secrets stands."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _parted(url: str) -> tuple[str, str, str]:
    """(scheme and strokes, user and password, the rest) of a URL."""
    scheme, strokes, rest = url.partition("://")
    host = re.match(r"[^/?#]*", rest)
    authority = host[0] if host else ""
    # What follows a host's colon is a number; else it is a password, whatever signs are in it.
    open_ended = re.fullmatch(r"[^@\[\]]+:(?!\d*$).*", authority)
    user = (rest if open_ended else authority).rpartition("@")[0]
    return scheme + strokes, user, rest[len(user) + 1 :] if user else rest
