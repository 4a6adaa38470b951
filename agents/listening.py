"""Listening: what a callback for events raises is its caller's, and no fault of robot or model."""

from collections.abc import Callable

from .events import Event


class ListenerFailed(BaseException):
    """A callback for events raised; like Ctrl-C, no handler of errors of robots takes it.

    Attributes:
        error: what it raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def apart(listener: Callable[[Event], None]) -> Callable[[Event], None]:
    """A listener whose errors come as ListenerFailed."""

    def tell(event: Event) -> None:
        try:
            listener(event)
        except Exception as error:
            raise ListenerFailed(error) from error

    return tell


def as_raised(error: BaseException) -> BaseException:
    """An error as the caller is to see it: that of a callback as it was raised."""
    return error.error if isinstance(error, ListenerFailed) else error
