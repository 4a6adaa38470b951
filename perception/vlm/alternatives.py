"""Questions of the form "… or …": what each alternative would be called in a picture."""

import re

_DETERMINERS = r"(?:the|this|that|these|those|my|your|his|her|its|their)"
_FILLER = re.compile(
    r"^(?:(?:is|are)\s+(?:it|this|that|these|those|they|there)\b"
    r"|what\s+(?:is|are)\s+(?:it|this|that|these|those|they)\b[,:]?|(?:what|which)\b[^,:]*[,:])\s*",
    re.IGNORECASE,
)
_THING = re.compile(rf"^(?:is|are)\s+(?={_DETERMINERS}\s+(?!an?\s|the\s))", re.IGNORECASE)
_PLACE = re.compile(
    r"\b(?:on|in|inside|outside|under|below|above|over|behind|beside|near|at|by|between|left"
    r"|right|next|upon|within)\b",
    re.IGNORECASE,
)
_OR = re.compile(r",\s*(?:or\s+)?|\s+or\s+", re.IGNORECASE)


def alternatives(question: str) -> dict[str, str]:
    """What a picture would show, by the alternatives of a question, as the question words them.

    Of "is the cup red or blue?" {"red": "red cup", "blue": "blue cup"}; of "is it a cup or a
    bowl?" {"a cup": "a cup", "a bowl": "a bowl"}. Empty where a question leaves nothing to choose.
    """
    words = question.strip().rstrip("?？").strip()
    about = _THING.match(words)
    if about:
        found = _of_a_thing(_parts(words[about.end() :]))
        if found is not None:
            return found
    return _chosen({part: part for part in _parts(words)})


def _parts(words: str) -> list[str]:
    parts = (_FILLER.sub("", part.strip()).strip() for part in _OR.split(_FILLER.sub("", words)))
    return [part for part in parts if part]


def _chosen(found: dict[str, str]) -> dict[str, str]:
    """None of "… or not?", which asks for yes or no."""
    return found if len(found) > 1 and not {"no", "not"} & found.keys() else {}


def _of_a_thing(parts: list[str]) -> dict[str, str] | None:
    """Of "the cup red", "blue"; None where nothing is left of the thing."""
    if len(parts) < 2:
        return None
    first, *others = parts
    placed = _PLACE.match(others[0])
    if placed:
        place = _PLACE.search(first)
        at = place.start() if place else 0
    else:
        # As many words as the other alternative has.
        words = re.findall(r"\S+\s*", first)
        at = len("".join(words[: -len(others[0].split())]))
    thing = re.sub(rf"^{_DETERMINERS}\b\s*", "", first[:at].strip(), flags=re.IGNORECASE)
    if not thing:
        return None
    found = [first[at:], *others]
    if re.match(r"an?\s", others[0], re.IGNORECASE):
        return _chosen({part: part for part in found})
    if placed:
        return _chosen({part: f"{thing} {part}" for part in found})
    return _chosen({part: f"{part} {thing}" for part in found})
