"""Tables of an evaluation: one row for each agent, task and split; one for each episode."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..episode import EpisodeResult
from .failures import failed_at, false_alarm, false_success, recovered
from .plan import Job
from .statistics import compare, wilson
from .store import Finished

ALL = "all tasks"
"""The name of the row over every task of an agent and a split."""

Row = dict[str, Any]


def rows(finished: Finished) -> list[Row]:
    """One row for each agent, task and split; where there are several tasks, one over them all."""
    groups: dict[tuple[str, str], dict[str, list[EpisodeResult]]] = {}
    for job, result in finished:
        tasks = groups.setdefault((job.setting.label, job.split), {})
        tasks.setdefault(job.task, []).append(result)
    table = []
    for (agent, split), tasks in groups.items():
        table += [_row(agent, task, split, results) for task, results in tasks.items()]
        if len(tasks) > 1:
            together = [result for results in tasks.values() for result in results]
            table.append(_row(agent, ALL, split, together))
    return table


def _row(agent: str, task: str, split: str, results: list[EpisodeResult]) -> Row:
    count = len(results)
    good = sum(bool(r.judged) for r in results)
    stages = sorted({stage for r in results for stage in r.seconds} - {"all"})
    verbs = sorted({verb for r in results for verb in r.calls})
    return {
        "agent": agent,
        "task": task,
        "split": split,
        "episodes": count,
        "succeeded": good,
        "success": good / count,
        "interval": [round(v, 4) for v in wilson(good, count)],
        "false_success": sum(map(false_success, results)) / count,
        "false_alarm": sum(map(false_alarm, results)) / count,
        "failed_at": dict(Counter(stage for r in results if (stage := failed_at(r)))),
        "steps": _mean(len(r.skills) for r in results),
        "retries": _mean(r.retries for r in results),
        "disturbed": sum(bool(r.disturbed_by) for r in results),
        "recovered": sum(map(recovered, results)),
        "seconds": _mean(r.seconds.get("all", 0.0) for r in results),
        "simulated_s": _mean(r.simulated_s for r in results),
        "seconds_by_stage": {s: _mean(r.seconds.get(s, 0.0) for r in results) for s in stages},
        "tokens": _mean(r.tokens for r in results),
        "model_calls": {v: _mean(r.calls.get(v, 0) for r in results) for v in verbs},
    }


def disturbances(finished: Finished) -> list[Row]:
    """One row for each agent and kind of disturbance that really happened.

    "recovered": it succeeded all the same. "said so": it did not, and did not claim to. "fooled":
    it claimed a success that is none.
    """
    groups: dict[tuple[str, str], list[EpisodeResult]] = {}
    for job, result in finished:
        if result.disturbed_by:
            groups.setdefault((job.setting.label, result.disturbed_by), []).append(result)
    table = []
    for (agent, kind), results in sorted(groups.items()):
        count, good = len(results), sum(map(recovered, results))
        fooled = sum(map(false_success, results))
        table.append(
            {
                "agent": agent,
                "disturbance": kind,
                "episodes": count,
                "recovered": good,
                "interval": [round(v, 4) for v in wilson(good, count)],
                "said_so": count - good - fooled,
                "fooled": fooled,
            }
        )
    return table


def gaps(finished: Finished) -> list[Row]:
    """The first agent against each other one, on the episodes that both ran, by split."""
    outcomes: dict[tuple[str, str], dict[tuple[str, int, int], bool]] = {}
    for job, result in finished:
        key = job.setting.label, job.split
        outcomes.setdefault(key, {})[job.task, job.entropy, job.number] = bool(result.judged)
    table = []
    first = finished[0][0].setting.label if finished else ""
    for (agent, split), theirs in outcomes.items():
        ours = outcomes.get((first, split), {})
        both = [key for key in theirs if key in ours]
        if agent == first or not both:
            continue
        found = compare([theirs[key] for key in both], [ours[key] for key in both])
        table.append(
            {
                "agent": first,
                "against": agent,
                "split": split,
                "episodes": found.count,
                "difference": round(found.difference, 4),
                "interval": [round(found.low, 4), round(found.high, 4)],
                "p": found.p,
            }
        )
    return table


def as_markdown(table: list[Row]) -> str:
    """The table for people."""
    return markdown(*cells(table))


def cells(table: list[Row]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the table, as they are shown."""
    costs = any(row["tokens"] for row in table)
    heads = [
        *("agent", "task", "split", "episodes", "success", "95 % interval", "false success"),
        *("false alarm", "recovered", "steps", "retries", "calls"),
        *(("tokens",) if costs else ()),
        *("seconds", "failed at"),
    ]
    shown = []
    for row in table:
        low, high = row["interval"]
        worst = sorted(row["failed_at"].items(), key=lambda item: -item[1])
        shown.append(
            [
                row["agent"],
                row["task"],
                row["split"],
                str(row["episodes"]),
                percent(row["success"]),
                f"{100 * low:.1f}–{100 * high:.1f} %",
                percent(row["false_success"]),
                percent(row["false_alarm"]),
                f"{row['recovered']} of {row['disturbed']}" if row["disturbed"] else "–",
                f"{row['steps']:.1f}",
                f"{row['retries']:.1f}",
                f"{sum(row['model_calls'].values()):.1f}",
                *((f"{row['tokens']:.0f}",) if costs else ()),
                f"{row['seconds']:.1f}",
                ", ".join(f"{stage} {count}" for stage, count in worst) or "–",
            ]
        )
    return heads, shown


def disturbance_cells(table: list[Row]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of what became of the disturbances."""
    heads = ["agent", "disturbance", "episodes", "recovered", "95 % interval", "said so", "fooled"]
    shown = [
        [
            row["agent"],
            row["disturbance"],
            str(row["episodes"]),
            percent(row["recovered"] / row["episodes"]),
            f"{100 * row['interval'][0]:.1f}–{100 * row['interval'][1]:.1f} %",
            str(row["said_so"]),
            str(row["fooled"]),
        ]
        for row in table
    ]
    return heads, shown


def gap_cells(table: list[Row]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the gaps between agents."""
    heads = ["agent", "against", "split", "episodes", "difference", "95 % interval", "p (McNemar)"]
    shown = [
        [
            row["agent"],
            row["against"],
            row["split"],
            str(row["episodes"]),
            f"{100 * row['difference']:+.1f} %",
            f"{100 * row['interval'][0]:+.1f} to {100 * row['interval'][1]:+.1f} %",
            f"{row['p']:.3g}",
        ]
        for row in table
    ]
    return heads, shown


def markdown(heads: list[str], shown: list[list[str]]) -> str:
    """Headings and rows as a Markdown table."""
    lines = [heads, ["---"] * len(heads), *shown]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(rate: float) -> str:
    """0.955 as "95.5 %"."""
    return f"{100 * rate:.1f} %"


def write_parquet(finished: Finished, path: Path) -> bool:
    """One row an episode; False where pyarrow is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return False
    pq.write_table(pa.Table.from_pylist([_flat(job, result) for job, result in finished]), path)
    return True


def _flat(job: Job, result: EpisodeResult) -> Row:
    """A result as one flat row."""
    return {
        "agent": job.setting.label,
        "task": job.task,
        "split": job.split,
        "entropy": job.entropy,
        "number": job.number,
        "instruction": result.instruction,
        "status": result.status,
        "judged": bool(result.judged),
        "failed_at": failed_at(result),
        "false_success": false_success(result),
        "false_alarm": false_alarm(result),
        "reason": result.reason or result.question,
        "answer": result.answer,
        "steps": len(result.skills),
        "retries": result.retries,
        "tokens": result.tokens,
        "disturbed_by": result.disturbed_by,
        "disturbance": result.disturbance,
        "simulated_s": result.simulated_s,
        **{f"{stage}_s": seconds for stage, seconds in result.seconds.items()},
        **{f"calls_{verb}": count for verb, count in result.calls.items()},
        "recording": result.recording,
    }


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return round(sum(found) / len(found), 3) if found else 0.0
