"""matplotlib dressed as other tools: office programs, R, gnuplot, D3, Bokeh."""

from typing import Any

from matplotlib import cycler

LOOKS: dict[str, dict[str, Any]] = {
    "office": {
        "axes.prop_cycle": cycler(
            color=["#4472C4", "#ED7D31", "#A5A5A5", "#FFC000", "#5B9BD5", "#70AD47"]
        ),
        "axes.spines.left": False, "axes.spines.top": False, "axes.spines.right": False,
        "axes.edgecolor": "#D9D9D9", "axes.grid": True, "axes.grid.axis": "y",
        "axes.axisbelow": True, "grid.color": "#D9D9D9", "text.color": "#595959",
        "axes.labelcolor": "#595959", "xtick.color": "#595959", "ytick.color": "#595959",
        "xtick.major.size": 0, "ytick.major.size": 0, "lines.linewidth": 2.25,
        "legend.frameon": False, "legend.loc": "upper center", "font.size": 9,
    },
    "r": {
        "axes.prop_cycle": cycler(color=["#4D4D4D", "#AEAEAE", "#E6E6E6", "#DF536B", "#2297E6"]),
        "patch.edgecolor": "black", "patch.force_edgecolor": True, "font.family": "serif",
        "axes.titleweight": "bold", "axes.linewidth": 1.0, "lines.linewidth": 1.0,
        "lines.markerfacecolor": "white", "xtick.major.size": 6, "ytick.major.size": 6,
        "legend.fancybox": False, "legend.edgecolor": "black", "font.size": 12,
    },
    "gnuplot": {
        "axes.prop_cycle": cycler(color=["#9400D3", "#009E73", "#56B4E9", "#E69F00", "#F0E442"]),
        "xtick.direction": "in", "ytick.direction": "in", "xtick.top": True, "ytick.right": True,
        "lines.linewidth": 1.0, "lines.markersize": 5,
        "legend.frameon": False, "font.family": "serif", "axes.grid": True,
        "grid.linestyle": ":", "grid.color": "#808080",
    },
    "d3": {
        "axes.prop_cycle": cycler(color=["#1f77b4", "#aec7e8", "#ff7f0e", "#ffbb78", "#2ca02c"]),
        "axes.spines.top": False, "axes.spines.right": False, "font.size": 8,
        "lines.linewidth": 1.5, "lines.markersize": 4, "legend.frameon": False,
        "legend.handlelength": 1.0, "legend.handleheight": 1.0, "axes.linewidth": 0.7,
    },
    "bokeh": {
        "axes.prop_cycle": cycler(color=["#718dbf", "#e84d60", "#c9d9d3", "#f4a582", "#92c5de"]),
        "axes.grid": True, "grid.color": "#e5e5e5", "axes.axisbelow": True,
        "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.labelcolor": "#444444",
        "axes.edgecolor": "black", "xtick.color": "#444444", "ytick.color": "#444444",
        "xtick.minor.visible": False, "ytick.minor.visible": True, "lines.linewidth": 2.0,
        "legend.framealpha": 0.95, "font.size": 10, "axes.labelsize": 9,
    },
    "hatched": {"font.family": "serif", "font.size": 11, "legend.loc": "upper center"},
    "outlined": {
        "axes.prop_cycle": cycler(color=["#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b"]),
        "axes.grid": True, "grid.linestyle": "--", "grid.alpha": 0.5, "axes.axisbelow": True,
    },
    "percent": {
        "axes.prop_cycle": cycler(color=["#264653", "#2a9d8f", "#e9c46a", "#f4a261", "#e76f51"]),
        "axes.grid": True, "axes.grid.axis": "y", "grid.color": "#eeeeee", "axes.axisbelow": True,
        "font.family": "monospace", "font.size": 9,
    },
    "dollars": {
        "figure.facecolor": "#1e1e2e", "axes.facecolor": "#1e1e2e", "text.color": "#cdd6f4",
        "axes.labelcolor": "#cdd6f4", "xtick.color": "#cdd6f4", "ytick.color": "#cdd6f4",
        "axes.edgecolor": "#6c7086", "axes.grid": True, "grid.color": "#313244",
        "axes.prop_cycle": cycler(color=["#89b4fa", "#fab387", "#a6e3a1", "#f38ba8", "#cba6f7"]),
        "axes.axisbelow": True,
    },
    "compact": {
        "figure.facecolor": "#fff1e5", "axes.facecolor": "#fff1e5", "axes.spines.left": False,
        "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
        "axes.grid.axis": "y", "grid.color": "#ccc1b7", "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=["#0f5499", "#990f3d", "#00a0dd", "#593380", "#ff7faa"]),
        "axes.titlelocation": "left", "axes.titlesize": 15, "font.size": 11,
    },
    "right": {"lines.linewidth": 3.0, "font.size": 13, "axes.linewidth": 1.5},
    "gradient": {"legend.loc": "lower right", "axes.spines.top": False, "font.size": 9},
    "area": {
        "axes.prop_cycle": cycler(color=["#003f5c", "#bc5090", "#ffa600", "#58508d", "#ff6361"]),
        "axes.facecolor": "#eaeaf2", "axes.grid": True, "grid.color": "white",
        "axes.axisbelow": True, "axes.linewidth": 0, "legend.frameon": False,
    },
    "zero": {
        "axes.prop_cycle": cycler(color=["#3366cc", "#dc3912", "#ff9900", "#109618", "#990099"]),
        "axes.grid": True, "grid.color": "#cccccc", "axes.axisbelow": True, "font.size": 8,
    },
    "spaced": {
        "axes.prop_cycle": cycler(color=["#000000", "#777777", "#bbbbbb", "#cc0000", "#0000cc"]),
    },
    "tiny": {"figure.dpi": 45, "font.size": 11, "lines.linewidth": 2.0},
    "huge": {"figure.dpi": 260},
}  # fmt: skip
"""rcParams by name. The D3 look has pale and strong shades of one hue in one chart."""
