"""Evaluation: the same figures for any number of workers, nothing lost, and honest statistics."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from handeye.agents.events import Call
from handeye.agents.state import Step
from handeye.perception.errors import NotFoundError, SceneFileError, UserError
from handeye.sims.tasks import get_task
from handeye.sims.tasks.task import Setup, Table, Task

from handeye.cli import main
from handeye.episode import EpisodeResult
from handeye.evaluation import (
    BASELINES,
    SPLITS,
    Job,
    Setting,
    compare,
    compare_runs,
    episode_seed,
    evaluate,
    open_run,
    wilson,
)
from handeye.evaluation.failures import failed_at, false_alarm, false_success, recovered
from handeye.evaluation.store import Finished, read
from handeye.evaluation.suite import load_suite, tasks_named
from handeye.evaluation.tables import disturbances, gaps, rows
from handeye.evaluation.workers import Ended, collect, run_here, run_in_processes

PERFECT = Setting(vlm="perfect-eyes")
QUICK = "do_the_impossible"
"""A task whose right end is a refusal, so that its episodes take a second."""


def plan_of(task: str, count: int) -> list[Job]:
    return [Job(task, number, PERFECT) for number in range(count)]


def results(ended: Ended) -> dict[int, dict[str, object]]:
    """Everything that an episode is but its wall-clock time and its thread's name."""
    return {job.number: r.model_dump(exclude={"seconds", "thread"}) for job, r in ended}


def test_results_do_not_depend_on_the_number_of_workers() -> None:
    plan = [*plan_of(QUICK, 5), Job("grab_red_cup", 7, PERFECT, split="disturbed")]
    tasks = tasks_named([QUICK, "grab_red_cup"])
    alone = results(run_here(plan, tasks))
    assert len(alone) == 6
    assert alone[7]["skills"]
    assert all(alone[number]["judged"] for number in range(5))
    for jobs in (2, 3):
        assert results(run_in_processes(plan, tasks, jobs)) == alone


def test_seeds_differ_by_task_and_number_and_stay_the_same() -> None:
    a, b = episode_seed("grab", 0), episode_seed("grab", 1)
    assert a.generate_state(4).tolist() != b.generate_state(4).tolist()
    assert a.generate_state(4).tolist() == episode_seed("grab", 0).generate_state(4).tolist()


# --- what is named -------------------------------------------------------------------------------

TASK = """
name: tidy
instruction: put the red cup on the blue plate
objects: [{color: red, category: cup}, {color: blue, category: plate}]
goal: [{kind: on, object: red cup, support: blue plate}]
"""


def test_a_file_of_tasks_is_a_suite(tmp_path: Path) -> None:
    (tmp_path / "tidy.yaml").write_text(TASK)
    file = tmp_path / "suite.yaml"
    file.write_text("tasks: [grab_red_cup, tidy.yaml]\nepisodes: 3\nsplits: [seen, dark]\n")
    suite = load_suite(file)
    assert suite is not None
    assert (suite.episodes, suite.splits) == (3, ("seen", "dark"))
    # A task is known by its name: its seeds do not depend on where its file lies.
    assert list(tasks_named(suite.tasks)) == ["grab_red_cup", "tidy"]
    assert load_suite(tmp_path / "tidy.yaml") is None


def test_what_is_wrong_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="tasks: "):
        evaluate(["fly"], 1)
    with pytest.raises(UserError, match='no split "moon"; there are all, seen'):
        evaluate([QUICK], 1, split="moon")
    with pytest.raises(UserError, match='no planner "guess"'):
        evaluate([QUICK], 1, planner="guess")
    with pytest.raises(UserError, match="nowhere"):
        evaluate([QUICK], 1, vlm=str(tmp_path / "nowhere"))
    suite = tmp_path / "suite.yaml"
    suite.write_text("tasks: [grab]\nepisodes: 0\n")
    with pytest.raises(SceneFileError, match=r"suite\.yaml, episodes: "):
        load_suite(suite)
    (tmp_path / "other").mkdir()
    for folder, text in ((tmp_path, TASK), (tmp_path / "other", TASK.replace("red", "green"))):
        (folder / "tidy.yaml").write_text(text)
    with pytest.raises(UserError, match='two different tasks are named "tidy"'):
        tasks_named([str(tmp_path / "tidy.yaml"), str(tmp_path / "other" / "tidy.yaml")])


# --- the folder ----------------------------------------------------------------------------------


def test_a_folder_is_gone_on_with_and_becomes_a_report(tmp_path: Path) -> None:
    out = tmp_path / "eval"
    evaluate([QUICK], 1, vlm="perfect-eyes", out=out)
    with pytest.raises(UserError, match="--resume goes on with it"):
        evaluate([QUICK], 2, vlm="perfect-eyes", out=out)
    with pytest.raises(UserError, match=r"was begun with .*perfect-eyes.*, not with .*embedded"):
        evaluate([QUICK], 2, out=out, resume=True)
    told = []
    evaluate(
        [QUICK],
        2,
        vlm="perfect-eyes",
        out=out,
        resume=True,
        record=True,
        on_episode=lambda job, _, fresh: told.append((job.number, fresh)),
    )
    assert told == [(0, False), (1, True)]
    assert [job.number for job, _ in read(out)] == [0, 1]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["tasks"] == [QUICK]
    [row] = json.loads((out / "summary.json").read_text())["rows"]
    assert (row["episodes"], row["success"], row["failed_at"]) == (2, 1.0, {})
    assert row["false_alarm"] == 0.0  # a refusal is what the task wants
    page = (out / "report.html").read_text()
    assert page.count("<svg") == 3
    link = f"episodes/agent/all/{QUICK}-0001/episode.mp4"
    assert f'href="{link}"' in page
    assert (out / link).exists()
    assert "http-equiv" not in page  # it is done, and need not be loaded again
    import pyarrow.parquet as pq

    table = pq.read_table(out / "results.parquet")
    assert table.column("judged").to_pylist() == [True, True]


def test_other_weights_do_not_go_on_with_a_folder(tmp_path: Path) -> None:
    from handeye.evaluation.manifest import make_manifest, write_manifest

    plan = [Job(QUICK, 0)]
    write_manifest(tmp_path, make_manifest(plan, {}))
    made = make_manifest(plan, {})
    assert len(made["weights"]["embedded"]) == 64
    write_manifest(tmp_path, made)
    with pytest.raises(UserError, match='begun with other weights of "embedded"'):
        write_manifest(tmp_path, made | {"weights": {"embedded": "0" * 64}})


def test_a_folder_that_holds_more_than_is_asked_for_is_not_reported_on_in_part(
    tmp_path: Path,
) -> None:
    out = tmp_path / "eval"
    evaluate([QUICK], 2, vlm="perfect-eyes", out=out)
    before = (out / "report.html").read_text()
    said = f"was begun with more .*: tasks {QUICK}; splits all; agents agent; .* 2 episodes"
    for tasks, count in ((["grab_absent"], 2), ([QUICK], 1)):
        with pytest.raises(UserError, match=said):
            evaluate(tasks, count, vlm="perfect-eyes", out=out, resume=True)
    assert (out / "report.html").read_text() == before
    finished = evaluate([QUICK, "grab_absent"], 2, vlm="perfect-eyes", out=out, resume=True)
    assert len(finished) == 4


def test_a_task_file_that_was_edited_is_another_task(tmp_path: Path) -> None:
    file, folders = tmp_path / "tidy.yaml", [tmp_path / name for name in "ab"]
    ways = [TASK.replace("put the red cup", "sing"), TASK.replace("put the red cup", "fly")]
    for folder, text in zip(folders, ways, strict=True):
        file.write_text(text)
        evaluate([str(file)], 1, vlm="perfect-eyes", out=folder)
    with pytest.raises(UserError, match='a was begun with other words in the file of task "tidy"'):
        evaluate([str(file)], 2, vlm="perfect-eyes", out=folders[0], resume=True)
    done = CliRunner().invoke(main, ["compare", *map(str, folders)])
    assert 'file of task "tidy": ' in done.output
    # A comment is no other task.
    file.write_text(f"# the same\n{ways[1]}")
    assert len(evaluate([str(file)], 2, vlm="perfect-eyes", out=folders[1], resume=True)) == 2


def test_a_line_that_was_cut_off_costs_that_line_only(tmp_path: Path) -> None:
    out = tmp_path / "eval"
    evaluate([QUICK], 1, vlm="perfect-eyes", out=out)
    with (out / "results.jsonl").open("a") as log:
        log.write('{"job": {"task": "gra')
    assert len(read(out)) == 1
    evaluate([QUICK], 2, vlm="perfect-eyes", out=out, resume=True)
    assert [job.number for job, _ in read(out)] == [0, 1]


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    out = tmp_path / "eval"
    command = [sys.executable, "-m", "handeye", "eval", QUICK, "--episodes", "5000"]
    options = ["--vlm", "perfect-eyes", "--jobs", "1", "--out", str(out)]
    process = subprocess.Popen(
        [*command, *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    kept_there = out / "results.jsonl"
    while process.poll() is None and not (kept_there.exists() and kept_there.stat().st_size):
        time.sleep(0.1)
    # As a terminal does it: to the command and all of its workers.
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    kept = len(read(out))
    assert process.returncode == 4
    assert 1 <= kept < 5000
    assert f"interrupted after {kept} episodes; go on with --resume --out" in stderr
    assert "Traceback" not in stderr
    assert f"| agent | {QUICK} | all | {kept} |" in stdout
    assert (out / "report.html").exists()


def test_no_more_jobs_are_submitted_than_can_be_run_soon() -> None:
    plan, submitted = plan_of(QUICK, 9), list[Job]()

    def submit(job: Job) -> Future[EpisodeResult]:
        submitted.append(job)
        future: Future[EpisodeResult] = Future()
        future.set_result(
            EpisodeResult(task=job.task, instruction="", status="succeeded", judged=True)
        )
        return future

    ended = collect(plan, submit, lambda _: None, at_once=3)
    assert next(ended)[0] == plan[0]
    assert submitted == plan[:3], "a plan of a million episodes begins at once, and ends at Ctrl-C"
    assert [job for job, _ in ended] == plan[1:]


# --- workers that die or hang --------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """A task that takes its worker down, the first time or each time, or never ends."""

    name: str
    mark: Path

    def build(self, table: Table) -> Setup:
        if self.name == "hangs":
            signal.pause()
        if self.name == "dies" or not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return get_task(QUICK).build(table)


def test_a_worker_that_dies_costs_a_retry_not_the_run(tmp_path: Path) -> None:
    tasks: dict[str, Task] = {n: Trouble(n, tmp_path / "mark") for n in ("dies once", "dies")}
    tasks[QUICK] = get_task(QUICK)
    plan = [Job(name, 0, PERFECT) for name in tasks]
    done = {job.task: result for job, result in run_in_processes(plan, tasks, 2)}
    assert done["dies once"].judged is True
    assert "died, 2 times" in done["dies"].reason
    assert done["dies"].judged is False
    assert failed_at(done["dies"]) == "broken"
    assert done[QUICK].judged is True


def test_a_worker_that_hangs_is_given_up(tmp_path: Path) -> None:
    tasks = {"hangs": Trouble("hangs", tmp_path / "mark")}
    [(_, result)] = run_in_processes([Job("hangs", 0, PERFECT)], tasks, 1, timeout_s=2.0)
    assert result.judged is False
    assert "hung, 2 times" in result.reason


# --- agents and what became of them --------------------------------------------------------------


def test_the_baselines_are_measured_on_the_same_seeds() -> None:
    finished = evaluate(["grab_red_cup"], 1, vlm="perfect-eyes", baselines=BASELINES[2:])
    labels = [job.setting.label for job, _ in finished]
    assert labels == ["agent", "random planner"]
    agent, chance = (result for _, result in finished)
    assert agent.instruction == chance.instruction
    assert agent.judged is True
    [gap] = gaps(finished)
    assert (gap["against"], gap["episodes"]) == ("random planner", 1)


def test_a_split_is_measured_beside_another() -> None:
    finished = evaluate([QUICK], 1, vlm="perfect-eyes", split=("seen", "dark"))
    assert [row["split"] for row in rows(finished)] == ["seen", "dark"]
    assert {"seen", "unseen-objects", "unseen-words", "clutter", "dark", "disturbed"} < set(SPLITS)


PICKED = Step(call=Call(skill="pick"), code="ok")


def ended(**fields: object) -> EpisodeResult:
    return EpisodeResult.model_validate(
        {"task": "t", "instruction": "i", "status": "failed", "judged": False, **fields}
    )


@pytest.mark.parametrize(
    ("fields", "stage"),
    [
        ({"judged": True, "status": "succeeded"}, None),
        ({"reason": "the server cannot be reached", "error": "ModelError"}, "broken"),
        ({"status": "succeeded"}, "planning"),
        (
            {"status": "succeeded", "skills": [Step(call=Call(skill="pick"), code="ok")]},
            "verification",
        ),
        ({"status": "needs_input", "question": "which cup do you mean: …?"}, "grounding"),
        ({"status": "needs_input", "question": "what should I do with it?"}, "language"),
        ({"reason": 'nothing here matches "red cup"; in view: …'}, "perception"),
        ({"reason": 'I do not understand "grok"'}, "language"),
        ({"reason": "nothing fits into the red cup"}, "refused wrongly"),
        ({"status": "succeeded", "ending": "answers"}, "perception"),
        ({"status": "succeeded", "ending": "asks"}, "grounding"),
        ({"status": "succeeded", "ending": "refuses"}, "planning"),
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


def test_every_stage_has_its_place_in_the_plot_of_failures() -> None:
    from handeye.evaluation.plots import failure_plot

    table = rows([(Job("t", 0), ended(error="ModelError"))])
    assert table[0]["failed_at"] == {"broken": 1}
    [axes] = failure_plot(table).axes
    assert [bars.get_label() for bars in axes.containers] == ["broken"]


def test_what_is_claimed_is_held_against_the_judge() -> None:
    assert false_success(ended(status="succeeded"))
    assert not false_success(ended(status="succeeded", judged=True))
    assert false_alarm(ended(judged=True))
    # Where a task wants a question or a refusal, that is no alarm.
    assert not false_alarm(ended(judged=True, ending="refuses"))
    assert not false_alarm(ended(judged=True, status="needs_input", ending="asks"))


def test_disturbances_are_counted_by_what_became_of_them() -> None:
    each = [
        {"judged": True, "status": "succeeded", "disturbed_by": "moved"},
        {"status": "failed", "disturbed_by": "moved"},
        {"status": "succeeded", "disturbed_by": "moved"},
        {"judged": True, "status": "succeeded"},  # nothing happened
    ]
    finished: Finished = [(Job("t", i), ended(**fields)) for i, fields in enumerate(each)]
    assert [recovered(result) for _, result in finished] == [True, False, False, False]
    [row] = rows(finished)
    assert (row["disturbed"], row["recovered"]) == (3, 1)
    [kind] = disturbances(finished)
    assert (kind["disturbance"], kind["recovered"], kind["said_so"], kind["fooled"]) == (
        "moved", 1, 1, 1,
    )  # fmt: skip


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
        options = ["--episodes", "1", "--jobs", "0", "--vlm", "perfect-eyes", "--out", folder]
        done = runner.invoke(main, ["eval", QUICK, *options])
        assert done.exit_code == 0, done.output
        assert f"| agent | {QUICK} | all | 1 | 100.0 %" in done.output
    done = runner.invoke(main, ["compare", *folders, "--json"])
    [row] = json.loads(done.output)["rows"]
    assert (row["task"], row["count"], row["p"]) == (QUICK, 1, 1.0)
    done = runner.invoke(main, ["compare", folders[0], f"{folders[1]}:chance"])
    assert 'has no agent "chance"; it has: agent' in done.output


def test_agents_of_one_folder_are_compared_and_what_differs_is_named(tmp_path: Path) -> None:
    from handeye.evaluation.comparing import differences
    from handeye.evaluation.manifest import make_manifest, write_manifest
    from handeye.evaluation.store import Store

    store = Store(tmp_path)
    plan = []
    for label, verify in (("agent", True), ("open loop", False)):
        for task in ("a", "b"):
            job = Job(task, 0, Setting(label, verify=verify))
            plan.append(job)
            store.add(job, ended(judged=verify))
    store.close()
    write_manifest(tmp_path, make_manifest(plan, {}))
    first, second = open_run(str(tmp_path)), open_run(f"{tmp_path}:open loop")
    found = compare_runs(first, second)
    assert found["all tasks", "all"].only_first == 2
    assert differences(first, second) == ["verify: True → False"]


# --- a cluster -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> "Iterator[object]":
    """A head without CPUs and two nodes with one each, all on this machine."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'handeye[ray]'")
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 80 * 1024 * 1024}
    found = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **small}
    )
    try:
        yield found
    finally:
        ray.shutdown()
        found.shutdown()


def test_a_node_that_dies_in_mid_run_loses_nothing(cluster: object, tmp_path: Path) -> None:
    small = {"num_cpus": 1, "object_store_memory": 80 * 1024 * 1024}
    nodes = [cluster.add_node(**small) for _ in range(2)]  # type: ignore[attr-defined]
    killed = []

    def on_episode(job: Job, result: EpisodeResult, fresh: bool) -> None:
        if not killed:
            killed.append(nodes[0])
            cluster.remove_node(nodes[0], allow_graceful=False)  # type: ignore[attr-defined]

    address = cluster.address  # type: ignore[attr-defined]
    finished = evaluate(
        [QUICK], 6, vlm="perfect-eyes", ray=address, out=tmp_path / "eval", on_episode=on_episode
    )
    assert killed
    assert len(read(tmp_path / "eval")) == 6
    assert results(iter(finished)) == results(run_here(plan_of(QUICK, 6), tasks_named([QUICK])))
    manifest = json.loads((tmp_path / "eval" / "manifest.json").read_text())
    assert len(manifest["nodes"]) == 2


def test_an_episode_that_hangs_ends_its_worker_on_a_cluster_too(tmp_path: Path) -> None:
    import multiprocessing

    from handeye.evaluation.cluster import _run

    arguments = (Job("hangs", 0, PERFECT), Trouble("hangs", tmp_path / "mark"), 1.0)
    worker = multiprocessing.get_context("spawn").Process(target=_run, args=arguments)
    worker.start()
    worker.join(120)
    assert worker.exitcode == 1
