"""Plots of an evaluation; they need matplotlib, which is imported where they are drawn."""

import io
from typing import TYPE_CHECKING, Any

from .failures import STAGES
from .tables import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = (
    *("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948"),
    *("#b07aa1", "#ff9da7", "#9c755f", "#444444", "#bab0ac", "#86bcb6"),
)
"""As many as there are stages at which an episode may fail."""
_MARKERS = "osD^vP"
_SVG: Any = {"svg.fonttype": "none", "svg.hashsalt": "handeye"}


def success_plot(table: list[Row]) -> "Figure":
    """Success by task with intervals, one series for each agent and split."""
    tasks = list(dict.fromkeys(row["task"] for row in table))
    series = list(dict.fromkeys((row["agent"], row["split"]) for row in table))
    agents = list(dict.fromkeys(agent for agent, _ in series))
    figure = _figure(len(tasks) * max(1.0, 0.55 * len(series)))
    axes = figure.subplots()
    for k, (agent, split) in enumerate(series):
        found = [row for row in table if (row["agent"], row["split"]) == (agent, split)]
        shift = 0.7 * ((k + 0.5) / len(series) - 0.5)
        rates = [100 * row["success"] for row in found]
        low = [max(0.0, r - 100 * q["interval"][0]) for r, q in zip(rates, found, strict=True)]
        high = [max(0.0, 100 * q["interval"][1] - r) for r, q in zip(rates, found, strict=True)]
        axes.errorbar(
            rates,
            [tasks.index(row["task"]) + shift for row in found],
            xerr=[low, high],
            fmt=_MARKERS[agents.index(agent) % len(_MARKERS)],
            color=_COLORS[k % len(_COLORS)],
            capsize=2,
            markersize=5,
            label=f"{agent}, {split}",
        )
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set(xlim=(-2, 102), ylim=(len(tasks) - 0.4, -0.6), xlabel="success, % (95 % interval)")
    axes.grid(axis="x", color="#ddd")
    axes.set_axisbelow(True)
    _legend(figure, len(series))
    return figure


def failure_plot(table: list[Row]) -> "Figure":
    """The share of episodes that failed at each stage."""
    parts = {
        stage: [100 * row["failed_at"].get(stage, 0) / row["episodes"] for row in table]
        for stage in STAGES
    }
    return _stacked(table, parts, "episodes that failed, %")


def time_plot(table: list[Row]) -> "Figure":
    """The seconds of an episode by stage."""
    stages = sorted({stage for row in table for stage in row["seconds_by_stage"]})
    parts = {stage: [row["seconds_by_stage"].get(stage, 0.0) for row in table] for stage in stages}
    return _stacked(table, parts, "seconds an episode")


def disturbance_plot(table: list[Row]) -> "Figure":
    """What became of each kind of disturbance."""
    parts = {
        words: [100 * row[key] / row["episodes"] for row in table]
        for words, key in (("recovered", "recovered"), ("said so", "said_so"), ("fooled", "fooled"))
    }
    named = [row | {"task": f"{row['disturbance']} ({row['episodes']})"} for row in table]
    return _stacked(named, parts, "disturbed episodes, %", ("#59a14f", "#edc948", "#e15759"))


def as_svg(figure: "Figure") -> str:
    """A figure as an <svg> element, to stand in a page."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context(_SVG):
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _stacked(
    table: list[Row],
    parts: dict[str, list[float]],
    label: str,
    colors: tuple[str, ...] = _COLORS,
) -> "Figure":
    several = len({row["agent"] for row in table}) > 1
    split = len({row.get("split") for row in table}) > 1
    names = [
        row["task"]
        + (f" · {row['split']}" if split else "")
        + (f" · {row['agent']}" if several else "")
        for row in table
    ]
    figure = _figure(len(names))
    axes = figure.subplots()
    left, shown = [0.0] * len(names), 0
    for color, (part, values) in zip(colors[: len(parts)], parts.items(), strict=True):
        if any(values):
            axes.barh(range(len(names)), values, left=left, color=color, label=part, height=0.7)
            left = [a + b for a, b in zip(left, values, strict=True)]
            shown += 1
    axes.set_yticks(range(len(names)), names)
    axes.set(ylim=(len(names) - 0.4, -0.6), xlabel=label)
    axes.set_xlim(0, max([*left, 1e-9]) * 1.02 if any(left) else 1.0)
    if shown:
        _legend(figure, shown)
    else:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center")
    return figure


def _figure(lines: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(9, 1.0 + 0.3 * lines), layout="constrained")


def _legend(figure: "Figure", entries: int) -> None:
    options: dict[str, Any] = {"loc": "outside upper left", "frameon": False, "fontsize": "small"}
    figure.legend(ncols=min(entries, 5), **options)
