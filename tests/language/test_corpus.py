"""A corpus of utterances over one table: each with its skill calls, its question or its refusal."""

from pathlib import Path
from typing import Any

import pytest
from handeye.agents.embedded_planner import EmbeddedPlanner
from handeye.agents.language.words import lexicon
from handeye.agents.planner import Plan, Progress, Question, Refusal
from handeye.perception.scene import Scene
from handeye.perception.yaml_file import parse_yaml
from handeye.skills import Skill
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = parse_yaml((Path(__file__).parent / "basic_en.yaml").read_text(encoding="utf-8"))
PLANNER = EmbeddedPlanner()


def call(skill: Skill) -> str:
    return f"{skill.name}({', '.join(map(plain, skill.model_dump(exclude_none=True).values()))})"


def plain(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize(("said", "done"), CORPUS["do"].items())
def test_it_is_done(said: str, done: str, table: Scene) -> None:
    result = PLANNER.plan(said, table, Progress())
    assert isinstance(result, Plan), result
    assert "; ".join(map(call, result.skills)) == done


@pytest.mark.parametrize(("said", "candidates"), CORPUS["ask"].items())
def test_it_is_asked_about(said: str, candidates: list[str], table: Scene) -> None:
    result = PLANNER.plan(said, table, Progress())
    assert isinstance(result, Question), result
    assert list(result.candidates) == candidates


@pytest.mark.parametrize(("said", "reason"), CORPUS["refuse"].items())
def test_it_is_refused(said: str, reason: str, table: Scene) -> None:
    result = PLANNER.plan(said, table, Progress())
    assert isinstance(result, Refusal), result
    assert result.text.startswith(reason)


WORDS = sorted({" ".join(words) for words in lexicon().wordings} | {"qux", ",", "7", "10 cm"})


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join))
def test_no_order_of_known_words_makes_it_crash(text: str) -> None:
    scene = Scene.model_validate(
        {"objects": {"cup_1": {"name": "red cup", "category": "cup", "position": [0.5, 0, 0.05]}}}
    )
    assert isinstance(PLANNER.plan(text, scene, Progress()), Plan | Question | Refusal)
