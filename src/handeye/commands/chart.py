"""`handeye chart`: images of charts to tables."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from handeye.perception.cameras.image_folder import SUFFIXES
from handeye.perception.charts.chart import Chart
from handeye.perception.errors import ImageError, UserError
from handeye.perception.images import open_image


def chart(
    *, images: tuple[str, ...], as_json: bool, as_csv: bool, question: str | None, out: str | None
) -> int:
    """Read each image and print its table as it comes; returns how many could not be read.

    One image gives one JSON object; several, or a folder, give one a line, each with its "image".
    What could not be read is in the JSON and the table; with CSV and answers it goes to stderr.

    Raises:
        UserError: the options contradict each other.
    """
    if as_csv and as_json:
        raise UserError("--csv and --json contradict each other; give one of them")
    if as_csv and question is not None:
        raise UserError("--csv gives rows and --ask an answer; give one of them")
    from handeye.perception.charts.read import read_chart

    paths = _paths(images)
    many = len(images) > 1 or Path(images[0]).is_dir()
    as_csv = as_csv or (out is not None and not as_json and question is None)
    failed = 0
    heads = [[*(["image"] if many else []), "series", "x", "y"]]
    with _Output(out, _csv(heads) if as_csv else None) as target:
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
                    target.line(line)
                continue
            named = [str(path)] if many else []
            if question is not None or as_csv:
                _say_unread(path, read, many=many)
            if as_json:
                said = {"answer": read.ask(question)} if question else read.as_dict()
                row = {"image": str(path), **said} if many else said
                target.line(json.dumps(row, ensure_ascii=False))
            elif question is not None:
                answer = read.ask(question) or "I do not understand the question"
                target.line(": ".join([*named, answer]))
            elif as_csv:
                rows = [[*named, r.series, r.x, r.y] for r in read.rows]
                target.line(_csv(rows))
            else:
                _show(path, read)
    return failed


class _Output:
    """Standard output, or a file that is opened once there is something to write.

    Args:
        out: the file; None for standard output.
        head: the first line, before any other.
    """

    def __init__(self, out: str | None, head: str | None) -> None:
        self._out, self._head = out, head
        self._stack = ExitStack()
        self._file: TextIO | None = None

    def line(self, text: str) -> None:
        """Write a line at once; of an empty one, no more than the head."""
        if self._file is None:
            self._file = self._opened()
            if self._head is not None:
                print(self._head, file=self._file, flush=True)
        if text:
            print(text, file=self._file, flush=True)

    def _opened(self) -> TextIO:
        if self._out is None:
            return sys.stdout
        return self._stack.enter_context(Path(self._out).open("w", encoding="utf-8"))

    def __enter__(self) -> "_Output":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _say_unread(path: Path, read: Chart, *, many: bool) -> None:
    """What could not be read, beside answers and rows that do not tell."""
    for missing in read.unread:
        print(f"{path}: " * many + f"not read: {missing}", file=sys.stderr)


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
    from rich.text import Text

    title = f"{path.name}: {read.title or 'no title'} ({read.kind})"
    table = Table(title=Text(title), title_justify="left")
    several = len(read.names) > 1
    if several:
        table.add_column("series")
    # As text: what stands in brackets in a picture is no markup.
    table.add_column(Text(read.x_label or "x"))
    table.add_column(Text(read.y_label or "y"), justify="right")
    table.add_column("sure", justify="right")
    for row in read.rows:
        x = row.x if isinstance(row.x, str) else f"{row.x:g}"
        cells = [x, f"{row.y:g}", f"{row.confidence:.2f}"]
        table.add_row(*map(Text, [*([row.series] if several else []), *cells]))
    console = Console(markup=False, emoji=False)
    console.print(table)
    for missing in read.unread:
        console.print(f"not read: {missing}")
