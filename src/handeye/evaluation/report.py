"""The report of an evaluation: tables in Markdown, JSON and Parquet, and one page with plots."""

import html
import json
import os
from pathlib import Path
from typing import Any

from .failures import failed_at, recovered
from .store import Finished
from .tables import (
    Row,
    as_markdown,
    cells,
    disturbance_cells,
    disturbances,
    gap_cells,
    gaps,
    markdown,
    rows,
    write_parquet,
)

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1200px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;font-size:14px}
td,th{padding:.25rem .6rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
tr.sum td{font-weight:600;border-bottom:2px solid #999}
svg{max-width:100%;height:auto}details{margin:.5rem 0}summary{cursor:pointer}
.no{color:#b00}.yes{color:#070}small{color:#666}pre{background:#f6f6f6;padding:.7rem;overflow:auto}
body.failed tr.good{display:none}
"""
_FILTER = (
    "<label><input type=checkbox onchange=\"document.body.classList.toggle('failed')\"> "
    "show only what failed</label>"
)


def write_report(folder: Path, finished: Finished, manifest: dict[str, Any]) -> None:
    """Write summary.json, table.md, results.parquet and report.html into a folder."""
    table, went_wrong, between = rows(finished), disturbances(finished), gaps(finished)
    summary = {"rows": table, "disturbances": went_wrong, "gaps": between}
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    parts = [as_markdown(table)]
    parts += [markdown(*disturbance_cells(went_wrong))] if went_wrong else []
    parts += [markdown(*gap_cells(between))] if between else []
    (folder / "table.md").write_text("\n\n".join(parts) + "\n", "utf-8")
    write_parquet(finished, folder / "results.parquet")
    page = _page(folder, finished, (table, went_wrong, between), manifest)
    (folder / "report.html").write_text(page, "utf-8")


def _page(
    folder: Path,
    finished: Finished,
    tables: tuple[list[Row], list[Row], list[Row]],
    manifest: dict[str, Any],
) -> str:
    table, went_wrong, between = tables
    plots = _plots(table, went_wrong)
    sections = [
        "<!doctype html>\n<html lang=en><meta charset=utf-8><title>handeye: evaluation</title>",
        f"<style>{_STYLE}</style><h1>Evaluation</h1>{_as_html(*cells(table))}",
        plots.get("success", "<p>Plots need matplotlib: pip install 'handeye[eval]'.</p>"),
        plots.get("failures", ""),
    ]
    if between:
        sections.append(
            f"<h2>Between agents, on the same seeds</h2>{_as_html(*gap_cells(between))}"
        )
    if went_wrong:
        sections.append(f"<h2>Disturbances</h2>{_as_html(*disturbance_cells(went_wrong))}")
        sections.append(plots.get("disturbances", ""))
    sections += [
        plots.get("time", ""),
        f"<h2>Episodes</h2>{_FILTER}{_episodes(folder, finished)}",
        f"<h2>Made with</h2><pre>{html.escape(json.dumps(manifest, indent=2))}</pre></html>\n",
    ]
    return "\n".join(sections)


def _as_html(heads: list[str], shown: list[list[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}" for cell in heads)
    body = "".join(
        f"<tr{' class=sum' if 'all tasks' in line else ''}>"
        + "".join(f"<td>{html.escape(cell)}" for cell in line)
        for line in shown
    )
    return f"<table><tr>{head}{body}</table>"


def _episodes(folder: Path, finished: Finished) -> str:
    """Every episode, in one fold for each agent, split and task."""
    groups: dict[tuple[str, str, str], Finished] = {}
    for job, result in finished:
        key = job.setting.label, job.split, job.task
        groups.setdefault(key, []).append((job, result))
    folds = []
    for words, group in groups.items():
        good = sum(bool(result.judged) for _, result in group)
        title = html.escape(" · ".join(words))
        body = "".join(_episode(folder, job.number, result) for job, result in group)
        folds.append(
            f"<details{' open' if len(groups) == 1 else ''}><summary>{title}: {good} of "
            f"{len(group)}</summary><table><tr><th>no.<th>instruction<th>judged<th>failed at"
            f"<th>disturbance<th>why<th>recording{body}</table></details>"
        )
    return "".join(folds)


def _episode(folder: Path, number: int, result: Any) -> str:
    word = "yes" if result.judged else "no"
    why = "" if result.judged else html.escape(result.reason or result.question or result.answer)
    disturbed = html.escape(result.disturbance) + (" ✓" if recovered(result) else "")
    links = ""
    if result.recording:
        place = Path(os.path.relpath(result.recording, folder.resolve())).as_posix()
        links = " ".join(
            f'<a href="{html.escape(f"{place}/{file}")}">{name}</a>'
            for name, file in (("video", "episode.mp4"), ("pictures", "contact_sheet.png"))
            if (Path(result.recording) / file).exists()
        )
    return (
        f"<tr class={'good' if result.judged else 'bad'}><td>{number}"
        f"<td>{html.escape(result.instruction)}<td class={word}>{word}"
        f"<td>{failed_at(result) or ''}<td>{disturbed}<td><small>{why}</small><td>{links}"
    )


def _plots(table: list[Row], went_wrong: list[Row]) -> dict[str, str]:
    """Headed SVG pictures; empty where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return {}
    from .plots import as_svg, disturbance_plot, failure_plot, success_plot, time_plot

    found = {
        "success": f"<h2>Success</h2>{as_svg(success_plot(table))}",
        "failures": f"<h2>Where it failed</h2>{as_svg(failure_plot(table))}",
        "time": f"<h2>Where the time goes</h2>{as_svg(time_plot(table))}",
    }
    if went_wrong:
        found["disturbances"] = as_svg(disturbance_plot(went_wrong))
    return found
