"""`handeye chart`: images of charts to tables."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from handeye.perception.cameras.image_folder import SUFFIXES
from handeye.perception.charts.chart import Chart
from handeye.perception.errors import ImageError
from handeye.perception.images import open_image


def chart(
    *, images: tuple[str, ...], as_json: bool, as_csv: bool, question: str | None, out: str | None
) -> int:
    """Read each image and print its table as it comes; returns how many could not be read.

    One image gives one JSON object; several, or a folder, give one a line, each with its "image".
    """
    from handeye.perception.charts.read import read_chart

    paths = _paths(images)
    many = len(images) > 1 or Path(images[0]).is_dir()
    as_csv = as_csv or (out is not None and not as_json and question is None)
    failed = 0
    with ExitStack() as stack:
        target = stack.enter_context(Path(out).open("w")) if out is not None else sys.stdout
        if as_csv:
            print(_csv([[*(["image"] if many else []), "series", "x", "y"]]), file=target)
        for path in _with_progress(paths, quiet=not many):
            try:
                read = read_chart(open_image(path))
            except ImageError as error:
                if not many:
                    raise
                failed += 1
                print(f"{path}: {error}", file=sys.stderr)
                if as_json:
                    line = json.dumps({"image": str(path), "error": str(error)})
                    print(line, file=target, flush=True)
                continue
            named = [str(path)] if many else []
            if as_json:
                said = {"answer": read.ask(question)} if question else read.as_dict()
                row = {"image": str(path), **said} if many else said
                print(json.dumps(row, ensure_ascii=False), file=target, flush=True)
            elif question is not None:
                answer = read.ask(question) or "I do not understand the question"
                print(": ".join([*named, answer]), file=target, flush=True)
            elif as_csv:
                rows = [[*named, r.series, r.x, r.y] for r in read.rows]
                print(_csv(rows), file=target, flush=True)
            else:
                _show(path, read)
    return failed


def _paths(images: tuple[str, ...]) -> list[Path]:
    found: list[Path] = []
    for name in images:
        path = Path(name)
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in (*SUFFIXES, ".gif"))
        if not inside:
            kinds = ", ".join(sorted(SUFFIXES))
            raise ImageError(f"there are no images in {path}; looked for {kinds}")
        found += inside
    return found


def _with_progress(paths: list[Path], *, quiet: bool) -> Iterable[Path]:
    if quiet:
        return paths
    from rich.console import Console
    from rich.progress import track

    return track(paths, "reading charts", console=Console(stderr=True))


def _csv(rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().rstrip("\n")


def _show(path: Path, read: Chart) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{path.name}: {read.title or 'no title'} ({read.kind})"
    table = Table(title=title, title_justify="left")
    several = len(read.names) > 1
    if several:
        table.add_column("series")
    table.add_column(read.x_label or "x")
    table.add_column(read.y_label or "y", justify="right")
    table.add_column("sure", justify="right")
    for row in read.rows:
        x = row.x if isinstance(row.x, str) else f"{row.x:g}"
        cells = [x, f"{row.y:g}", f"{row.confidence:.2f}"]
        table.add_row(*([row.series] if several else []), *cells)
    console = Console()
    console.print(table)
    for missing in read.unread:
        console.print(f"not read: {missing}")
