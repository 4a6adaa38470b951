"""Watching: cameras that are asked again and again, models composed by verb with fallbacks."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from handeye.perception.cameras import ImageFolder, LiveCamera
from handeye.perception.frame import Frame
from handeye.perception.perception import Perception
from handeye.perception.vlm.verbs import Answer, Detection
from handeye.perception.watching import Account, ChangeGate, frames_of, open_source, watch
from PIL import Image

from handeye.cli import main
from handeye.errors import CameraError, EndOfStreamError, ModelError, UserError


class Eye:
    """Says how bright a frame is, and finds its brightest pixel."""

    def ask(self, frame: Frame, question: str) -> Answer:
        return Answer("bright" if frame.rgb.mean() > 100 else "dark", 0.9)

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        y, x = np.unravel_index(int(frame.rgb.sum(axis=-1).argmax()), frame.rgb.shape[:2])
        return [Detection(phrase, (float(x), float(y), x + 4.0, y + 4.0), 0.8)]


def picture(level: int, spot: int | None = None) -> np.ndarray:
    image = np.full((48, 64, 3), level, np.uint8)
    if spot is not None:
        image[20:28, spot : spot + 8] = 255
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k, level in enumerate((20, 20, 200, 200, 20)):
        Image.fromarray(picture(level)).save(tmp_path / f"{k}.png")
    return tmp_path


def test_every_frame_of_a_folder_is_asked(folder: Path) -> None:
    found = list(watch(frames_of([ImageFolder(folder)]), Perception.of(Eye()), "is it bright?"))
    assert [s.text for s in found] == ["dark", "dark", "bright", "bright", "dark"]
    assert all(s.age_s < 5 for s in found)


def test_frames_in_which_nothing_moved_are_skipped(folder: Path) -> None:
    gate = ChangeGate()
    frames = frames_of([ImageFolder(folder)], gate=gate)
    found = list(watch(frames, Perception.of(Eye()), "is it bright?"))
    assert [s.text for s in found] == ["dark", "bright", "dark"]
    assert gate.skipped == 2


def test_a_small_thing_that_moves_passes_the_gate() -> None:
    gate = ChangeGate()
    assert gate.passes(Frame(picture(50, 8), "c", 0, 0.0))
    assert not gate.passes(Frame(picture(50, 8), "c", 1, 0.1))
    assert gate.passes(Frame(picture(50, 40), "c", 2, 0.2))


def test_two_cameras_are_asked_in_turn(tmp_path: Path) -> None:
    for name, level in (("a", 10), ("b", 250)):
        (tmp_path / name).mkdir()
        for k in range(2):
            Image.fromarray(picture(level)).save(tmp_path / name / f"{k}.png")
    cameras = [ImageFolder(tmp_path / "a"), ImageFolder(tmp_path / "b")]
    seen = watch(frames_of(cameras), Perception.of(Eye()), "is it bright?")
    found = [(s.frame.camera, s.text) for s in seen]
    assert found == [("a", "dark"), ("b", "bright")] * 2


def test_what_cannot_be_watched_is_named() -> None:
    with pytest.raises(UserError, match=r'nothing to watch at "nowhere\.mp4"; accepted are'):
        open_source("nowhere.mp4")


def test_an_account_tells_what_moved_from_tracks_and_not_from_single_frames() -> None:
    account, told = Account(300), []
    for k in range(20):
        x = 20.0 if k < 6 else 240.0 if k != 12 else 20.0
        if k >= 6 and k < 8:
            x = 120.0
        cup = Detection("red cup", (x, 10.0, x + 30, 40.0), 0.9)
        told += account.add([cup] if k < 17 else [])
    assert told == [
        "the red cup is on the left",
        "the red cup moved from left to right",
        "the red cup vanished from the right",
    ]


class Blinking(LiveCamera):
    """A live camera without a device: it shows each picture for a while, and fails once."""

    def __init__(self, name: str, pictures: int) -> None:
        self._name, self._left, self._failed = name, pictures, False

    @property
    def name(self) -> str:
        return self._name

    def read(self, max_age_s: float = 1.0) -> Frame:
        if not self._failed:
            self._failed = True
            raise CameraError("the cable is loose")
        if self._left == 0:
            raise EndOfStreamError("no more")
        self._left -= 1
        threading.Event().wait(0.05)
        return Frame(picture(10), self._name, self._left, time.monotonic())

    def close(self) -> None: ...


def test_a_live_cameras_frame_is_asked_once_and_its_age_is_of_its_stamp() -> None:
    seen = list(watch(frames_of([Blinking("live", 4)]), Perception.of(Eye()), "is it bright?"))
    sequences = [s.frame.sequence for s in seen]
    assert sequences == sorted(set(sequences), reverse=True)
    assert 1 <= len(sequences) <= 4
    assert all(0 <= s.age_s < 2 for s in seen)


def test_two_cameras_of_one_name_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="two cameras are called"):
        next(frames_of([ImageFolder(folder), ImageFolder(folder)]))


class TestComposing:
    FRAME = Frame(picture(10), "c", 0, 0.0)

    def test_a_model_that_fails_gives_way_to_the_fallback(self) -> None:
        class Broken:
            def ask(self, frame: Frame, question: str) -> Answer:
                raise RuntimeError("out of memory")

        eyes = Perception(ask_with=Broken(), fallback=Perception.of(Eye()))
        assert eyes.ask(self.FRAME, "is it bright?").text == "dark"
        assert eyes.ground(self.FRAME, "spot")

    def test_a_model_that_is_late_is_not_waited_for(self) -> None:
        released = threading.Event()

        class Slow:
            def ask(self, frame: Frame, question: str) -> Answer:
                released.wait(20)
                return Answer("late", 1.0)

        eyes = Perception(ask_with=Slow(), deadline_s=0.05)
        with pytest.raises(ModelError, match=r"Slow\.ask gave no answer within 0\.05 s"):
            eyes.ask(self.FRAME, "is it?")
        rescued = Perception(ask_with=Slow(), deadline_s=0.05, fallback=Perception.of(Eye()))
        assert rescued.ask(self.FRAME, "is it?").text == "dark"
        released.set()


def test_the_command_prints_an_answer_a_frame(folder: Path) -> None:
    arguments = ["watch", str(folder), "-q", "is there a red cup?", "--json"]
    result = CliRunner().invoke(main, arguments)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 5
    assert {line["text"] for line in lines} <= {"yes", "no"}


def test_the_command_keeps_a_picture_of_the_latest_frame(folder: Path, tmp_path: Path) -> None:
    view = tmp_path / "view.png"
    arguments = ["watch", str(folder), "-q", "the red cup", "--view", str(view), "--json"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert Image.open(view).size == (192, 144)  # drawn three times as large


def test_a_bad_source_is_told_before_a_model_is_loaded() -> None:
    result = CliRunner().invoke(main, ["watch", "nowhere.mp4", "-q", "a cup", "--vlm", "none"])
    assert result.exit_code == 2
    assert "nothing to watch" in result.output


def test_a_program_does_not_wait_for_a_model_that_is_late() -> None:
    program = """
import time, numpy as np
from handeye.perception.frame import Frame
from handeye.perception.perception import Perception
class Slow:
    def ask(self, frame, question): time.sleep(60)
try:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), "c", 0, 0)
    Perception(ask_with=Slow(), deadline_s=0.1).ask(frame, "?")
except Exception as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30
    )
    assert "gave no answer within 0.1 s" in done.stdout
