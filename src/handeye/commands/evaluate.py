"""`handeye eval`."""

import json
from pathlib import Path
from typing import Any

from ..episode import EpisodeResult
from ..evaluation import ENTROPY, Job, wilson
from ..evaluation import evaluate as run_all
from ..quiet import import_simulator


def evaluate(
    *,
    tasks: tuple[str, ...],
    episodes: int,
    jobs: int,
    entropy: int | None,
    vlm: str,
    planner: str,
    held_out: bool,
    dark: bool,
    out: str | None,
    as_json: bool,
) -> None:
    """Run the episodes with a progress bar, and print the table."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    import_simulator()
    from handeye.sims.tasks import get_task

    for name in tasks:
        get_task(name)
    good = 0
    with Progress(
        TextColumn("episodes"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[good]} succeeded"),
        disable=as_json,
    ) as bar:
        shown = bar.add_task("eval", total=len(tasks) * episodes, good=0)

        def tick(_: Job, result: EpisodeResult) -> None:
            nonlocal good
            good += bool(result.judged)
            bar.update(shown, advance=1, good=good)

        results = run_all(
            tasks,
            episodes,
            vlm=vlm,
            planner=planner,
            jobs=jobs,
            entropy=entropy or ENTROPY,
            out=Path(out) if out else None,
            held_out=True if held_out else None,
            dark=dark,
            on_episode=tick,
        )
    rows = [summary(name, results[name]) for name in tasks]
    if as_json:
        print(json.dumps(rows))
        return
    print("| task | episodes | success | 95 % interval | false success | mean seconds |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        low, high = row["interval"]
        print(
            f"| {row['task']} | {row['episodes']} | {100 * row['success']:.1f} % "
            f"| {100 * low:.1f}–{100 * high:.1f} % | {100 * row['false_success']:.1f} % "
            f"| {row['seconds']:.1f} |"
        )


def summary(name: str, results: list[EpisodeResult]) -> dict[str, Any]:
    """One row of the table."""
    count = len(results)
    good = sum(bool(r.judged) for r in results)
    claimed = sum(r.status == "succeeded" and r.judged is False for r in results)
    return {
        "task": name,
        "episodes": count,
        "success": good / max(count, 1),
        "interval": [round(v, 4) for v in wilson(good, count)],
        "false_success": claimed / max(count, 1),
        "seconds": sum(r.seconds["all"] for r in results) / max(count, 1),
    }
