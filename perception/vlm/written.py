"""What vision-language models write: boxes and answers as they are told on, answers and tables.

What cannot be read is left out, never guessed. Boxes are read in `written_boxes`.
"""

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .verbs import Box

Convention = Literal["pixels", "thousandths", "shares", "box_2d", "auto"]
"""How box corners are written: in pixels of the image as the model saw it, as 0–1000, as 0–1, as
Gemini's box_2d (0–1000, y first), or told by their size."""

CUT_OFF = "the answer was cut off; rows may be missing"
"""What a chart that a model wrote tells of itself then."""
_MARKUP = re.compile(r"^\s*[#•-]+\s+|(?<!\w)[*_`]+(?=\S)|(?<=\S)[*_`]+(?!\w)")
"""Of Markdown; neither a minus nor a product is one."""
THOUGHTS_END = "</think>"
_THOUGHTS = re.compile(r"^.*</think>|<think>.*?(?:</think>|$)", re.DOTALL)
"""To their end; what begins them may stand in the prompt."""
_YES_OR_NO = re.compile(
    r"(yes|no)\b(?! one\b)(?!\s*(?:/|and\b|or\b)\s*(?:yes|no)\b)", re.IGNORECASE
)
_FIRST_PERSON = (
    r"(?:i (?:do not|don['’]t) know|(?:i have )?no idea"
    r"|i (?:cannot|can['’]t|can not|could not|couldn['’]t|will not|won['’]t)"
    r"|(?:i['’]m |i am )afraid|(?:i['’]m |i am )?(?:sorry|unsure|uncertain|unable"
    r"|not (?:sure|certain|able))|(?:my |i )?apolog(?:y|ies|ise|ize))\b"
)
_IMPERSONAL = (
    r"(?:(?:it['’]s |it is |that is |that['’]s )?(?:unclear|not clear|unknown|impossible"
    r"|not possible|undetermined|indeterminate)|(?:it )?(?:cannot|can['’]t|can not) (?:be )?"
    r"(?:determined?|told|tell|say|said|answer(?:ed)?|see)|n/a)\b"
)
_UNTOLD = re.compile(rf"{_FIRST_PERSON}|{_IMPERSONAL}", re.IGNORECASE)


class Written(NamedTuple):
    """What a model wrote about a frame.

    Attributes:
        text: as it wrote it.
        sure: how sure it was, 0..1.
        seen: (width, height) of the image as the model saw it, where that is known.
        region: (x0, y0, x1, y1), pixels of the frame, that this image showed: beyond the frame
            where it was padded; None for the frame.
        cut: after how many tokens it was cut off; 0 where it came to its own end.
    """

    text: str
    sure: float
    seen: tuple[int, int] | None = None
    region: Box | None = None
    cut: int = 0


@dataclass(frozen=True)
class WrittenBox:
    """A box that a model wrote: pixels of the frame, its label, and a score if it gave one."""

    box: Box
    label: str = ""
    score: float = 1.0


def without_thoughts(text: str) -> str:
    """A text without what a model thought aloud between <think> and </think>."""
    return _THOUGHTS.sub("", text).strip()


def says_nothing(text: str) -> bool:
    """Whether a model says that it cannot tell or will not, or says nothing at all."""
    line = _first_line(text)
    return not line or _UNTOLD.match(line) is not None


def read_answer(text: str) -> str:
    """A short answer: the first line without filler and markup; yes and no in lower case.

    It is "" where the model says that it cannot tell, or will not.
    """
    if says_nothing(text):
        return ""
    return yes_or_no(text) or _first_line(text).rstrip(".").strip()


def yes_or_no(text: str) -> str:
    """ "yes" or "no" where an answer begins with that word, and not with both; else ""."""
    word = _YES_OR_NO.match(_first_line(text))
    return word[1].lower() if word else ""


def _first_line(text: str) -> str:
    lines = (_MARKUP.sub("", part).strip() for part in without_thoughts(text).splitlines())
    line = next((part for part in lines if part), "")
    return re.sub(
        r"^(?:(?:the )?answer(?: is\b|\s*[:\-])|a\s*[:\-])[\s:]*", "", line, flags=re.IGNORECASE
    )


def read_table(text: str) -> tuple[str, list[list[str]]]:
    """(title, rows) of a linearised table, as DePlot and MatCha write it: "<0x0A>" or newlines
    between rows, "|" between cells; the first row is the header.
    """
    lines = [line.strip() for line in text.replace("<0x0A>", "\n").splitlines() if line.strip()]
    title = ""
    if lines and lines[0].lower().startswith("title"):
        title = lines.pop(0).split("|", 1)[-1].strip() if "|" in lines[0] else ""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return title, rows
