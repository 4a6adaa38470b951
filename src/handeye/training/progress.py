"""A progress bar for training, with the latest loss."""


class Bar:
    """Shows steps done, time left and loss; silent when not enabled. A context manager.

    Args:
        what: what is going on.
        first, last: steps done already, and in all.
        enabled: whether to show anything.
    """

    def __init__(self, what: str, first: int, last: int, *, enabled: bool = True) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            disable=not enabled,
        )
        self._task = self._progress.add_task(what, total=last, completed=first, loss=0.0)

    def update(self, loss: float) -> None:
        """One step further."""
        self._progress.update(self._task, advance=1, loss=loss)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
