"""The corpora: utterances, each with what should come of it, over the scenes beside them.

A line is `utterance => result`. Results, with the objects by their ids:

    hold a               pick(a)
    a > on b             pick(a), place(on b); likewise in, left_of, between b c, next_to …
    a > at 0.4 0.1       pick(a), place at a point; `at middle` at a named spot; `on table`
    push a left 0.1      push(a)
    give a               pick(a), handover(a)
    look a, home         look_at(a), home()
    -                    a plan with nothing to do
    ? a b                a question with these candidates; `?` alone, with any
    = text; text         an answer in which these texts occur
    ! text               a refusal that begins with the text, if there is one
    3                    a plan of so many picks, whatever they are

Steps are joined by `;`. `~` before them: in any order. `||` stands between results that are all
right.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handeye.agents.planner import Plan, PlanResult, Question, Refusal, Reply
from handeye.perception.scene import Scene
from handeye.perception.scene_file import load_scene
from handeye.skills import Skill

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Utterance:
    """One line of a corpus."""

    text: str
    expected: str
    scene: str

    def __str__(self) -> str:
        return self.text or "(nothing)"


def read(name: str) -> list[Utterance]:
    """The utterances of a corpus file."""
    return list(_lines((HERE / name).read_text(encoding="utf-8")))


def scene(name: str) -> Scene:
    """A scene by its name."""
    return load_scene(HERE / "scenes" / f"{name}.yaml")


def fits(result: PlanResult, expected: str) -> bool:
    """Whether a planner's result is one of those that are right."""
    return any(_fits(result, one.strip()) for one in expected.split("||"))


def confidently_wrong(result: PlanResult, expected: str) -> bool:
    """Whether something would be done, or said, that should not be."""
    return isinstance(result, Plan | Reply) and not fits(result, expected)


def written(result: PlanResult) -> str:
    """A result as it stands in a corpus."""
    if isinstance(result, Plan):
        return "; ".join(_steps(result.skills)) or "-"
    if isinstance(result, Question):
        return " ".join(("?", *result.candidates))
    return f"= {result.text}" if isinstance(result, Reply) else f"! {result.text}"


def _fits(result: PlanResult, expected: str) -> bool:
    kind, rest = expected[0], expected[1:].strip()
    if kind == "?":
        return isinstance(result, Question) and (
            not rest or sorted(result.candidates) == sorted(rest.split())
        )
    if kind == "!":
        return isinstance(result, Refusal) and result.text.startswith(rest)
    if kind == "=":
        return isinstance(result, Reply) and all(
            part.strip() in result.text for part in rest.split(";")
        )
    if not isinstance(result, Plan):
        return False
    if expected.isdigit():
        return sum(skill.name == "pick" for skill in result.skills) == int(expected)
    done = _steps(result.skills)
    if kind == "~":
        return sorted(done) == sorted(part.strip() for part in rest.split(";"))
    return "; ".join(done) == ("" if expected == "-" else expected)


def _steps(skills: tuple[Skill, ...]) -> list[str]:
    found: list[str] = []
    for skill in skills:
        held = found[-1].removeprefix("hold ") if found and found[-1].startswith("hold ") else None
        step = _step(skill)
        target = getattr(skill, "target", None)
        if held is not None and target == held and skill.name in ("place", "handover"):
            found[-1] = f"{held} > {step}" if skill.name == "place" else f"give {held}"
        else:
            found.append(step)
    return found


def _step(skill: Skill) -> str:
    given = skill.model_dump(exclude_none=True)
    if skill.name == "place":
        given.pop("target", None)
    values = " ".join(_plain(value) for value in given.values())
    word = {"pick": "hold", "look_at": "look", "place": ""}.get(skill.name, skill.name)
    return f"{word} {values}".strip()


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _lines(text: str) -> Iterator[Utterance]:
    scene_name = ""
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        header = re.fullmatch(r"scene: (\w+)", line)
        if header:
            scene_name = header[1]
            continue
        said, expected = line.rsplit("=>", 1)
        yield Utterance(said.strip(), expected.strip(), scene_name)
