"""How well charts are read: python -m benchmarks.charts [--count 448] [--used] [--photographed]

Charts are drawn with exact tables in styles that were not looked at while the reader was built
(`--used`: in those that were). Prints RMS-F1 (DePlot), look-ups within 5 % (ChartQA), the share of
right kinds, each with its 95 % interval, and seconds a chart, by kind and by library. Ctrl-C keeps
what is done.
"""

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from handeye.perception.charts import read_chart
from handeye.perception.errors import ImageError
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table as Printed

from .photograph import photograph
from .render import SCORED, USED, Style, render
from .score import lookups, rms_f1
from .tables import KINDS, Kind, draw_table

ENTROPY = 20_261_201


def main() -> None:
    """Draw, read, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=448)
    parser.add_argument("--used", action="store_true")
    parser.add_argument("--photographed", action="store_true")
    parser.add_argument("--entropy", type=int, default=ENTROPY)
    parser.add_argument("--keep", type=Path, help="folder for the drawn charts and tables")
    options = parser.parse_args()
    styles = USED if options.used else SCORED
    rows: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    jobs = [(style, kind) for style in styles for kind in KINDS]
    order = np.random.default_rng(options.entropy).permutation(len(jobs))
    try:
        for number in track(range(options.count), "reading charts", console=Console(stderr=True)):
            style, kind = jobs[order[number % len(jobs)]]
            result = _one(number, style, kind, options.entropy, options.photographed, options.keep)
            for group in ("all", kind, style[0]):
                rows[group].append(result)
    except KeyboardInterrupt:
        print("stopped: figures are of what was read until then")
    printed = Printed("charts", "n", "RMS-F1", "look-ups", "kind", "seconds")
    for group in ("all", *KINDS, *dict.fromkeys(style[0] for style in styles)):
        scores = np.array(rows[group]).reshape(-1, 4)
        if len(scores):
            cells = [_with_interval(scores[:, k]) for k in range(3)]
            printed.add_row(group, str(len(scores)), *cells, f"{scores[:, 3].mean():.2f}")
    Console().print(printed)


def _with_interval(scores: npt.NDArray[np.float64]) -> str:
    """A mean and its 95 % interval by bootstrap."""
    rng = np.random.default_rng(0)
    means = rng.choice(scores, (2000, len(scores))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{scores.mean():.3f} ({low:.3f}-{high:.3f})"


def _one(
    number: int, style: Style, kind: Kind, entropy: int, photographed: bool, keep: Path | None
) -> tuple[float, float, float, float]:
    """(RMS-F1, look-ups, right kind, seconds) of one chart."""
    rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(number,)))
    table = draw_table(rng, kind)
    image = render(table, style, rng)
    if photographed:
        image = photograph(image, rng)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        name = f"{number:04d}-{style[0]}-{style[1]}-{kind}"
        Image.fromarray(image).save(keep / f"{name}.png")
        truth = {"kind": kind, "title": table.title, "rows": table.rows()}
        (keep / f"{name}.json").write_text(json.dumps(truth))
    began = time.perf_counter()
    try:
        chart = read_chart(image)
    except ImageError:
        return 0.0, 0.0, 0.0, time.perf_counter() - began
    seconds = time.perf_counter() - began
    found = [(row.series, row.x, row.y) for row in chart.rows]
    truth_rows = table.rows()
    right = float(chart.kind == kind)
    return rms_f1(found, truth_rows), lookups(found, truth_rows), right, seconds


if __name__ == "__main__":
    main()
