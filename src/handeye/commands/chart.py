"""`handeye chart`: images of charts to tables."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

from handeye.perception.charts.images import SUFFIXES, open_image
from handeye.perception.errors import ImageError


def chart(
    *, images: tuple[str, ...], as_json: bool, as_csv: bool, question: str | None, out: str | None
) -> int:
    """Read each image and print its table; returns how many could not be read.

    One image gives one JSON object; several, or a folder, give one a line, each with its "image".
    """
    from handeye.perception.charts.read import read_chart

    paths = _paths(images)
    lines: list[str] = []
    failed = 0
    for path in _with_progress(paths, quiet=len(paths) < 2):
        try:
            read = read_chart(open_image(path))
        except ImageError as error:
            if len(paths) == 1:
                raise
            failed += 1
            if as_json:
                lines.append(json.dumps({"image": str(path), "error": str(error)}))
            print(f"{path}: {error}", file=sys.stderr)
            continue
        if question is not None:
            said = read.ask(question)
            prefix = f"{path}: " if len(paths) > 1 else ""
            lines.append(f"{prefix}{said or 'the question is not understood'}")
        elif as_json:
            named: dict[str, Any] = {"image": str(path)} if len(paths) > 1 else {}
            lines.append(json.dumps({**named, **read.as_dict()}, ensure_ascii=False))
        elif as_csv:
            lines.append(_csv(path, read, header=not lines, many=len(paths) > 1))
        else:
            _show(path, read)
    text = "\n".join(lines)
    if out is not None:
        Path(out).write_text(text + "\n")
    elif text:
        print(text)
    return failed


def _paths(images: tuple[str, ...]) -> list[Path]:
    found: list[Path] = []
    for name in images:
        path = Path(name)
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise ImageError(f"there are no images in {path}; looked for {', '.join(SUFFIXES)}")
            found += inside
        else:
            found.append(path)
    return found


def _with_progress(paths: list[Path], *, quiet: bool) -> Any:
    if quiet:
        return paths
    from rich.console import Console
    from rich.progress import track

    return track(paths, "reading charts", console=Console(stderr=True))


def _csv(path: Path, read: Any, *, header: bool, many: bool) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    first = ["image"] if many else []
    if header:
        writer.writerow([*first, "series", "x", "y"])
    for row in read.rows:
        writer.writerow([*([str(path)] if many else []), row.series, row.x, row.y])
    return buffer.getvalue().rstrip("\n")


def _show(path: Path, read: Any) -> None:
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
