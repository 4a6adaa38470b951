"""Watching: cameras that are asked again and again, models composed by verb with fallbacks."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from handeye.perception.cameras import ImageFolder, LiveCamera, PushedCamera
from handeye.perception.charts.chart import Chart, ChartRow
from handeye.perception.frame import Frame
from handeye.perception.perception import Perception
from handeye.perception.vlm.instructed import InstructedVLM
from handeye.perception.vlm.verbs import Answer, Box, Detection
from handeye.perception.vlm.written import Written
from handeye.perception.watching import Account, ChangeGate, Sighting, rounds, tell, watch
from PIL import Image

from handeye.cli import main
from handeye.commands.watch import names_of, told_apart
from handeye.errors import ImageError, ModelError, UserError


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


def asked(*cameras: object, **options: Any) -> list[Sighting]:
    news = rounds(cameras)  # type: ignore[arg-type]
    return list(watch(news, Perception.of(Eye()), ["is it bright?"], **options))


def test_every_frame_of_a_folder_is_asked(folder: Path) -> None:
    found = asked(ImageFolder(folder))
    assert [s.text for s in found] == ["dark", "dark", "bright", "bright", "dark"]
    assert [s.frame.stamp_s for s in found] == [0, 1, 2, 3, 4]
    assert all(0 <= s.age_s < 60 for s in found)


def test_every_question_is_put_to_every_frame(folder: Path) -> None:
    queries = ["is it bright?", "the spot"]
    found = list(watch(rounds([ImageFolder(folder)]), Perception.of(Eye()), queries))
    assert [s.query for s in found] == queries * 5
    assert found[5].text == "the spot at (2, 2)"


def test_frames_in_which_nothing_moved_are_skipped(folder: Path) -> None:
    gate = ChangeGate()
    assert [s.text for s in asked(ImageFolder(folder), gate=gate)] == ["dark", "bright", "dark"]
    assert gate.skipped == 2


def test_frames_can_be_kept_some_seconds_apart(folder: Path) -> None:
    taken = [
        one.frame.sequence for news in rounds([ImageFolder(folder)], every_s=2) for one in news
    ]
    assert taken == [1, 3, 5]


@pytest.mark.parametrize(("every_s", "looked_at"), [(0.0, [1, 2, 3, 4, 5]), (2.0, [1, 3, 4])])
def test_a_camera_whose_stamps_go_back_is_watched_from_there_on(
    folder: Path, every_s: float, looked_at: list[int]
) -> None:
    class Repeated(ImageFolder):
        def read(self, max_age_s: float = 1.0) -> Frame:
            frame = super().read(max_age_s)
            return replace(frame, stamp_s=frame.stamp_s % 3)

    told: list[str] = []
    news = rounds([Repeated(folder, "bag")], every_s=every_s, on_trouble=told.append)
    assert [one.frame.sequence for taken in news for one in taken] == looked_at
    assert told == ['the stamps of camera "bag" went back by 2.0 s; it is watched from there on']


def test_a_small_thing_that_moves_passes_the_gate() -> None:
    gate = ChangeGate()
    assert gate.passes(Frame(picture(50, 8), "c", 0, 0.0))
    assert not gate.passes(Frame(picture(50, 8), "c", 1, 0.1))
    assert gate.passes(Frame(picture(50, 40), "c", 2, 0.2))


def test_of_two_cameras_every_frame_is_asked(tmp_path: Path) -> None:
    for name, level in (("a", 10), ("b", 250)):
        (tmp_path / name).mkdir()
        for k in range(3):
            Image.fromarray(picture(level)).save(tmp_path / name / f"{k}.png")
    found = asked(ImageFolder(tmp_path / "a"), ImageFolder(tmp_path / "b"))
    by_camera = {name: [s.text for s in found if s.frame.camera == name] for name in "ab"}
    assert by_camera == {"a": ["dark"] * 3, "b": ["bright"] * 3}


def test_a_slow_camera_holds_no_other_up(folder: Path) -> None:
    silent = PushedCamera("silent", deadline_s=60.0)
    news = rounds([silent, ImageFolder(folder)])
    seen = [next(news)[0].frame.camera for _ in range(5)]
    assert seen == [folder.name] * 5
    news.close()


def test_a_damaged_image_is_told_and_the_others_are_asked(folder: Path) -> None:
    (folder / "1.png").write_bytes(b"damaged")
    told: list[str] = []
    news = rounds([ImageFolder(folder)], on_trouble=told.append)
    assert len([one for taken in news for one in taken]) == 4
    assert len(told) == 1
    assert "1.png" in told[0]


def test_two_cameras_of_one_name_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="two cameras are called"):
        next(rounds([ImageFolder(folder), ImageFolder(folder)]))


def test_the_age_of_an_answer_is_that_of_its_frame() -> None:
    camera = PushedCamera("door", clock=time.monotonic)
    camera.push(Frame(picture(10), "door", 1, time.monotonic() - 5.0))  # 5 s on its way
    news = rounds([camera])
    sighting = next(watch(news, Perception.of(Eye()), ["is it bright?"]))
    assert 5.0 <= sighting.age_s < 30.0
    camera._end()
    assert list(news) == []


def test_no_thread_outlives_its_watch(folder: Path) -> None:
    before = set(threading.enumerate())
    news = rounds([ImageFolder(folder)])
    next(news)
    news.close()
    assert set(threading.enumerate()) == before


class Flaky(Eye):
    """Fails the second time that it is asked."""

    calls = 0

    def ask(self, frame: Frame, question: str) -> Answer:
        self.calls += 1
        if self.calls == 2:
            raise RuntimeError("server busy")
        return super().ask(frame, question)


def test_a_change_that_a_model_failed_to_look_at_is_looked_at_again(folder: Path) -> None:
    news = rounds([ImageFolder(folder)])
    queries, gate = ["is it bright?"], ChangeGate()
    found = list(watch(news, Perception.of(Flaky()), queries, gate=gate))
    assert [(s.frame.sequence, s.text) for s in found] == [(1, "dark"), (4, "bright"), (5, "dark")]


def test_a_model_that_fails_later_is_told_and_tried_again(folder: Path) -> None:
    told: list[str] = []
    queries = ["is it bright?"]
    news = rounds([ImageFolder(folder)])
    found = list(watch(news, Perception.of(Flaky()), queries, on_trouble=told.append))
    assert len(found) == 4
    assert told == ["Flaky.ask failed: RuntimeError: server busy"]


class TestAccount:
    """From tracks, not from single frames; twenty looks at ten a second."""

    @staticmethod
    def told(*frames: list[Detection]) -> list[str]:
        account = Account()
        looks = enumerate(frames)
        return [words for k, found in looks for words in account.add(found, k / 10, 300)]

    @staticmethod
    def cup(x: float, label: str = "red cup", state: str | None = None) -> Detection:
        return Detection(label, (x, 10.0, x + 30, 40.0), 0.9, state=state)

    def test_what_moves_is_told_once_and_one_wrong_look_tells_nothing(self) -> None:
        path = [20.0] * 6 + [120.0] * 2 + [240.0] * 4 + [20.0] + [240.0] * 4
        frames = [[self.cup(x)] for x in path] + [[]] * 13
        assert self.told(*frames) == [
            "the red cup is on the left",
            "the red cup moved from left to right",
            "the red cup vanished from the right",
        ]

    def test_what_an_arm_hides_for_a_moment_did_not_vanish(self) -> None:
        frames = [[self.cup(20)]] * 5 + [[]] * 6 + [[self.cup(20)]] * 5
        assert self.told(*frames) == ["the red cup is on the left"]

    def test_what_is_missing_from_a_recording_that_began_again_vanished(self) -> None:
        account, told = Account(), []
        for k in range(50, 60):
            told += account.add([self.cup(20)], k / 10, 300)
        for k in range(10):
            told += account.add([], k / 10, 300)
        assert told == ["the red cup is on the left", "the red cup vanished from the left"]

    def test_what_lies_on_a_border_does_not_move_all_the_time(self) -> None:
        frames = [[self.cup(82.0 if k // 4 % 2 else 88.0)] for k in range(24)]
        assert len(self.told(*frames)) == 1

    def test_what_is_called_otherwise_for_a_while_is_the_same(self) -> None:
        names = ["red cup"] * 8 + ["red bowl"] * 5 + ["red cup"] * 5
        assert self.told(*([self.cup(20, name)] for name in names)) == [
            "the red cup is on the left"
        ]

    def test_what_is_held_and_let_go_is_told(self) -> None:
        states = [None] * 4 + ["held"] * 5 + [None] * 5
        assert self.told(*([self.cup(20, state=state)] for state in states)) == [
            "the red cup is on the left",
            "the red cup is held",
            "the red cup was let go",
        ]

    def test_two_of_one_name_keep_apart(self) -> None:
        frames = [[self.cup(20 + 8 * k), self.cup(240)] for k in range(20)]
        assert self.told(*frames) == [
            "the red cup is on the left",
            "the red cup is on the right",
            "the red cup moved from left to middle",
        ]

    def test_where_nothing_moves_nothing_is_looked_at_and_all_stays(self, folder: Path) -> None:
        class Once:
            looks = 0

            def parse(self, frame: Frame) -> list[Detection]:
                self.looks += 1
                return [Detection("spot", (0.0, 0.0, 9.0, 9.0), 0.9)]

        for k in range(5):
            Image.fromarray(picture(20)).save(folder / f"{k}.png")
        eye = Once()
        news = rounds([ImageFolder(folder)])
        told = [words for _, words in tell(news, Perception.of(eye), ChangeGate())]
        assert (told, eye.looks) == (["the spot is on the left"], 1)

    def test_a_thing_stays_where_it_is_when_the_camera_changes_its_size(self) -> None:
        account = Account()
        told = [words for k in range(5) for words in account.add([self.cup(240)], k / 10, 300)]
        small = replace(self.cup(0), box=(120.0, 5.0, 135.0, 20.0))
        told += [words for k in range(5, 15) for words in account.add([small], k / 10, 150)]
        assert told == ["the red cup is on the right"]

    def test_a_look_that_failed_is_no_absence_and_is_told_at_the_end(self, folder: Path) -> None:
        class Unsteady:
            looks = 0

            def parse(self, frame: Frame) -> list[Detection]:
                self.looks += 1
                if self.looks == 2:
                    raise ModelError("the model refused")
                return [Detection("spot", (0.0, 0.0, 9.0, 9.0), 0.9)]

        troubles: list[str] = []
        eyes = Perception.of(Unsteady())
        news = rounds([ImageFolder(folder)])
        told = [words for _, words in tell(news, eyes, on_trouble=troubles.append)]
        assert troubles == ["the model refused"]
        assert told == [
            "the spot is on the left",
            "1 of 5 frames could not be judged: the model refused",
        ]

    def test_a_model_that_fails_in_every_frame_is_an_error(self, folder: Path) -> None:
        class Broken:
            def parse(self, frame: Frame) -> list[Detection]:
                raise ModelError("the model refused")

        with pytest.raises(ModelError, match="the model refused"):
            list(tell(rounds([ImageFolder(folder)]), Perception.of(Broken())))


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    from handeye.sims.simulation import simulate
    from handeye.sims.tasks import get_task

    seen = []
    for seed in (3, 4):
        with simulate(get_task("grab_red_cup"), seed) as simulation:
            for camera in simulation.robot.cameras.values():
                seen.append(replace(camera.read(), camera=f"{camera.name}_{seed}"))
    return seen


class TestTogether:
    """Frames of several cameras in one pass of the embedded model."""

    @pytest.mark.parametrize("threads", [1, 2])
    def test_the_answers_are_those_of_one_by_one(self, frames: list[Frame], threads: int) -> None:
        import torch
        from handeye.perception.vlm.embedded import EmbeddedVLM

        one, many = EmbeddedVLM(), EmbeddedVLM()
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            Perception.of(many).prepare("parse", frames)
            assert torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(before)
        assert many.passes == len(frames)
        for frame in frames:
            a, b = one.parse(frame), many.parse(frame)
            assert [d.label for d in a] == [d.label for d in b]
            np.testing.assert_allclose([d.box for d in a], [d.box for d in b], atol=1e-2)
            np.testing.assert_allclose([d.score for d in a], [d.score for d in b], atol=1e-4)
            for question in ("is there a red cup?", "how many cups are there?"):
                first, second = one.ask(frame, question), many.ask(frame, question)
                assert first.text == second.text
                assert first.confidence == pytest.approx(second.confidence, abs=1e-4)
        assert many.passes == len(frames)  # what was asked afterwards cost none

    def test_a_word_that_the_model_does_not_know_is_no_absence(self, frames: list[Frame]) -> None:
        from handeye.perception.vlm.embedded import EmbeddedVLM
        from handeye.perception.watching import look

        eyes = Perception.of(EmbeddedVLM())
        assert look(eyes, frames[0], "the sofa").text == 'I do not know what "the sofa" means'
        absent = look(eyes, frames[0], "the pink fridge")
        assert absent.text == "not seen: the pink fridge"
        assert absent.confidence is not None
        assert 0.5 < absent.confidence < 1


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

    def test_while_a_late_call_goes_on_the_fallback_is_asked_at_once(self) -> None:
        released, ended = threading.Event(), threading.Event()
        calls = []

        class Slow:
            def ask(self, frame: Frame, question: str) -> Answer:
                calls.append(question)
                released.wait(20)
                ended.set()
                return Answer("in time", 1.0)

        slow = Slow()
        eyes = Perception(ask_with=slow, deadline_s=0.05, fallback=Perception.of(Eye()))
        assert [eyes.ask(self.FRAME, f"{k}?").text for k in range(5)] == ["dark"] * 5
        assert calls == ["0?"]  # they would pile up in the model, and make each other late
        alone = Perception(ask_with=slow, deadline_s=20.0)
        with pytest.raises(ModelError, match=r"Slow\.ask was not called: .* still at work"):
            alone.ask(self.FRAME, "it?")
        released.set()
        assert ended.wait(20)
        for thread in threading.enumerate():
            if thread.name == "Slow.ask":
                thread.join(timeout=20)
        assert alone.ask(self.FRAME, "and now?").text == "in time"

    def test_masks_that_fail_are_one_clear_error_or_a_case_for_the_fallback(self) -> None:
        class Broken:
            def masks(self, frame: Frame, boxes: list[Box]) -> list[np.ndarray]:
                raise RuntimeError("out of memory")

        class Few:
            def masks(self, frame: Frame, boxes: list[Box]) -> list[np.ndarray]:
                return []

        with pytest.raises(ModelError, match=r"Broken\.masks failed: RuntimeError: out of memory"):
            Perception(ground_with=Eye(), mask_with=Broken()).ground(self.FRAME, "spot")
        with pytest.raises(ModelError, match=r"Few\.masks gave 0 masks for 1 boxes"):
            Perception(ground_with=Eye(), mask_with=Few()).ground(self.FRAME, "spot")
        for ground_with in (Eye(), None):
            eyes = Perception(
                ground_with=ground_with, mask_with=Broken(), fallback=Perception.of(Eye())
            )
            assert [d.mask for d in eyes.ground(self.FRAME, "spot")] == [None]

    def test_masks_are_drawn_of_what_the_fallback_finds(self) -> None:
        class Whole:
            def masks(self, frame: Frame, boxes: list[Box]) -> list[np.ndarray]:
                return [np.ones(frame.rgb.shape[:2], bool) for _ in boxes]

        eyes = Perception(mask_with=Whole(), fallback=Perception.of(Eye()))
        [found] = eyes.ground(self.FRAME, "spot")
        assert found.mask is not None
        assert found.mask.all()

    def test_masks_that_are_late_are_not_waited_for(self) -> None:
        released = threading.Event()

        class Slow:
            def masks(self, frame: Frame, boxes: list[Box]) -> list[np.ndarray]:
                released.wait(20)
                return []

        eyes = Perception(ground_with=Eye(), mask_with=Slow(), deadline_s=0.05)
        with pytest.raises(ModelError, match=r"Slow\.masks gave no answer within 0\.05 s"):
            eyes.ground(self.FRAME, "spot")
        released.set()

    def test_only_a_chart_that_was_badly_written_is_a_case_for_the_fallback(self) -> None:
        class Reader:
            def read_chart(self, frame: Frame) -> Chart:
                return Chart("bar", (ChartRow("", "May", 3.0, 1.0),))

        def eyes(said: str) -> Perception:
            vlm = InstructedVLM(lambda *_: Written(said, 0.9), "m")
            return Perception(chart_with=vlm, fallback=Perception(chart_with=Reader()))

        for said in ("I'm sorry, I can't help with that.", '{"kind": "map"}', '{"kind": "pie"}'):
            assert eyes(said).read_chart(self.FRAME).lookup("", "May") == 3.0
        with pytest.raises(ImageError, match="m says that there is none"):
            eyes('{"kind": "none"}').read_chart(self.FRAME)


def handeye(*arguments: object) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_command_prints_an_answer_a_frame(folder: Path) -> None:
    result = handeye("watch", folder, "is there a red cup?", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 5
    assert {line["text"] for line in lines} <= {"yes", "no"}


def test_the_command_names_the_file_that_an_answer_is_of(folder: Path) -> None:
    result = handeye("watch", folder, "-q", "the red cup", "-q", "is there a bowl?")
    lines = result.stdout.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("0.png  not seen: the red cup (")
    assert lines[1].startswith("0.png  is there a bowl? no (")


def test_one_picture_is_looked_at_once(folder: Path) -> None:
    assert len(handeye("watch", folder / "0.png", "a cup", "--json").stdout.splitlines()) == 1


def test_the_command_keeps_a_picture_of_the_latest_frames(folder: Path, tmp_path: Path) -> None:
    view = tmp_path / "view.png"
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(picture(90)).save(other / "a.png")
    assert handeye("watch", folder, other, "the red cup", "--view", view).exit_code == 0
    assert Image.open(view).size == (384, 144)  # both cameras, each three times as large


def test_a_bad_source_is_told_before_a_model_is_loaded(tmp_path: Path) -> None:
    result = handeye("watch", "nowhere.mp4", "-q", "a cup", "--vlm", "none")
    assert result.exit_code == 2
    assert 'there is no camera "nowhere.mp4"' in result.output
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"no video" * 99)
    result = handeye("watch", noise, "a cup", "--vlm", "none")
    assert result.exit_code == 2
    assert "not a video" in result.output


@pytest.mark.parametrize("queries", [["a cup"], []])
def test_sources_of_which_no_frame_was_ever_seen_are_broken(
    folder: Path, tmp_path: Path, queries: list[str]
) -> None:
    broken = tmp_path / "noise.png"
    broken.write_bytes(b"no picture")
    result = handeye("watch", broken, *queries)
    assert result.exit_code == 5
    assert result.stdout == ""
    assert result.stderr.endswith(f"no frame was ever seen of {broken}\n")
    # One that shows something is enough.
    assert handeye("watch", broken, folder / "0.png", *queries).exit_code == 0


def test_what_is_not_in_an_image_and_what_is_not_known_are_told_apart(folder: Path) -> None:
    assert handeye("ground", folder / "0.png", "the red cup").stdout == "not seen: the red cup\n"
    told = handeye("ground", folder / "0.png", "the sofa").stdout
    assert told == 'I do not know what "the sofa" means\n'


@pytest.mark.parametrize(
    ("last", "is_query"),
    [
        ("is the light on/off?", True),
        ("the on/off switch", True),
        ("on/off?", True),
        ("the red cup", True),
        ("rtsp://arm/a cup", False),
        ("nowhere/b.mp4", False),
        ("b.mp4", False),
        ("1", False),
    ],
)
def test_phrases_and_sources_are_told_apart(last: str, is_query: bool) -> None:
    apart = (("a.mp4",), (last,)) if is_query else (("a.mp4", last), ())
    assert told_apart(("a.mp4", last), ()) == apart


def test_what_is_there_is_a_source_whatever_it_is_called(tmp_path: Path) -> None:
    there = tmp_path / "is it on?"
    there.mkdir()
    assert told_apart(("0", str(there)), ()) == (("0", str(there)), ())


def test_recordings_of_one_name_are_called_by_their_folders(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        Image.fromarray(picture(90)).save(tmp_path / name / "camera.png")
    sources = [tmp_path / name / "camera.png" for name in ("first", "second")]
    lines = handeye("watch", *sources, "a cup", "--json").stdout.splitlines()
    cameras = sorted(json.loads(line)["camera"] for line in lines)
    assert cameras == ["first/camera.png", "second/camera.png"]
    result = handeye("watch", sources[0], sources[0], "a cup")
    assert result.exit_code == 2
    assert "two cameras are called" in result.output


def test_addresses_that_differ_in_what_is_secret_are_called_by_numbers() -> None:
    recorder = "http://h/cam/realmonitor?channel="
    assert names_of([f"{recorder}1", f"{recorder}2"]) == [None, None]  # these call themselves
    assert [LiveCamera(f"{recorder}{k}").name for k in (1, 2)] == [f"{recorder}1", f"{recorder}2"]
    secret = ["http://h/v?token=a", "http://h/v?token=b", "0"]
    assert names_of(secret) == ["http://h/v?token=… (1)", "http://h/v?token=… (2)", None]


def test_a_view_that_cannot_be_written_is_one_clear_error(folder: Path) -> None:
    result = handeye("watch", folder, "the red cup", "--view", folder / "view.xyz")
    assert result.exit_code == 2
    assert "cannot be written" in result.output


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


def test_a_program_ends_well_while_a_model_computes_on() -> None:
    """A thread that comes back from torch into an interpreter that has ended aborts the process."""
    program = """
import numpy as np, torch
from handeye.perception.frame import Frame
from handeye.perception.perception import Perception
class Slow:
    def ask(self, frame, question):
        a = torch.rand(400, 400)
        while True: a = a @ a
try:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), "c", 0, 0)
    Perception(ask_with=Slow(), deadline_s=0.1).ask(frame, "?")
except Exception as error:
    print(error)
raise SystemExit(3)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert "gave no answer within 0.1 s" in done.stdout
    assert (done.returncode, done.stderr) == (3, "")
