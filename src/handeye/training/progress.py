"""Progress bars on standard error, for standard output is for results."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


def progress(what: str, *more: "ProgressColumn", enabled: bool = True) -> "Progress":
    """A bar with steps done and time left, a context manager; silent when not enabled."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    # A folder's name may have braces and brackets, which mean nothing here.
    told = TextColumn(what.replace("{", "{{").replace("}", "}}"), markup=False)
    columns = (told, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), *more)
    return Progress(*columns, console=Console(stderr=True), disable=not enabled)


class Bar:
    """Training's bar: steps done, time left, the latest loss. A context manager.

    Args:
        what: what is going on.
        first, last: steps done already, and in all.
        enabled: whether to show anything.
    """

    def __init__(self, what: str, first: int, last: int, *, enabled: bool = True) -> None:
        from rich.progress import TextColumn

        loss = TextColumn("loss {task.fields[loss]:.3f}")
        self._progress = progress(what, loss, enabled=enabled)
        self._task = self._progress.add_task(what, total=last, completed=first, loss=0.0)

    def update(self, loss: float) -> None:
        """One step further."""
        self._progress.update(self._task, advance=1, loss=loss)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
