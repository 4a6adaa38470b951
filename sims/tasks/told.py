"""Told: a task that a function makes.

The function sets a table out and says what is told and what must hold. Its name is the task's.
Wordings come in two groups: those in use, and those that are kept for the split `unseen-words`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .task import Setup, Table


@dataclass(frozen=True)
class Told:
    """A task whose scene and words a function makes.

    Attributes:
        make: sets out the table.
    """

    make: Callable[[Table], Setup]

    @property
    def name(self) -> str:
        """The function's name."""
        return self.make.__name__

    @property
    def summary(self) -> str:
        """One line about it."""
        return (self.make.__doc__ or "").splitlines()[0]

    def build(self, table: Table) -> Setup:
        """Set the table out."""
        return self.make(table)


def told(*makes: Callable[[Table], Setup]) -> tuple[Told, ...]:
    """Tasks from functions, in order."""
    return tuple(Told(make) for make in makes)
