"""handeye run: what it leaves, how it is gone on with, how it is stopped, what its codes mean."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from handeye.agents.events import Acting, Call, ChartRead
from handeye.perception.frame import Frame

from handeye.recording import Recorder
from handeye.training.shards import Shards
from handeye.training.tune import Pool

TABLE = str(Path(__file__).parent.parent / "examples" / "table.yaml")
NOWHERE = "http://127.0.0.1:9/v1#m"


def run(
    *words: str, cwd: Path, said: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "handeye", "run", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        input=said,
        stdin=subprocess.DEVNULL if said is None else None,
        env={**os.environ, **environment},
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds `asked`, the recording of a run that ended with a question."""
    folder = tmp_path_factory.mktemp("runs")
    done = run("grab the block", "--scene", TABLE, "--out", "asked", cwd=folder)
    assert done.returncode == 3, done.stderr
    return folder


def thread_of(recording: Path) -> str:
    return str(json.loads((recording / "result.json").read_text())["thread"])


def contents(recording: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in recording.iterdir()}


def test_a_run_that_never_moves_leaves_no_empty_video(asking: Path) -> None:
    assert not (asking / "asked" / "camera.mp4").exists()
    assert all(contents(asking / "asked").values())


def test_nothing_is_touched_where_there_is_nothing_to_go_on_with(asking: Path) -> None:
    before = contents(asking / "asked")
    for words, message in (
        (("x", "--resume", "deadbeef"), f"there is: {thread_of(asking / 'asked')}"),
        (("x", "--resume", "deadbeef", "--seed", "1"), "it takes no --seed"),
        (("grab the ball",), "asked holds a recording already"),
    ):
        done = run(*words, "--out", "asked", cwd=asking)
        assert done.returncode == 2
        assert message in done.stderr
        assert contents(asking / "asked") == before


@pytest.mark.parametrize("name", ["asked.json", "thread.sqlite"])
@pytest.mark.parametrize("rubbish", [b"", b"[]", b"SQLite format 3\0" + bytes(4000)])
def test_a_damaged_file_of_a_thread_is_named(
    asking: Path, name: str, rubbish: bytes, tmp_path: Path
) -> None:
    for file, data in contents(asking / "asked").items():
        (tmp_path / file).write_bytes(data)
    (tmp_path / name).write_bytes(rubbish)
    thread = thread_of(asking / "asked")
    done = run("x", "--resume", thread, "--out", str(tmp_path), "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert f"{name} is damaged" in json.loads(done.stdout)["reason"]
    assert "Traceback" not in done.stderr


def test_going_on_adds_to_the_recording_and_then_it_has_ended(asking: Path) -> None:
    import av

    recording = asking / "asked"
    before, thread = contents(recording), thread_of(recording)
    words = ("the green block", "--resume", thread, "--out", "asked")
    done = run(*words, "--json", cwd=asking)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["instruction"] == "grab the block"
    after = contents(recording)
    for name in ("asked.json", "episode.mp4", "contact_sheet.png"):
        assert after[name] == before[name]
    assert after["events.jsonl"].startswith(before["events.jsonl"])
    assert after["labels.npz"] == before["labels.npz"]
    first, second = (Shards(recording, name) for name in ("labels.npz", "labels-2.npz"))
    assert 0 < len(first) < len(second)
    assert len(Pool([recording])) == len(first) + len(second)
    for name in ("episode-2.mp4", "camera.mp4"):
        with av.open(str(recording / name)) as video:
            assert any(True for _ in video.decode(video=0))
    again = run(*words, cwd=asking)
    assert again.returncode == 2
    assert f'"{thread}" has ended: succeeded' in again.stderr
    assert contents(recording) == after


def test_a_thread_that_goes_on_keeps_the_pictures_that_are_there(tmp_path: Path) -> None:
    acting = Acting(stamp_s=0.0, index=0, call=Call(skill="pick", arguments={"target": "cup_1"}))
    read = ChartRead(stamp_s=0.0, camera="overview", sequence=1, chart={"rows": [], "unread": []})

    def record(level: int, going_on: str | None) -> None:
        frame = Frame(np.full((48, 64, 3), level, np.uint8), "overview", 1, 0.0)
        with Recorder(
            tmp_path,
            lambda: (frame, []),
            explain=lambda _: (frame, np.ones((48, 64), np.float32)),
            frame_of=lambda _: frame,
            going_on=going_on,
        ) as recorder:
            recorder.event(acting)
            recorder.event(read)

    record(40, None)
    before = contents(tmp_path)
    record(200, "grab the cup")
    after = contents(tmp_path)
    for name in ("grounding-00-target.png", "chart.png"):
        assert after[name] == before[name]
        assert after[name.replace(".png", "-2.png")] != before[name]
    told = [json.loads(line) for line in after["groundings.jsonl"].splitlines()]
    assert [row["picture"] for row in told] == [
        "grounding-00-target.png",
        "grounding-00-target-2.png",
    ]
    record(40, None)  # a new recording replaces all of it
    assert contents(tmp_path).keys() == before.keys()


def test_labels_that_are_half_written_are_none_to_learn_from(asking: Path, tmp_path: Path) -> None:
    labels = (asking / "asked" / "labels.npz").read_bytes()
    for name in ("labels.npz", "labels-2.npz", "labels-12.npz"):
        (tmp_path / name).write_bytes(labels)
    for name in ("labels.tmp.npz", "labels-2.tmp.npz"):
        (tmp_path / name).write_bytes(labels[:99])
    assert len(Pool([tmp_path])) == 3 * len(Shards(tmp_path, "labels.npz"))


@pytest.mark.parametrize(
    ("option", "name"), [("--vlm", "gpt-9"), ("--planner", "oracle"), ("--robot", "r2d2")]
)
def test_an_unknown_name_leaves_no_folder(option: str, name: str, tmp_path: Path) -> None:
    done = run("grab the red cup", option, name, "--out", "o", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert name in json.loads(done.stdout)["reason"]
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("option", ["--vlm", "--planner"])
def test_a_server_that_cannot_be_reached_is_a_broken_model(option: str, tmp_path: Path) -> None:
    words = ("grab the red cup", option, NOWHERE, "--out", "o", "--no-video", "--json")
    done = run(*words, cwd=tmp_path, OPENAI_API_KEY="none")
    result = json.loads(done.stdout)
    assert (result["status"], result["error"]) == ("failed", "ModelError")
    assert done.returncode == 5


def test_an_instruction_is_shown_as_it_stands(tmp_path: Path) -> None:
    done = run("grab the [/b] cup [red]", "--no-video", "--out", "o", cwd=tmp_path)
    assert "“grab the [/b] cup [red]”" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("said", "code", "status"),
    [("y\n", 0, "succeeded"), ("no\n", 4, "stopped"), (None, 4, "stopped")],
)
def test_approval_is_asked_for_on_standard_error(
    said: str | None, code: int, status: str, tmp_path: Path
) -> None:
    words = ("grab the red cup", "--approve", "--json", "--no-video", "--out", "o")
    done = run(*words, cwd=tmp_path, said=said)
    assert json.loads(done.stdout)["status"] == status
    assert "execute Pick(" in done.stderr
    assert done.returncode == code


def test_ctrl_c_ends_a_run_as_stopped_with_all_that_it_leaves(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "handeye", "run", "grab the red cup", "--out", "o", "--json"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    events = tmp_path / "o" / "events.jsonl"
    while process.poll() is None and not (events.exists() and '"acting"' in events.read_text()):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    result = json.loads(stdout)
    assert (process.returncode, result["status"]) == (4, "stopped"), stderr
    assert "Traceback" not in stderr
    assert json.loads((tmp_path / "o" / "result.json").read_text()) == result
    assert json.loads(events.read_text().splitlines()[-1])["kind"] == "ended"
    on = run("--resume", result["thread"], "--out", "o", "--no-video", "--json", cwd=tmp_path)
    assert json.loads(on.stdout)["status"] == "succeeded", on.stderr
