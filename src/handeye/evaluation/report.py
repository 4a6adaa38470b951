"""The report of an evaluation: a table in Markdown and JSON, and one HTML page with plots."""

import html
import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from .failures import STAGES, failed_at
from .statistics import wilson
from .store import Finished

_STAGE_COLORS = (
    *("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f"),
    *("#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#444444"),
)
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.25rem .7rem;border-bottom:1px solid #ddd;text-align:left}
svg{max-width:100%;height:auto}
.no{color:#b00}.yes{color:#070}small{color:#777}pre{background:#f6f6f6;padding:.7rem;overflow:auto}
"""


def rows(finished: Finished) -> list[dict[str, Any]]:
    """One row for each agent, task and split, in the order of their first episode."""
    groups: dict[tuple[str, str, str], Finished] = {}
    for job, result in finished:
        groups.setdefault((job.setting.label, job.task, job.split), []).append((job, result))
    return [_row(*key, group) for key, group in groups.items()]


def _row(agent: str, task: str, split: str, group: Finished) -> dict[str, Any]:
    results = [result for _, result in group]
    count = len(results)
    good = sum(bool(r.judged) for r in results)
    unsure = sum(bool(r.judged) and r.status != "succeeded" for r in results)
    claimed = sum(r.status == "succeeded" and not r.judged for r in results)
    stages = sorted({stage for r in results for stage in r.seconds} - {"all"})
    return {
        "agent": agent,
        "task": task,
        "split": split,
        "episodes": count,
        "success": good / max(count, 1),
        "interval": [round(v, 4) for v in wilson(good, count)],
        "false_success": claimed / max(count, 1),
        "false_alarm": unsure / max(count, 1),
        "failed_at": dict(Counter(stage for r in results if (stage := failed_at(r)))),
        "steps": _mean([len(r.skills) for r in results]),
        "retries": _mean([sum(s.verified not in ("yes", None) for s in r.skills) for r in results]),
        "seconds": _mean([r.seconds.get("all", 0.0) for r in results]),
        "seconds_by_stage": {s: _mean([r.seconds.get(s, 0.0) for r in results]) for s in stages},
        "model_calls": _mean([sum(r.calls.values()) for r in results]),
    }


def as_markdown(table: list[dict[str, Any]]) -> str:
    """The table for people."""
    head = "agent|task|split|episodes|success|95 % interval|false success|steps|seconds|failed at"
    lines = [f"| {' | '.join(head.split('|'))} |", "|" + "---|" * 10]
    for row in table:
        low, high = row["interval"]
        worst = sorted(row["failed_at"].items(), key=lambda item: -item[1])
        failed = ", ".join(f"{stage} {count}" for stage, count in worst) or "–"
        lines.append(
            f"| {row['agent']} | {row['task']} | {row['split']} | {row['episodes']} "
            f"| {100 * row['success']:.1f} % | {100 * low:.1f}–{100 * high:.1f} % "
            f"| {100 * row['false_success']:.1f} % | {row['steps']:.1f} "
            f"| {row['seconds']:.1f} | {failed} |"
        )
    return "\n".join(lines)


def write_report(folder: Path, finished: Finished, manifest: dict[str, Any]) -> None:
    """Write summary.json, table.md and report.html into a folder."""
    table = rows(finished)
    (folder / "summary.json").write_text(json.dumps(table, indent=2) + "\n")
    (folder / "table.md").write_text(as_markdown(table) + "\n")
    (folder / "report.html").write_text(_page(folder, finished, table, manifest), "utf-8")


def _page(
    folder: Path, finished: Finished, table: list[dict[str, Any]], manifest: dict[str, Any]
) -> str:
    plots = "".join(_plots(table)) or "<p>Plots need matplotlib: pip install 'handeye[eval]'.</p>"
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>handeye: evaluation</title>"
        f"<style>{_STYLE}</style><h1>Evaluation</h1>{_as_html(table)}{plots}"
        f"<h2>Episodes</h2>{_episodes(folder, finished)}"
        f"<h2>Made with</h2><pre>{html.escape(json.dumps(manifest, indent=2))}</pre></html>"
    )


def _as_html(table: list[dict[str, Any]]) -> str:
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in as_markdown(table).splitlines()
    ]
    head = "".join(f"<th>{html.escape(cell)}" for cell in lines[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in cells) for cells in lines[2:]
    )
    return f"<table><tr>{head}{body}</table>"


def _episodes(folder: Path, finished: Finished) -> str:
    lines = ["<table><tr><th>agent<th>task<th>no.<th>instruction<th>judged<th>failed at<th>why"]
    for job, result in finished:
        word = "yes" if result.judged else "no"
        name = html.escape(result.instruction)
        if result.recording:
            link = os.path.relpath(Path(result.recording) / "episode.mp4", folder)
            name = f'<a href="{html.escape(link)}">{name}</a>'
        why = "" if result.judged else html.escape(result.reason or result.question)
        stage = failed_at(result) or ""
        lines.append(
            f"<tr><td>{html.escape(job.setting.label)}<td>{html.escape(job.task)}<td>{job.number}"
            f"<td>{name}<td class={word}>{word}<td>{stage}<td><small>{why}</small>"
        )
    return "".join(lines) + "</table>"


def _plots(table: list[dict[str, Any]]) -> list[str]:
    """Success with intervals, failures by stage, and seconds by stage, as SVG."""
    try:
        import matplotlib
    except ImportError:
        return []
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = [f"{row['task']} · {row['split']} · {row['agent']}" for row in table]
    height = 0.9 + 0.32 * len(table)
    figure, axes = plt.subplots(figsize=(9, height))
    rates = [100 * row["success"] for row in table]
    low = [max(0.0, r - 100 * row["interval"][0]) for r, row in zip(rates, table, strict=True)]
    high = [max(0.0, 100 * row["interval"][1] - r) for r, row in zip(rates, table, strict=True)]
    axes.barh(names, rates, xerr=[low, high], color="#4e79a7", ecolor="#222", capsize=3)
    axes.set(xlim=(0, 100), xlabel="success, % (95 % interval)")
    axes.invert_yaxis()
    pictures = [("Success", _svg(figure))]
    stages = {
        stage: [100 * r["failed_at"].get(stage, 0) / r["episodes"] for r in table]
        for stage in STAGES
    }
    pictures.append(("Where it failed", _stacked(names, stages, "episodes, %", height)))
    spent = sorted({stage for row in table for stage in row["seconds_by_stage"]})
    seconds = {s: [row["seconds_by_stage"].get(s, 0.0) for row in table] for s in spent}
    pictures.append(("Where the time goes", _stacked(names, seconds, "seconds an episode", height)))
    return [f"<h2>{title}</h2>{svg}" for title, svg in pictures]


def _stacked(names: list[str], parts: dict[str, list[float]], label: str, height: float) -> str:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, height))
    left = [0.0] * len(names)
    for color, (part, values) in zip(_STAGE_COLORS, parts.items(), strict=False):
        if any(values):
            axes.barh(names, values, left=left, color=color, label=part)
            left = [a + b for a, b in zip(left, values, strict=True)]
    axes.set_xlabel(label)
    axes.invert_yaxis()
    if any(left):
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.35 / height * 1.6), ncols=5)
    return _svg(figure)


def _svg(figure: Any) -> str:
    from matplotlib import pyplot as plt

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return buffer.getvalue().split("?>", 1)[-1].split('svg11.dtd">', 1)[-1]


def _mean(values: list[Any]) -> float:
    return round(sum(values) / len(values), 3) if values else 0.0
