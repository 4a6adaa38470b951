"""`handeye eval` and `handeye compare`."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from handeye.perception.errors import UserError

from ..episode import EpisodeResult
from ..evaluation import BASELINES, ENTROPY, SPLITS, Comparison, Job, compare, wilson
from ..evaluation import evaluate as run_all
from ..evaluation.report import as_markdown, rows
from ..evaluation.store import Finished, read
from ..quiet import import_simulator

if TYPE_CHECKING:
    from rich.table import Table

INTERRUPTED = 130


def evaluate(
    *,
    tasks: tuple[str, ...],
    episodes: int,
    jobs: int,
    entropy: int | None,
    vlm: str,
    planner: str,
    split: str,
    baselines: bool,
    out: str | None,
    resume: bool,
    record: bool,
    as_json: bool,
) -> int:
    """Run the episodes with a live table, and print the result; returns the exit code."""
    import_simulator()
    from rich.console import Console
    from rich.live import Live

    from handeye.sims.tasks import get_task, task_names

    tasks = task_names(tasks)
    for name in tasks:
        get_task(name)
    if split not in SPLITS:
        raise UserError(f'there is no split "{split}"; there are {", ".join(SPLITS)}')
    if (resume or record) and out is None:
        raise UserError("--resume and --record need a folder: --out")
    others = BASELINES if baselines else ()
    finished: Finished = []
    board = _Board(len(tasks) * episodes * (1 + len(others)))
    interrupted = False
    with Live(console=Console(stderr=True), refresh_per_second=4, transient=True) as live:

        def tick(job: Job, result: EpisodeResult) -> None:
            finished.append((job, result))
            live.update(board.table(finished))

        try:
            finished = run_all(
                tasks,
                episodes,
                vlm=vlm,
                planner=planner,
                jobs=jobs,
                entropy=entropy or ENTROPY,
                split=split,
                baselines=others,
                out=Path(out) if out else None,
                resume=resume,
                record=record,
                on_episode=tick,
            )
        except KeyboardInterrupt:
            interrupted = True
    table = rows(finished)
    print(json.dumps(table) if as_json else as_markdown(table))
    if out is not None and not as_json:
        print(f"\nreport: {Path(out) / 'report.html'}")
    if interrupted:
        hint = f"; go on with --resume --out {out}" if out else ""
        print(f"interrupted after {len(finished)} episodes{hint}", file=sys.stderr)
        return INTERRUPTED
    return 0


class _Board:
    """The live table: what is done, how well, and how long it will still take."""

    def __init__(self, total: int) -> None:
        self._total, self._began = total, time.monotonic()

    def table(self, finished: Finished) -> "Table":
        from rich.table import Table

        took = time.monotonic() - self._began
        left = took / max(len(finished), 1) * (self._total - len(finished))
        shown = Table(
            title=f"{len(finished)} of {self._total} episodes, about {_clock(left)} left",
            title_justify="left",
            box=None,
        )
        for column in ("agent", "task", "done", "success", "95 % interval"):
            shown.add_column(column, justify="left" if column in ("agent", "task") else "right")
        groups: dict[tuple[str, str], list[bool]] = {}
        for job, result in finished:
            groups.setdefault((job.setting.label, job.task), []).append(bool(result.judged))
        for (agent, task), good in groups.items():
            low, high = wilson(sum(good), len(good))
            shown.add_row(
                agent,
                task,
                str(len(good)),
                f"{100 * sum(good) / len(good):.1f} %",
                f"{100 * low:.1f}–{100 * high:.1f} %",
            )
        return shown


def compare_folders(first: str, second: str, as_json: bool) -> None:
    """Compare two evaluations on the episodes that both hold, task by task."""
    a, b = (_outcomes(Path(folder)) for folder in (first, second))
    common = sorted(set(a) & set(b))
    if not common:
        raise UserError(f"{first} and {second} share no episodes: other tasks, splits or seeds")
    tasks = list(dict.fromkeys(key[0] for key in common))
    found: dict[str, Comparison] = {}
    for task in tasks:
        keys = [key for key in common if key[0] == task]
        found[task] = compare([a[key] for key in keys], [b[key] for key in keys])
    if len(tasks) > 1:
        found["all"] = compare([a[key] for key in common], [b[key] for key in common])
    if as_json:
        print(json.dumps({task: asdict(one) for task, one in found.items()}))
        return
    print("| task | episodes | A | B | B - A (95 % interval) | only A | only B | p |")
    print("|---|---|---|---|---|---|---|---|")
    for task, one in found.items():
        print(
            f"| {task} | {one.count} | {100 * one.first:.1f} % | {100 * one.second:.1f} % "
            f"| {100 * one.difference:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f}) "
            f"| {one.only_first} | {one.only_second} | {one.p:.3g} |"
        )


def _outcomes(folder: Path) -> dict[tuple[str, str, int, int], bool]:
    """Whether each episode succeeded, by task, split, entropy and number; of the first agent."""
    finished = read(folder)
    label = finished[0][0].setting.label if finished else ""
    return {
        (job.task, job.split, job.entropy, job.number): bool(result.judged)
        for job, result in finished
        if job.setting.label == label
    }


def _clock(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
