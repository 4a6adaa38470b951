"""Searching: when a phrase held, in recorded episodes, videos and folders."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from handeye.perception.cameras import ImageFolder
from handeye.perception.frame import Frame
from handeye.perception.vlm.load import load_vlm
from handeye.perception.vlm.verbs import Answer
from handeye.perception.watching.judging import Judging
from handeye.perception.watching.searching import (
    Scored,
    frames_at,
    frames_of,
    read_when,
    score_frames,
    spans_of,
)
from PIL import Image
from tiny_checkpoints import build

from handeye.cli import main
from handeye.errors import ModelError, UserError


@pytest.mark.parametrize(
    ("text", "phrase", "which"),
    [
        ("the red cup on the plate", "the red cup on the plate", "all"),
        ("when did the red cup last stand on the shelf?", "the red cup on the shelf", "last"),
        ("When was the red cup first in the bowl?", "the red cup in the bowl", "first"),
        ("when was the duck held by the gripper?", "the duck held by the gripper", "all"),
        ("when did the green block last appear", "the green block", "last"),
    ],
)
def test_a_question_is_read_as_a_phrase(text: str, phrase: str, which: str) -> None:
    assert read_when(text) == (phrase, which)


def scored(*scores: float) -> list[Scored]:
    return [Scored(k, k / 10, score) for k, score in enumerate(scores)]


def test_stretches_begin_and_end_where_the_score_passes_the_threshold() -> None:
    spans = spans_of(scored(0.1, 0.8, 0.9, 0.2, 0.6), 0.5)
    assert [(s.first.sequence, s.last.sequence, s.best.sequence) for s in spans] == [
        (1, 2, 2),
        (4, 4, 4),
    ]
    assert spans_of([], 0.5) == []


def test_one_wrong_frame_begins_and_ends_nothing() -> None:
    spans = spans_of(scored(0, 0, 0.9, 0, 0, 0, 0.9, 0.9, 0.1, 0.9, 0.9, 0, 0, 0), 0.5, fewest=3)
    assert [(s.first.sequence, s.last.sequence) for s in spans] == [(6, 10)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "shelf"
    path.mkdir()
    for k, level in enumerate((20, 20, 200, 210, 20)):
        Image.fromarray(np.full((48, 64, 3), level, np.uint8)).save(path / f"{k}.png")
    return path


def test_a_dual_encoder_ranks_all_frames(folder: Path) -> None:
    class Brightness:
        def embed(self, frames: list[Frame]) -> np.ndarray:
            angles = [frame.rgb.mean() / 255 for frame in frames]
            return np.array([(np.cos(a), np.sin(a)) for a in angles], np.float32)

        def embed_text(self, texts: list[str]) -> np.ndarray:
            return np.array([(np.cos(1), np.sin(1))], np.float32)

    found = list(score_frames(frames_of(ImageFolder(folder)), Brightness(), "bright"))
    assert [one.sequence for one in sorted(found, key=lambda one: -one.score)[:2]] == [4, 3]


def test_a_clip_checkpoint_searches_from_the_command_line(folder: Path, tmp_path: Path) -> None:
    checkpoint = build("clip", tmp_path / "clip")
    sheet = tmp_path / "sheet.png"
    arguments = ["search", folder, "red cup", "--vlm", checkpoint, "--out", sheet, "--json"]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    told = json.loads(result.stdout)
    assert (told["phrase"], told["looked_at"]) == ("red cup", 5)
    vlm = load_vlm(checkpoint)
    frames = list(frames_of(ImageFolder(folder)))
    best = max(told["found"], key=lambda one: one["score"])
    ((place, likeness),) = vlm.search(frames, "red cup", most=1)
    assert best["score"] == pytest.approx(likeness, abs=1e-3)
    assert best["sequence"] == place + 1
    assert sheet.is_file()


def test_an_answer_that_is_neither_yes_nor_no_is_no_absence(folder: Path) -> None:
    class Chatty:
        def ask(self, frame: Frame, question: str) -> Answer:
            return Answer("a lovely day", 0.9)

    with pytest.raises(UserError, match='cannot tell whether there is "a cup": it says "a lovely'):
        list(score_frames(frames_of(ImageFolder(folder)), Chatty(), "a cup"))


@pytest.mark.parametrize("confidence", [0.4, 0.5, 0.9])
def test_a_no_is_no_hit_however_unsure_it_is(folder: Path, confidence: float) -> None:
    class Denies:
        def ask(self, frame: Frame, question: str) -> Answer:
            return Answer("no", confidence)

    found = list(score_frames(frames_of(ImageFolder(folder)), Denies(), "a cup"))
    assert len(found) == 5
    assert spans_of(found, 0.1) == []


class Sometimes:
    """Sees something bright, but for the frames of which it cannot tell."""

    def __init__(self, *dumb: int, says: str | None = None) -> None:
        self.dumb, self.says = dumb, says

    def ask(self, frame: Frame, question: str) -> Answer:
        if frame.sequence not in self.dumb:
            return Answer("yes" if frame.rgb.mean() > 100 else "no", 0.5)
        if self.says is None:
            raise ModelError("the server refused")
        return Answer(self.says, 0.0)


@pytest.mark.parametrize("says", [None, "", "Nothing is hidden"])
def test_a_frame_that_cannot_be_judged_is_left_out_and_counted(
    folder: Path, says: str | None
) -> None:
    judging = Judging()
    frames = frames_of(ImageFolder(folder))
    found = list(score_frames(frames, Sometimes(1, 3, says=says), "something bright", judging))
    assert [(one.sequence, one.denied) for one in found] == [(2, True), (4, False), (5, True)]
    assert judging.gaps.startswith("2 of 5 frames could not be judged: ")
    assert [span.best.sequence for span in spans_of(found, 0.5)] == [4]


def test_a_model_that_fails_in_every_frame_is_an_error(folder: Path) -> None:
    with pytest.raises(ModelError, match="the server refused"):
        list(score_frames(frames_of(ImageFolder(folder)), Sometimes(*range(9)), "a cup"))


def test_a_model_that_never_worked_is_not_asked_without_end() -> None:
    class Broken:
        asked = 0

        def ask(self, frame: Frame, question: str) -> Answer:
            self.asked += 1
            raise ModelError("the server is gone")

    frame = Frame(np.zeros((4, 4, 3), np.uint8), "c", 0, 0.0)
    model = Broken()
    with pytest.raises(ModelError, match="the server is gone"):
        list(score_frames([frame] * 1000, model, "a cup"))
    assert model.asked == 10


def test_the_command_says_of_how_many_frames_nothing_is_known(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handeye.commands.search.load_vlm", lambda _name: Sometimes(1))
    arguments = ["search", str(folder), "something bright", "--out", str(tmp_path / "sheet.png")]
    result = CliRunner().invoke(main, arguments)
    assert result.stdout.startswith("2.png to 3.png  something bright (0.50)")
    assert "1 of 5 frames could not be judged: the server refused" in result.stderr
    told = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert (told["looked_at"], told["not_judged"], len(told["found"])) == (5, 1, 1)


def test_frames_are_found_again_by_their_sequence(folder: Path) -> None:
    found = frames_at(frames_of(ImageFolder(folder)), [3, 5])
    assert [round(found[k].rgb.mean()) for k in (3, 5)] == [200, 20]


def test_words_that_the_model_does_not_know_are_told(folder: Path) -> None:
    result = CliRunner().invoke(main, ["search", str(folder), "the red sofa"])
    assert result.exit_code == 2
    assert 'whether there is "the red sofa"' in result.output


def test_what_never_ends_cannot_be_searched() -> None:
    result = CliRunner().invoke(main, ["search", "rtsp://127.0.0.1/x", "the red cup"])
    assert result.exit_code == 2
    assert "never ends" in result.output


def test_a_recorded_episode_tells_when_the_cup_was_held(tmp_path: Path) -> None:
    from handeye.sims.tasks import get_task

    from handeye.episode import run_episode
    from handeye.recording import FRAMES_A_SECOND

    episode = run_episode(get_task("grab_red_cup"), 11, out=tmp_path / "run")
    assert episode.judged
    picked = next(step for step in episode.skills if step.call.skill == "pick")
    sheet = tmp_path / "sheet.png"

    def search(*words: str) -> dict[str, object]:
        arguments = ["search", str(tmp_path / "run"), *words, "--out", str(sheet), "--json"]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code in (0, 1), result.output
        return json.loads(result.stdout)

    held = search("when was the red cup last in the gripper?")
    assert held["phrase"] == "the red cup in the gripper"
    (span,) = held["found"]  # type: ignore[misc]
    assert span["score"] > 0.5
    # It is lifted towards the end of the pick, and still held when the recording ends.
    assert 0.3 * picked.duration_s < span["from_s"] < span["to_s"]
    assert span["to_s"] > held["looked_at"] / FRAMES_A_SECOND - 0.5  # type: ignore[operator]
    assert Image.open(sheet).width > 600
    assert search("a pink fridge")["found"] == []
