"""import handeye: its public surface, its weight, its sessions, episodes and recordings."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from handeye.agents.agent import Agent
from handeye.agents.events import EVENTS, Started
from handeye.perception.errors import RobotError, UserError
from handeye.perception.frame import Frame
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import simulate
from handeye.sims.tasks import get_task

import handeye
from handeye.episode import run_episode
from handeye.recording import Recorder


def test_the_public_surface_is_fixed() -> None:
    assert handeye.__all__ == [
        "Agent", "Budget", "Result", "__version__", "agents", "connect", "errors", "evaluate",
        "perception", "run_episode", "sims", "skills",
    ]  # fmt: skip
    for name in handeye.__all__:
        assert getattr(handeye, name) is not None
    with pytest.raises(AttributeError, match="it has: Agent"):
        handeye.teleport  # noqa: B018


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, handeye; "
        "print([m for m in ('torch', 'transformers', 'langgraph', 'pybullet', 'cv2', 'scipy', "
        "'numpy', 'gymnasium') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_session_scripts_skills_directly() -> None:
    with handeye.connect("sim", seed=7, instruction="a green block") as robot:
        outcome = robot.do(handeye.skills.LookAt(target="the green block"))
        assert outcome.ok, outcome


def test_an_agent_takes_a_session() -> None:
    with handeye.connect("sim", seed=3, instruction="a red cup") as robot:
        result = handeye.Agent(robot, observer=robot.observer).run("look at the red cup")
        assert result.status == "succeeded", result


def test_what_is_no_robot_is_refused() -> None:
    with pytest.raises(UserError, match="int is no Robot"):
        handeye.connect(7)


def test_an_option_that_is_not_known_is_refused() -> None:
    with pytest.raises(UserError, match="no option sed, tsk; it knows robot, seed, task, scene"):
        handeye.connect("sim", sed=7, tsk="grab")


def test_another_instruction_than_the_tasks_own_is_not_judged() -> None:
    task = get_task("grab_red_cup")
    result = run_episode(task, 21, instruction="go home", eyes=_perfect)
    assert result.status == "succeeded"
    assert result.judged is None
    own = run_episode(task, 21, eyes=_perfect).instruction
    assert run_episode(task, 21, instruction=f"{own}.".upper(), eyes=_perfect).judged is True


def test_what_broke_is_told_from_what_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def hot(*_: object, **__: object) -> None:
        broken["fault"] = "the motor is hot"
        raise RobotError("the motor is hot")

    broken: dict[str, str] = {}
    with simulate(get_task("grab_red_cup"), 21) as simulation:
        robot, read = simulation.robot, simulation.robot.read
        monkeypatch.setattr(robot, "read", lambda: replace(read(), **broken))
        monkeypatch.setattr(robot, "move_joints", hot)
        agent = Agent(robot, vlm=_perfect(simulation))
        refused = agent.run("grab the unicorn")
        assert (refused.status, refused.error) == ("failed", "")
        failed = agent.run("grab the red cup")
        assert (failed.status, failed.reason) == ("failed", "the motor is hot")
        assert failed.skills[-1].code == "fault"
        assert failed.error == "RobotError"


def test_a_recording_is_replaced_and_nothing_else_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    frame = Frame(np.zeros((240, 320, 3), np.uint8), "overview", 0, 0.0)
    for name in ("first", "second"):
        (tmp_path / f"grounding-0{len(name)}-target.png").touch()
        with Recorder(tmp_path, lambda: (frame, [])) as recorder:
            recorder.event(Started(stamp_s=0.0, instruction=name, thread=name))
    [line] = (tmp_path / "events.jsonl").read_text().splitlines()
    assert json.loads(line)["thread"] == "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.jsonl", "notes.txt"]


def test_the_same_seed_is_the_same_episode_bit_for_bit(tmp_path: Path) -> None:
    records = []
    for name in ("a", "b"):
        result = run_episode(
            get_task("grab_red_cup"), 21, out=tmp_path / name, video=False, eyes=_perfect
        )
        assert result.judged is True
        events = (tmp_path / name / "events.jsonl").read_text()
        records.append(events.replace(result.thread, "thread"))
    assert records[0] == records[1]


def _perfect(simulation: object) -> PerfectEyes:
    return PerfectEyes(simulation.world)  # type: ignore[attr-defined]


def test_a_recording_plays_and_tells_the_story(tmp_path: Path) -> None:
    import av
    from PIL import Image

    out = tmp_path / "episode"
    result = run_episode(get_task("grab_red_cup"), 21, out=out, eyes=_perfect)
    assert result.recording == str(out)
    lines = (out / "events.jsonl").read_text().splitlines()
    kinds = [EVENTS.validate_json(line).kind for line in lines]
    assert kinds[0] == "started"
    assert kinds[-1] == "ended"
    with av.open(str(out / "episode.mp4")) as video:
        stream = video.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert sum(1 for _ in video.decode(stream)) > 20
    with Image.open(out / "contact_sheet.png") as sheet:
        assert sheet.width > 1000
    assert json.loads((out / "result.json").read_text())["judged"] is True


def test_a_crash_leaves_events_and_a_playable_video(tmp_path: Path) -> None:
    import av

    frame = Frame(np.zeros((240, 320, 3), np.uint8), "overview", 0, 0.0)
    recorder = Recorder(tmp_path, lambda: (frame, []))
    recorder.event(Started(stamp_s=0.0, instruction="grab", thread="t"))
    for _ in range(60):
        recorder.frame(frame)
    # Nothing is closed, as if the process had died here.
    assert EVENTS.validate_json((tmp_path / "events.jsonl").read_text())
    written = tmp_path / "copy.mp4"
    written.write_bytes((tmp_path / "episode.mp4").read_bytes())
    if written.stat().st_size:
        with av.open(str(written)) as video:
            assert any(True for _ in video.decode(video=0))
    recorder.close()
