"""The corpora of utterances: one used while building, one that is only scored."""

from pathlib import Path

import pytest
from handeye.agents.embedded_planner import EmbeddedPlanner
from handeye.agents.language.words import lexicon
from handeye.agents.planner import Plan, Progress, Question, Refusal, Reply
from handeye.perception.scene import Scene
from handeye.perception.yaml_file import parse_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from .corpus import confidently_wrong, fits, read, scene, written

PLANNER = EmbeddedPlanner()
SCENES = {name: scene(name) for name in ("table", "blocks", "kitchen")}


@pytest.mark.parametrize("utterance", [*read("used_en.txt"), *read("used_zh.txt")], ids=str)
def test_what_was_used_while_building(utterance) -> None:
    result = PLANNER.plan(utterance.text, SCENES[utterance.scene], Progress())
    assert fits(result, utterance.expected), written(result)


@pytest.mark.parametrize("name", ["scored_en.txt", "scored_zh.txt"])
def test_what_is_only_scored(name: str) -> None:
    utterances = read(name)
    results = [PLANNER.plan(u.text, SCENES[u.scene], Progress()) for u in utterances]
    pairs = list(zip(utterances, results, strict=True))
    assert sum(fits(result, u.expected) for u, result in pairs) >= 0.9 * len(pairs)
    assert sum(confidently_wrong(r, u.expected) for u, r in pairs) <= 0.02 * len(pairs)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_wording_means_two_things(language: str) -> None:
    import handeye.agents.language as room

    file = Path(next(iter(room.__path__))) / f"lexicon_{language}.yaml"
    said = [str(w) for words in parse_yaml(file.read_text("utf-8")).values() for w in words]
    assert sorted({w for w in said if said.count(w) > 1}) == []


WORDS = sorted({" ".join(words) for words in lexicon().wordings} | {"qux", ",", "7", "10 cm"})
HAN = sorted({"".join(words) for words in lexicon("zh").wordings} | {"，", "7", "10厘米"})
SCENE = Scene.model_validate(
    {"objects": {"cup_1": {"name": "red cup", "category": "cup", "position": [0.5, 0, 0.05]}}}
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join)
    | st.lists(st.sampled_from(HAN), max_size=20).map("".join)
)
def test_no_order_of_known_words_makes_it_crash(text: str) -> None:
    assert isinstance(PLANNER.plan(text, SCENE, Progress()), Plan | Reply | Question | Refusal)
