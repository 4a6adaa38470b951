"""Tables drawn by matplotlib, Plotly, Altair (Vega-Lite) and pygal, in many styles."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from .dresses import DRESSES
from .looks import LOOKS
from .tables import Table

Rgb = np.ndarray
Style = tuple[str, str]
"""(library, style of that library)."""

USED: tuple[Style, ...] = (
    ("matplotlib", "default"), ("matplotlib", "ggplot"), ("matplotlib", "seaborn-v0_8-whitegrid"),
    ("matplotlib", "dark_background"), ("matplotlib", "classic"),
    ("plotly", "plotly"), ("plotly", "plotly_white"), ("plotly", "plotly_dark"),
    ("altair", "none"), ("altair", "quartz"), ("altair", "dark"), ("altair", "latimes"),
    ("pygal", "DefaultStyle"), ("pygal", "CleanStyle"),
    ("matplotlib", "office"), ("matplotlib", "r"), ("matplotlib", "gnuplot"),
    ("matplotlib", "d3"), ("matplotlib", "bokeh"),
    ("matplotlib", "hatched"), ("matplotlib", "outlined"), ("matplotlib", "gradient"),
    ("matplotlib", "percent"), ("matplotlib", "dollars"), ("matplotlib", "compact"),
    ("matplotlib", "right"), ("matplotlib", "area"), ("matplotlib", "zero"),
    ("matplotlib", "spaced"), ("matplotlib", "tiny"), ("matplotlib", "huge"),
    ("matplotlib", "grayscale"), ("matplotlib", "seaborn-v0_8-talk"),
    ("plotly", "xgridoff"), ("plotly", "gridon"),
    ("altair", "vox"), ("altair", "carbong90"),
    ("pygal", "DarkStyle"), ("pygal", "NeonStyle"), ("pygal", "LightStyle"),
    ("pygal", "DarkSolarizedStyle"), ("pygal", "RedBlueStyle"), ("pygal", "LightGreenStyle"),
    ("pygal", "DarkGreenBlueStyle"),
)  # fmt: skip
"""The styles that were looked at while the reader was built."""
SCORED: tuple[Style, ...] = (
    ("matplotlib", "bmh"), ("matplotlib", "fivethirtyeight"), ("matplotlib", "Solarize_Light2"),
    ("matplotlib", "seaborn-v0_8-darkgrid"), ("matplotlib", "petroff10"),
    ("plotly", "seaborn"), ("plotly", "simple_white"), ("plotly", "presentation"),
    ("plotly", "ggplot2"),
    ("altair", "excel"), ("altair", "googlecharts"), ("altair", "ggplot2"),
    ("altair", "fivethirtyeight"),
    ("pygal", "LightSolarizedStyle"), ("pygal", "BlueStyle"), ("pygal", "TurquoiseStyle"),
)  # fmt: skip
"""The styles that were not: figures are of these. Themes whose fonts few machines have draw charts
without text, and are left out."""


def render(table: Table, style: Style, rng: np.random.Generator) -> Rgb:
    """[H, W, 3] uint8: a table as a chart."""
    png = _LIBRARIES[style[0]](table, style[1], rng)
    drawn = Image.open(io.BytesIO(png)).convert("RGBA")
    paper = Image.new("RGBA", drawn.size, "white")
    return np.asarray(Image.alpha_composite(paper, drawn).convert("RGB"))


def _matplotlib(table: Table, style: str, rng: np.random.Generator) -> bytes:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with plt.style.context(LOOKS.get(style, style)):
        size = (float(rng.uniform(5.5, 9)), float(rng.uniform(3.8, 5.5)))
        figure, axes = plt.subplots(figsize=size, dpi=float(rng.choice([80, 100, 130])))
        if "figure.dpi" in LOOKS.get(style, {}):
            figure.set_dpi(LOOKS[style]["figure.dpi"])
        if table.kind == "pie":
            _matplotlib_pie(axes, table, rng)
        elif table.kind in ("line", "scatter"):
            _matplotlib_points(axes, table)
        else:
            _matplotlib_bars(axes, table, rng)
        for dress in DRESSES.get(style, ()):
            dress(axes, table, rng)
        axes.set_title(table.title)
        flat = table.kind == "bar_horizontal"
        if table.kind != "pie":
            axes.set_xlabel(table.y_label if flat else table.x_label)
            axes.set_ylabel(table.x_label if flat else table.y_label)
            if table.log:
                axes.set_yscale("log")
            if not any(axes.get_legend_handles_labels()[1]):
                pass
            elif rng.random() < 0.7:
                axes.legend()
            else:
                axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
        out = io.BytesIO()
        figure.savefig(out, format="png", bbox_inches="tight")
        plt.close(figure)
    return out.getvalue()


def _matplotlib_pie(axes: Any, table: Table, rng: np.random.Generator) -> None:
    values = table.series[""]
    inside = table.values or rng.random() < 0.5
    wedge = {"width": 0.45} if rng.random() < 0.35 else None
    legend = rng.random() < 0.4
    axes.pie(
        values,
        labels=None if legend else table.x,
        autopct="%1.1f%%" if inside else None,
        pctdistance=0.78 if wedge else 0.6,
        wedgeprops=wedge,
        startangle=float(rng.choice([0, 90])),
    )
    if legend:
        axes.legend(table.x, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _matplotlib_points(axes: Any, table: Table) -> None:
    if table.kind == "scatter":
        for name in dict.fromkeys(point[0] for point in table.points):
            xs, ys = zip(*[(x, y) for n, x, y in table.points if n == name], strict=True)
            axes.scatter(xs, ys, s=28, label=name or None)
        return
    for name, ys in table.series.items():
        axes.plot(table.x, ys, marker="o" if table.markers else None, label=name or None)
    if isinstance(table.x[0], str) and max(len(str(x)) for x in table.x) > 7:
        axes.tick_params(axis="x", rotation=45)
        for label in axes.get_xticklabels():
            label.set_ha("right")


def _matplotlib_bars(axes: Any, table: Table, rng: np.random.Generator) -> None:
    place = np.arange(len(table.x))
    flat, stacked = table.kind == "bar_horizontal", table.kind == "bar_stacked"
    count = len(table.series)
    width = float(rng.uniform(0.55, 0.85)) / (1 if stacked else count)
    base = np.zeros(len(table.x))
    for i, (name, ys) in enumerate(table.series.items()):
        offset = 0.0 if stacked else (i - (count - 1) / 2) * width
        if flat:
            bars = axes.barh(place + offset, ys, width)
        else:
            bottom = base if stacked else None
            bars = axes.bar(place + offset, ys, width, bottom=bottom, label=name or None)
        base = base + np.array(ys)
        if table.values:
            axes.bar_label(bars, fmt="%g", label_type="center" if stacked else "edge", fontsize=8)
    if flat:
        axes.set_yticks(place, table.x)
    elif max(len(str(x)) for x in table.x) * len(table.x) > 55:
        axes.set_xticks(place, table.x, rotation=45, ha="right")
    else:
        axes.set_xticks(place, table.x)


def _plotly(table: Table, style: str, rng: np.random.Generator) -> bytes:
    import plotly.graph_objects as go

    figure = go.Figure()
    text = "auto" if table.values else None
    if table.kind == "pie":
        hole = 0.45 if rng.random() < 0.4 else 0.0
        info = "percent" if rng.random() < 0.7 else "label+percent"
        figure.add_trace(
            go.Pie(labels=table.x, values=table.series[""], hole=hole, textinfo=info, sort=False)
        )
    elif table.kind == "scatter":
        for name in dict.fromkeys(point[0] for point in table.points):
            xs, ys = zip(*[(x, y) for n, x, y in table.points if n == name], strict=True)
            figure.add_trace(go.Scatter(x=xs, y=ys, mode="markers", name=name))
    for name, ys in table.series.items() if table.kind != "pie" else ():
        if table.kind == "line":
            mode = "lines+markers" if table.markers else "lines"
            figure.add_trace(go.Scatter(x=table.x, y=ys, mode=mode, name=name))
        elif table.kind == "bar_horizontal":
            figure.add_trace(go.Bar(x=ys, y=table.x, orientation="h", text=ys if text else None))
        else:
            figure.add_trace(go.Bar(x=table.x, y=ys, name=name, text=ys if text else None))
    flat = table.kind == "bar_horizontal"
    figure.update_layout(
        template=style,
        title=table.title or None,
        xaxis_title=(table.y_label if flat else table.x_label) or None,
        yaxis_title=(table.x_label if flat else table.y_label) or None,
        barmode="stack" if table.kind == "bar_stacked" else "group",
        showlegend=table.kind == "pie" or ("" not in table.series and len(table.series) > 1)
        or len({p[0] for p in table.points}) > 1,
    )  # fmt: skip
    if table.log:
        figure.update_yaxes(type="log")
    if isinstance(next(iter(table.x), 0.0), str):
        (figure.update_yaxes if flat else figure.update_xaxes)(type="category")
    width, height = int(rng.integers(560, 900)), int(rng.integers(400, 560))
    return bytes(figure.to_image(format="png", width=width, height=height))


def _altair(table: Table, style: str, rng: np.random.Generator) -> bytes:
    import altair as alt
    import pandas as pd
    import vl_convert

    frame = pd.DataFrame(table.rows(), columns=["series", "x", "y"])
    alt.theme.enable(style)
    flat, many = table.kind == "bar_horizontal", frame["series"].nunique() > 1
    numeric = not isinstance(frame["x"].iloc[0], str)
    x = alt.X("x:Q" if numeric else "x:N", title=table.x_label or None, sort=None)
    if numeric and table.kind == "line" and frame["x"].min() > 1900:
        x = x.scale(zero=False).axis(format="d")
    # Vega's bars begin at zero, which has no place on a logarithmic axis.
    log = table.log and table.kind == "line"
    scale = alt.Scale(type="log") if log else alt.Undefined
    y = alt.Y("y:Q", title=table.y_label or None, scale=scale)
    color = alt.Color("series:N", title=None, sort=None) if many else alt.Undefined
    chart = alt.Chart(frame)
    if table.kind == "pie":
        inner = 60 if rng.random() < 0.4 else 0
        drawn = chart.mark_arc(innerRadius=inner).encode(
            theta=alt.Theta("y:Q", stack=True),
            color=alt.Color("x:N", title=None, sort=None),
            order=alt.Order("index:Q"),
        )
        drawn.data = frame.assign(index=range(len(frame)))
    elif table.kind == "line":
        drawn = chart.mark_line(point=table.markers).encode(x=x, y=y, color=color)
    elif table.kind == "scatter":
        mark = chart.mark_circle(size=50) if rng.random() < 0.5 else chart.mark_point()
        drawn = mark.encode(x=x, y=y, color=color)
    elif flat:
        drawn = chart.mark_bar().encode(
            y=alt.Y("x:N", title=table.x_label or None, sort=None),
            x=alt.X("y:Q", title=table.y_label or None),
        )
    elif table.kind == "bar_grouped":
        drawn = chart.mark_bar().encode(
            x=x, y=y, color=color, xOffset=alt.XOffset("series:N", sort=None)
        )
    else:
        order = alt.Order("index:Q") if many else alt.Undefined
        drawn = chart.mark_bar().encode(x=x, y=y, color=color, order=order)
        drawn.data = frame.assign(index=range(len(frame)))
    width, height = int(rng.integers(320, 560)), int(rng.integers(220, 380))
    drawn = drawn.properties(title=table.title, width=width, height=height)
    scale_factor = float(rng.choice([1.0, 1.5, 2.0]))
    return bytes(vl_convert.vegalite_to_png(drawn.to_json(), scale=scale_factor))


def _pygal(table: Table, style: str, rng: np.random.Generator) -> bytes:
    import pygal
    import pygal.style
    import vl_convert

    kinds = {
        "bar": pygal.Bar, "bar_horizontal": pygal.HorizontalBar, "bar_grouped": pygal.Bar,
        "bar_stacked": pygal.StackedBar, "line": pygal.Line, "scatter": pygal.XY, "pie": pygal.Pie,
    }  # fmt: skip
    options: dict[str, Any] = {
        "style": getattr(pygal.style, style)(font_family="sans-serif"),
        "width": int(rng.integers(620, 900)),
        "height": int(rng.integers(420, 560)),
        "title": table.title or None,
        "x_title": table.x_label or None,
        "y_title": table.y_label or None,
        "logarithmic": table.log,
        "print_values": table.values,
        "js": [],
        # Names that are cut short in the picture are not in it to be read.
        "truncate_label": -1,
        "truncate_legend": -1,
    }
    if table.kind == "bar_horizontal":
        options["x_title"], options["y_title"] = options["y_title"], options["x_title"]
    if table.kind == "pie":
        options |= {"x_title": None, "y_title": None, "print_values": bool(rng.random() < 0.5)}
        options["inner_radius"] = 0.4 if rng.random() < 0.4 else 0.0
        options["formatter"] = lambda value: f"{value:g}%"
    if table.kind == "line":
        options["show_dots"] = table.markers
    if table.kind == "scatter":
        options["stroke"] = False
    single = list(table.series) == [""] or len({p[0] for p in table.points}) == 1
    chart = kinds[table.kind](show_legend=table.kind == "pie" or not single, **options)
    if table.kind == "pie":
        for x, y in zip(table.x, table.series[""], strict=True):
            chart.add(x, y)
    elif table.kind == "scatter":
        for name in dict.fromkeys(point[0] for point in table.points):
            chart.add(name, [(x, y) for n, x, y in table.points if n == name])
    else:
        numeric = not isinstance(table.x[0], str)
        chart.x_labels = [f"{x:g}" if numeric else x for x in table.x]
        for name, ys in table.series.items():
            chart.add(name, ys)
    return bytes(vl_convert.svg_to_png(chart.render().decode()))


_LIBRARIES: dict[str, Callable[[Table, str, np.random.Generator], bytes]] = {
    "matplotlib": _matplotlib,
    "plotly": _plotly,
    "altair": _altair,
    "pygal": _pygal,
}
