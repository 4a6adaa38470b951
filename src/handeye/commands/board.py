"""The live board of an evaluation: what is done, how well, and how long it will still take."""

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..episode import EpisodeResult
from ..evaluation import Job, wilson

if TYPE_CHECKING:
    from rich.table import Table

_Key = tuple[str, str, str]
_MOST_ROWS = 24


class Board:
    """Shows a table on the terminal; where there is none, one line for each task that is done.

    Args:
        wanted: episodes by agent, split and task, in their order.
    """

    def __init__(self, wanted: Mapping[_Key, int]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._wanted = dict(wanted)
        self._judged: dict[_Key, list[bool]] = {}
        self._fresh = 0
        self._began = time.monotonic()
        self._live: Live | None = None
        console = Console(stderr=True)
        if console.is_terminal:
            self._live = Live(
                self.table(),
                console=console,
                refresh_per_second=2,
                transient=True,
                get_renderable=self.table,
            )

    def add(self, job: Job, result: EpisodeResult, *, fresh: bool = True) -> None:
        """Take in a result; one that is not fresh tells nothing about the time that is left."""
        key = job.setting.label, job.split, job.task
        good = self._judged.setdefault(key, [])
        good.append(bool(result.judged))
        self._fresh += fresh
        if self._live is None and fresh and len(good) == self._wanted.get(key):
            print(f"{' · '.join(key)}: {' '.join(_figures(good))}", file=sys.stderr, flush=True)

    def table(self) -> "Table":
        """What is under way first, then what is done; what waits is only counted."""
        from rich.markup import escape
        from rich.table import Table

        total, done = sum(self._wanted.values()), sum(map(len, self._judged.values()))
        shown = Table(
            title=f"{done} of {total} episodes, {self._time_left(total - done)}",
            title_justify="left",
            box=None,
        )
        for column in ("agent", "split", "task"):
            shown.add_column(column)
        for column in ("done", "success", "95 % interval"):
            shown.add_column(column, justify="right")
        begun = sorted(
            list(self._judged), key=lambda key: len(self._judged[key]) >= self._wanted[key]
        )
        for key in begun[:_MOST_ROWS]:
            good = self._judged[key]
            shown.add_row(*map(escape, key), f"{len(good)}/{self._wanted[key]}", *_figures(good))
        if len(begun) > _MOST_ROWS:
            shown.add_row(f"… and {len(begun) - _MOST_ROWS} more that are done")
        return shown

    def _time_left(self, episodes: int) -> str:
        if not self._fresh:
            return "time left not known yet"
        seconds = (time.monotonic() - self._began) / self._fresh * episodes
        clock = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
        return f"about {clock} left"

    def __enter__(self) -> "Board":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()


def _figures(good: list[bool]) -> tuple[str, str]:
    low, high = wilson(sum(good), len(good))
    return f"{100 * sum(good) / len(good):.1f} %", f"{100 * low:.1f}–{100 * high:.1f} %"
