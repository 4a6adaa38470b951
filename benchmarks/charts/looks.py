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
}  # fmt: skip
"""rcParams by name. The D3 look has pale and strong shades of one hue in one chart."""
