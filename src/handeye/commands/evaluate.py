"""`handeye eval`."""

import json
import sys
from itertools import product
from pathlib import Path

from handeye.perception.errors import UserError

from ..episode import EpisodeResult
from ..evaluation import BASELINES, ENTROPY, Job
from ..evaluation import evaluate as run_all
from ..evaluation.plan import splits_named
from ..evaluation.store import Finished, read
from ..evaluation.suite import FILES, Suite, load_suite, tasks_named
from ..evaluation.tables import as_markdown, disturbances, gaps, rows
from ..exit_codes import EXIT_CODES
from ..quiet import import_simulator
from .board import Board

_EPISODES = 20


def evaluate(
    *,
    tasks: tuple[str, ...],
    episodes: int | None,
    jobs: int,
    ray: str | None,
    entropy: int | None,
    vlm: str | None,
    planner: str | None,
    split: tuple[str, ...],
    baselines: bool,
    out: str | None,
    resume: bool,
    record: bool,
    as_json: bool,
) -> int:
    """Run the episodes with a live table, and print the result; returns the exit code."""
    import_simulator()
    if (resume or record) and out is None:
        raise UserError("--resume and --record need a folder: --out")
    suite = _suite(tasks)
    count = episodes or suite.episodes or _EPISODES
    splits = splits_named(split or suite.splits or "all")
    others = BASELINES if baselines or suite.baselines else ()
    labels = ["agent", *(other.label for other in others)]
    board = Board(dict.fromkeys(product(labels, splits, tasks_named(suite.tasks)), count))
    finished: Finished = []
    interrupted = False

    def tick(job: Job, result: EpisodeResult, fresh: bool) -> None:
        finished.append((job, result))
        board.add(job, result, fresh=fresh)

    try:
        with board:
            finished = run_all(
                suite.tasks,
                count,
                vlm=vlm or suite.vlm or "embedded",
                planner=planner or suite.planner or "embedded",
                jobs=jobs,
                ray=ray,
                entropy=next(e for e in (entropy, suite.entropy, ENTROPY) if e is not None),
                split=splits,
                baselines=others,
                out=Path(out) if out else None,
                resume=resume,
                record=record,
                on_episode=tick,
            )
    except KeyboardInterrupt:
        interrupted = True
    if as_json:
        made = {"rows": rows(finished), "disturbances": disturbances(finished)}
        print(json.dumps(made | {"gaps": gaps(finished)}))
    else:
        print(as_markdown(rows(finished)))
        if out is not None and finished:
            print(f"\nreport: {Path(out) / 'report.html'}")
    if interrupted:
        hint = f"; go on with --resume --out {out}" if out else ""
        kept = len(read(Path(out))) if out else len(finished)
        print(f"interrupted after {kept} episodes{hint}", file=sys.stderr)
        return EXIT_CODES["stopped"]
    return 0


def _suite(names: tuple[str, ...]) -> Suite:
    """What was named: tasks, or the file of a suite."""
    suites = [load_suite(Path(name)) if name.endswith(FILES) else None for name in names]
    if len(names) == 1 and suites[0] is not None:
        return suites[0]
    if any(suites):
        raise UserError("a suite's file stands alone; name more tasks in it")
    return Suite(tasks=names)
