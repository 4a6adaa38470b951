"""Episodes: what a right end of one is, and what is kept of its motion."""

from pathlib import Path

import numpy as np
import pytest
from handeye.agents.agent import Result
from handeye.agents.events import Call
from handeye.agents.state import Step
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.tasks import get_task
from handeye.sims.tasks.task import Setup

from handeye.episode import ended_rightly, run_episode

LOST = Step(call=Call(skill="look_at"), code="not_found", message="nothing was seen")
LOOKED = Step(call=Call(skill="look_around"), code="ok", message="looked around")
PICKED = Step(call=Call(skill="pick"), code="ok")


@pytest.mark.parametrize("ending", ["done", "answers", "asks", "refuses"])
@pytest.mark.parametrize("status", ["succeeded", "failed", "needs_input"])
def test_what_is_broken_never_ends_rightly(ending: str, status: str) -> None:
    setup = Setup("…", (), ending=ending, answer=("3",))  # type: ignore[arg-type]
    result = Result(status=status, answer="3", error="ModelError")  # type: ignore[arg-type]
    assert not ended_rightly(setup, result)


@pytest.mark.parametrize(
    ("result", "right"),
    [
        (Result(status="failed", reason="there is no cup"), True),
        (Result(status="failed", reason="there is no cup", skills=(LOOKED,)), True),
        (Result(status="failed", reason="there is no cup", skills=(LOST,)), True),
        (Result(status="needs_input", question="what should I do?"), True),
        (Result(status="failed", reason="there is no cup", skills=(PICKED,)), False),
        (Result(status="failed", reason="out of time (601 s)", skills=(LOOKED,)), False),
        (Result(status="failed", reason="out of steps (1)", skills=(LOOKED,)), False),
        (Result(status="failed", reason=LOST.message, skills=(LOST,)), False),
        (
            Result(status="failed", reason="after look_at: … (tried 4 times)", skills=(LOST,)),
            False,
        ),
        (Result(status="stopped", reason="stopped by Ctrl-C"), False),
        (Result(status="succeeded"), False),
    ],
)
def test_only_a_planner_refuses(result: Result, right: bool) -> None:
    assert ended_rightly(Setup("…", (), ending="refuses"), result) is right


@pytest.mark.parametrize(
    ("answer", "wanted", "right"),
    [
        ("There are two blocks.", "2", True),
        ("Two: a red one and a blue one.", "2", True),
        ("There are two: a red one and a blue one.", "1", False),
        ("There are 2.5 of them.", "2", False),
        ("There are 12.", "2", False),
        ("It is 2.", "2", True),
        ("None.", "0", True),
        ("yes, there is", "yes", True),
        ("yesterday", "yes", False),
    ],
)
def test_an_answer_is_looked_for_in_words_and_digits(answer: str, wanted: str, right: bool) -> None:
    setup = Setup("…", (), ending="answers", answer=(wanted,))
    assert ended_rightly(setup, Result(status="succeeded", answer=answer)) is right


def test_a_recording_tells_where_the_arm_was(tmp_path: Path) -> None:
    import av

    task, eyes = get_task("grab_red_cup"), lambda s: PerfectEyes(s.world)
    result = run_episode(task, 21, out=tmp_path, eyes=eyes)
    assert result.judged is True
    with np.load(tmp_path / "trajectory.npz") as kept:
        stamps, q, dq, width = (kept[key] for key in ("stamp_s", "q", "dq", "gripper_width_m"))
        tcp, filmed = kept["T_base_tcp"][:, :3, 3], kept["camera_stamp_s"]
    assert np.diff(stamps) == pytest.approx(0.05)
    assert stamps[-1] - stamps[0] == pytest.approx(result.simulated_s, abs=1.0)
    assert q.shape == dq.shape == (len(stamps), 7)
    # What the joints' velocities add up to is how far they went.
    travelled = np.trapezoid(dq, stamps, axis=0)
    assert travelled == pytest.approx(q[-1] - q[0], abs=0.1)
    assert tcp[-1, 2] > 0.05, "the cup was lifted"
    assert width.min() < width[0] - 0.01, "the gripper closed on it"
    with av.open(str(tmp_path / "camera.mp4")) as video:
        assert len(filmed) == sum(1 for _ in video.decode(video=0))
    assert (stamps[0] <= filmed).all()
    # A new recording replaces it.
    run_episode(get_task("do_the_impossible"), 0, out=tmp_path, eyes=eyes, video=False)
    with np.load(tmp_path / "trajectory.npz") as kept:
        assert len(kept["stamp_s"]) < len(stamps)
        assert len(kept["camera_stamp_s"]) == 0
    assert not list(tmp_path.glob("trajectory-*"))
