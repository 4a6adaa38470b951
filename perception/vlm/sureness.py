"""How sure a model was of what it wrote: its own probabilities of the tokens that count."""

import re
from collections.abc import Sequence

from .written import THOUGHTS_END, without_thoughts, yes_or_no


def sureness(tokens: Sequence[tuple[str, float]], text: str) -> float | None:
    """Mean probability of the tokens of an answer, 0..1; None where there are none.

    What a model thought before does not count, and of "Yes, it is." that one word.

    Args:
        tokens: (as written, probability) of all that the model wrote, thoughts and all.
        text: what it wrote, with its thoughts or without.
    """
    answer = without_thoughts(text)
    before, counted = "", answer
    if word := yes_or_no(text):
        at = re.search(rf"\b{word}\b", answer, re.IGNORECASE)
        before, counted = (answer[: at.start()], at[0]) if at else ("", answer)
    # Single tokens lose spaces.
    pieces = [_dense(token) for token, _ in tokens]
    written = "".join(pieces)
    start = written.rfind(_dense(answer)) if _dense(answer) else -1
    if start >= 0:
        start += len(_dense(before))
        end = start + len(_dense(counted))
    else:
        thought = written.rfind(THOUGHTS_END)
        start = 0 if thought < 0 else thought + len(THOUGHTS_END)
        end = len(written)
    shares, place = [], 0
    for piece, (_, share) in zip(pieces, tokens, strict=True):
        if place < end and place + len(piece) > start:
            shares.append(min(share, 1.0))
        place += len(piece)
    return sum(shares) / len(shares) if shares else None


def _dense(text: str) -> str:
    return re.sub(r"\s", "", text)
