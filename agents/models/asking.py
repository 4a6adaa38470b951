"""Asking: a call that is waited for until a deadline, and no longer than the run goes on."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import ContextVar, copy_context
from typing import TypeVar

from handeye.perception.errors import ModelError
from handeye.skills.robot import CancelToken

T = TypeVar("T")
_SLICE_S = 0.05
"""How often it is looked whether the run was cancelled."""
_LEFT: ContextVar[threading.Event | None] = ContextVar("left", default=None)


def answered(call: Callable[[], T], name: str, timeout_s: float, cancel: CancelToken) -> T:
    """What a call gives, in a thread of its own; one that nobody waits for ends by itself.

    A client's own timeout counts from byte to byte, and once more for each try; this one does not.

    Args:
        call: what to do; it sees the caller's context variables.
        name: of what is asked, for errors.
        timeout_s: for how long to wait.
        cancel: of the run.

    Raises:
        ModelError: there was no answer in time.
        CancelledError: the run was cancelled meanwhile.
    """
    given: Future[T] = Future()
    left = threading.Event()

    def work() -> None:
        _LEFT.set(left)
        try:
            given.set_result(call())
        except BaseException as error:
            given.set_exception(error)

    cancel.check()
    until_s = time.monotonic() + timeout_s
    # A pool's threads would be waited for when the program ends; a daemon is not.
    threading.Thread(target=copy_context().run, args=(work,), name=name, daemon=True).start()
    try:
        while not given.done():
            cancel.check()
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise ModelError(f"{name} gave no answer within {timeout_s:g} s")
            wait([given], min(_SLICE_S, left_s))
        cancel.check()
    finally:
        left.set()
    return given.result()


def given_up() -> bool:
    """Whether nobody waits any more for the call that this runs in: it may as well end."""
    left = _LEFT.get()
    return left is not None and left.is_set()
