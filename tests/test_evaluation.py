"""Evaluation: the same figures for any number of workers, nothing lost, and honest statistics."""

import json
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from handeye.agents.events import Call
from handeye.agents.state import Step
from handeye.perception.errors import UserError

from handeye.cli import main
from handeye.episode import EpisodeResult
from handeye.evaluation import BASELINES, Job, compare, episode_seed, evaluate, wilson
from handeye.evaluation.failures import failed_at
from handeye.evaluation.store import read
from handeye.evaluation.workers import run_all


def without_times(result: EpisodeResult) -> dict[str, object]:
    return result.model_dump(exclude={"seconds", "thread", "recording"})


def test_results_do_not_depend_on_the_number_of_workers() -> None:
    alone, together = (
        evaluate(["grab_red_cup"], 2, vlm="perfect-eyes", jobs=jobs) for jobs in (1, 2)
    )
    assert [without_times(r) for _, r in alone] == [without_times(r) for _, r in together]
    assert all(result.judged for _, result in alone)


def test_seeds_differ_by_task_and_number_and_stay_the_same() -> None:
    a, b = episode_seed("grab", 0), episode_seed("grab", 1)
    assert a.generate_state(4).tolist() != b.generate_state(4).tolist()
    assert a.generate_state(4).tolist() == episode_seed("grab", 0).generate_state(4).tolist()


def test_a_folder_is_gone_on_with_and_becomes_a_report(tmp_path: Path) -> None:
    out = tmp_path / "eval"
    evaluate(["grab_red_cup"], 1, vlm="perfect-eyes", out=out)
    with pytest.raises(UserError, match="--resume goes on with it"):
        evaluate(["grab_red_cup"], 2, vlm="perfect-eyes", out=out)
    told = []
    evaluate(
        ["grab_red_cup"],
        2,
        vlm="perfect-eyes",
        out=out,
        resume=True,
        on_episode=lambda job, _: told.append(job.number),
    )
    assert told == [0, 1]
    assert [job.number for job, _ in read(out)] == [0, 1]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["tasks"] == ["grab_red_cup"]
    assert len(manifest["weights"]) == 64
    [row] = json.loads((out / "summary.json").read_text())
    assert (row["episodes"], row["success"], row["failed_at"]) == (2, 1.0, {})
    page = (out / "report.html").read_text()
    assert page.count("<svg") == 3
    assert "http-equiv" not in page
    import pyarrow.parquet as pq

    table = pq.read_table(out / "results.parquet")
    assert table.column("judged").to_pylist() == [True, True]


def test_a_line_that_was_cut_off_costs_that_line_only(tmp_path: Path) -> None:
    out = tmp_path / "eval"
    evaluate(["grab_red_cup"], 1, vlm="perfect-eyes", planner="random", out=out)
    with (out / "results.jsonl").open("a") as log:
        log.write('{"job": {"task": "gra')
    assert len(read(out)) == 1


def die_once(job: Job) -> EpisodeResult:
    """Dies the first time that an episode is tried, hangs on number 1, works on number 2."""
    mark = Path(str(job.record))
    if job.number == 0 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if job.number == 1:
        signal.pause()
    return EpisodeResult(task=job.task, instruction="", status="succeeded", judged=True)


def test_a_worker_that_dies_or_hangs_costs_a_retry_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handeye.evaluation.workers.run_job", die_once)
    plan = [Job("x", number, record=str(tmp_path / "mark")) for number in range(3)]
    done = {job.number: result for job, result in run_all(plan, 2, timeout_s=3.0)}
    assert done[0].judged is True
    assert done[1].judged is False
    assert "hung, 2 times" in done[1].reason
    assert done[2].judged is True


def test_the_baselines_are_measured_on_the_same_seeds() -> None:
    finished = evaluate(["grab_red_cup"], 1, vlm="perfect-eyes", baselines=BASELINES[2:])
    labels = [job.setting.label for job, _ in finished]
    assert labels == ["agent", "random planner"]
    agent, chance = (result for _, result in finished)
    assert agent.instruction == chance.instruction
    assert agent.judged is True


def ended(**fields: object) -> EpisodeResult:
    return EpisodeResult.model_validate(
        {"task": "t", "instruction": "i", "status": "failed", "judged": False, **fields}
    )


@pytest.mark.parametrize(
    ("fields", "stage"),
    [
        ({"judged": True, "status": "succeeded"}, None),
        ({"status": "succeeded"}, "verification"),
        ({"status": "needs_input", "question": "which cup do you mean: …?"}, "grounding"),
        ({"status": "needs_input", "question": "what should I do with it?"}, "language"),
        ({"reason": 'nothing here matches "red cup"; in view: …'}, "perception"),
        ({"reason": 'I do not understand "grok"'}, "language"),
        ({"reason": "out of time (601 s)"}, "timeout"),
        ({"skills": [Step(call=Call(skill="pick"), code="no_grasp")]}, "grasp"),
        ({"skills": [Step(call=Call(skill="pick"), code="ok", verified="no")]}, "grasp"),
        ({"skills": [Step(call=Call(skill="place"), code="ok", verified="no")]}, "place"),
        ({"skills": [Step(call=Call(skill="push"), code="blocked")]}, "motion"),
        (
            {"skills": [Step(call=Call(skill="place"), code="ok", verified="can't tell")]},
            "verification",
        ),
    ],
)
def test_where_an_episode_failed_is_told_from_its_record(
    fields: dict[str, object], stage: str | None
) -> None:
    assert failed_at(ended(**fields)) == stage


def test_wilson_agrees_with_the_textbook() -> None:
    low, high = wilson(90, 100)
    assert (round(low, 3), round(high, 3)) == (0.826, 0.945)
    assert wilson(0, 0) == (0.0, 1.0)


def test_paired_outcomes_are_compared_by_what_differs() -> None:
    first = [True] * 40 + [True] * 2 + [False] * 12 + [False] * 6
    second = [True] * 40 + [False] * 2 + [True] * 12 + [False] * 6
    found = compare(first, second)
    assert (found.only_first, found.only_second) == (2, 12)
    # The exact test of 2 against 12: 2 * sum of C(14, k) / 2^14 for k = 0, 1, 2.
    assert found.p == pytest.approx(2 * (1 + 14 + 91) / 2**14)
    assert found.difference == pytest.approx(10 / 60)
    assert found.low < found.difference < found.high
    assert compare([True, False], [True, False]).p == 1.0


def test_the_command_prints_a_table_and_compares_folders(tmp_path: Path) -> None:
    runner = CliRunner()
    folders = [str(tmp_path / name) for name in "ab"]
    for folder in folders:
        options = ["--episodes", "1", "--vlm", "perfect-eyes", "--out", folder]
        done = runner.invoke(main, ["eval", "grab_red_cup", *options])
        assert done.exit_code == 0, done.output
        assert "| agent | grab_red_cup | all | 1 | 100.0 %" in done.output
    done = runner.invoke(main, ["compare", *folders, "--json"])
    assert json.loads(done.output)["grab_red_cup"]["count"] == 1
