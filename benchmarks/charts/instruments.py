"""Gauges and seven-segment displays: python -m benchmarks.charts.instruments [--count 60] [--used]

Draws instruments with known values in styles that were not looked at while the reader was built
(`--used`: in those that were; `--photographed`: as a camera sees them). Prints the share that is
read (gauges to within 2 % of their scale, displays exactly), and that is read wrongly.
"""

import argparse
import io
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from handeye.perception.charts import read_chart
from handeye.perception.errors import ImageError
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table as Printed

from .photograph import photograph

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Gauge:
    """How a gauge looks; angles in degrees clockwise from straight up, lengths in radii."""

    start: float = -135.0
    sweep: float = 270.0
    face: str = "white"
    ink: str = "black"
    needle: str = "red"
    page: str = "white"
    labels: float = 0.72
    wedge: bool = False
    zones: bool = False
    printed: bool = False


@dataclass(frozen=True)
class Display:
    """How a display looks: RGB colours, slant as a shear, thickness in digit widths."""

    lit: tuple[int, int, int] = (255, 40, 20)
    panel: tuple[int, int, int] = (20, 12, 12)
    ghost: float = 0.0
    slant: float = 0.0
    thick: float = 0.2
    page: tuple[int, int, int] = (200, 200, 200)


USED: dict[str, Gauge | Display] = {
    "gauge plain": Gauge(),
    "gauge dark": Gauge(face="#202428", ink="white", needle="orange", page="#101214", wedge=True),
    "gauge half": Gauge(start=-90, sweep=180, labels=1.14, needle="black", printed=True),
    "display red": Display(),
    "display lcd": Display((40, 48, 36), (168, 182, 150), ghost=0.08, slant=0.1),
}
SCORED: dict[str, Gauge | Display] = {
    "gauge zones": Gauge(zones=True, needle="black", wedge=True, labels=0.68),
    "gauge wide": Gauge(start=-150, sweep=300, needle="#1f3b73", face="#f3f0e6", page="#d8d8d8"),
    "gauge outside": Gauge(start=-120, sweep=240, labels=1.15, face="#e8eef5", printed=True),
    "display green": Display((60, 255, 90), (8, 24, 12), ghost=0.12, thick=0.16),
    "display blue": Display((150, 200, 255), (16, 22, 60), slant=0.12, thick=0.24),
    "display white": Display((240, 240, 240), (30, 30, 30), page=(90, 90, 90), thick=0.13),
}


def draw_gauge(look: Gauge, top: float, value: float, unit: str) -> Rgb:
    """A dial from 0 to `top` whose needle stands at a value."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle, Polygon, Wedge

    figure = Figure(figsize=(4.6, 4.6), dpi=100, facecolor=look.page)
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    axes.set(xlim=(-1.32, 1.32), ylim=(-1.32, 1.32), aspect="equal")
    axes.axis("off")
    axes.add_patch(Circle((0, 0), 1.0, facecolor=look.face, edgecolor=look.ink, linewidth=2))

    def at(share: float, radius: float) -> tuple[float, float]:
        angle = np.radians(look.start + look.sweep * share)
        return radius * float(np.sin(angle)), radius * float(np.cos(angle))

    if look.zones:
        for low, high, color in ((0, 0.6, "#5cb85c"), (0.6, 0.85, "#f0ad4e"), (0.85, 1, "#d9534f")):
            ends = [90 - look.start - look.sweep * share for share in (high, low)]
            axes.add_patch(Wedge((0, 0), 0.98, *ends, width=0.08, facecolor=color))
    for k in range(51):
        inner = 0.86 if k % 5 == 0 else 0.92
        (x0, y0), (x1, y1) = at(k / 50, inner), at(k / 50, 0.97)
        axes.plot([x0, x1], [y0, y1], color=look.ink, linewidth=2 if k % 5 == 0 else 0.8)
        if k % 5 == 0:
            x, y = at(k / 50, look.labels)
            color = look.ink if look.labels < 1 or look.page != "white" else "black"
            axes.text(x, y, f"{top * k / 50:g}", ha="center", va="center", color=color, fontsize=11)
    axes.text(0, -0.45, unit, ha="center", va="center", color=look.ink, fontsize=12)
    if look.printed:
        axes.text(0, -0.7, f"{value:g}", ha="center", va="center", color=look.ink, fontsize=15)
    tip, tail = at(value / top, 0.62), at(value / top, -0.15)
    if look.wedge:
        across = np.array([tip[1], -tip[0]]) / 0.62 * 0.05
        axes.add_patch(Polygon([tip, tuple(across), tail, tuple(-across)], facecolor=look.needle))
    else:
        axes.plot([tail[0], tip[0]], [tail[1], tip[1]], color=look.needle, linewidth=3)
    axes.add_patch(Circle((0, 0), 0.08, facecolor=look.ink, zorder=5))
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=look.page)
    return np.asarray(Image.open(out).convert("RGB"))


_ON = {
    "0": "abcdef", "1": "bc", "2": "abdeg", "3": "abcdg", "4": "bcfg", "5": "acdfg",
    "6": "acdefg", "7": "abc", "8": "abcdefg", "9": "abcdfg", "-": "g",
}  # fmt: skip
_ENDS = {
    "a": ((0, 0), (1, 0)), "b": ((1, 0), (1, 1)), "c": ((1, 1), (1, 2)), "d": ((0, 2), (1, 2)),
    "e": ((0, 1), (0, 2)), "f": ((0, 0), (0, 1)), "g": ((0, 1), (1, 1)),
}  # fmt: skip


def draw_display(look: Display, said: str, rng: np.random.Generator) -> Rgb:
    """A panel on which a number is lit."""
    import cv2

    size = int(rng.integers(34, 60))
    signs = said.replace(".", "")
    width, height = int(1.75 * size * len(signs) + 1.5 * size), int(4.2 * size)
    page = np.full((height + 2 * size, width + 2 * size, 3), look.page, np.uint8)
    page[size:-size, size:-size] = look.panel
    dim = [round(p + look.ghost * (c - p)) for c, p in zip(look.lit, look.panel, strict=True)]
    thick = look.thick * size

    def put(points: npt.NDArray[np.float64], color: list[int]) -> None:
        points = points.copy()
        points[:, 0] += look.slant * (height / 2 + size - points[:, 1])
        cv2.fillPoly(page, [np.round(points * 8).astype(np.int32)], color, cv2.LINE_AA, 3)

    x, y = 2.0 * size, 2.1 * size
    for sign in said:
        if sign == ".":
            at = np.array([x - 0.42 * size, y + 2 * size - thick / 2])
            put(at + np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * thick, list(look.lit))
            continue
        for name, (a, b) in _ENDS.items():
            color = list(look.lit) if name in _ON[sign] else dim
            if name not in _ON[sign] and not look.ghost:
                continue
            p, q = (np.array([x, y]) + size * np.array(e, np.float64) for e in (a, b))
            along = (q - p) / np.linalg.norm(q - p)
            side = np.array([-along[1], along[0]]) * thick / 2
            p, q = p + along * 0.06 * size, q - along * 0.06 * size
            mid = along * thick / 2
            put(
                np.array([p, p + mid + side, q - mid + side, q, q - mid - side, p + mid - side]),
                color,
            )
        x += 1.75 * size
    return np.asarray(cv2.GaussianBlur(page, (0, 0), 0.6))


def draw(look: Gauge | Display, rng: np.random.Generator) -> tuple[Rgb, float, float]:
    """An instrument, its value, and how far a reading may be off."""
    if isinstance(look, Gauge):
        top = float(rng.choice([1, 10, 50, 100, 200, 3000]))
        value = float(f"{rng.uniform(0.02, 0.98) * top:.3g}")
        unit = str(rng.choice(["bar", "km/h", "°C", "rpm", "V"]))
        return draw_gauge(look, top, value, unit), value, 0.02 * top
    decimals = int(rng.integers(0, 3))
    value = round(float(rng.uniform(0, 10 ** rng.integers(1, 4))), decimals)
    value = -value if rng.random() < 0.2 else value
    said = f"{value:.{decimals}f}"
    return draw_display(look, said, rng), float(said), 1e-9


def main() -> None:
    """Draw, read, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--used", action="store_true")
    parser.add_argument("--photographed", action="store_true")
    parser.add_argument("--entropy", type=int, default=20_261_201)
    options = parser.parse_args()
    styles = list((USED if options.used else SCORED).items())
    rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for number in track(range(options.count), "reading", console=Console(stderr=True)):
        name, look = styles[number % len(styles)]
        rng = np.random.default_rng(np.random.SeedSequence(options.entropy, spawn_key=(number,)))
        image, value, slack = draw(look, rng)
        if options.photographed:
            image = photograph(image, rng)
        try:
            chart = read_chart(image)
            kind = "gauge" if isinstance(look, Gauge) else "display"
            right = chart.kind == kind and abs(chart.rows[0].y - value) <= slack
            result = float(right), float(not right)
        except ImageError:
            result = 0.0, 0.0
        for group in (name.split()[0], name):
            rows[group].append(result)
    printed = Printed("instruments", "n", "right", "wrong")
    for group, results in sorted(rows.items()):
        right, wrong = np.mean(results, axis=0)
        printed.add_row(group, str(len(results)), f"{right:.3f}", f"{wrong:.3f}")
    Console().print(printed)


if __name__ == "__main__":
    main()
