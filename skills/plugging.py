"""Plugging in: what installed packages offer through entry points."""

import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from handeye.perception.errors import UserError


def offered(group: str, kind: str, must_be: Callable[[Any], None]) -> dict[str, Any]:
    """What packages offer in a group of entry points, by its own `name`.

    What is broken is left out, which the logger "handeye" is told.

    Args:
        group: such as "handeye.skills".
        kind: what one is called, such as "skill".
        must_be: raises UserError for what is none.
    """
    found = {}
    for point in entry_points(group=group):
        try:
            thing = point.load()
            must_be(thing)
        except Exception as error:
            _tell_broken(point, kind, error)
        else:
            found[thing.name] = thing
    return found


def package_of(point: EntryPoint) -> str:
    """The name of the package that offers something."""
    return point.dist.name if point.dist is not None else "an unnamed package"


def _tell_broken(point: EntryPoint, kind: str, error: Exception) -> None:
    why = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    logging.getLogger("handeye").warning(
        'handeye: the %s "%s" of %s (%s) is left out: %s',
        *(kind, point.name, package_of(point), point.value, why),
    )
