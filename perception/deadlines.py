"""Deadlines: a call is waited for until its deadline, and no longer than its caller goes on.

It runs in a thread of its own, and ends by itself once nobody waits for it any more.
"""

import atexit
import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, Generic, TypeVar

from .errors import ModelError

T = TypeVar("T")
_SLICE_S = 0.05
"""How often it is looked whether the caller goes on."""
_GRACE_S = 2.0
"""For so long the program's end waits for calls to notice that they are over."""


def _go_on() -> None:
    """The check of those who never stop."""


_CHECK: ContextVar[Callable[[], None]] = ContextVar("check", default=_go_on)


@contextmanager
def heeding(check: Callable[[], None]) -> Iterator[None]:
    """Within, whoever waits stops once `check` raises: for a model, a camera, or another try.

    What is heeded outside is heeded within, too.
    """
    outer = _CHECK.get()

    def both() -> None:
        outer()
        check()

    token = _CHECK.set(both)
    try:
        yield
    finally:
        _CHECK.reset(token)


def check() -> None:
    """Raise what the caller's check raises, see `heeding`."""
    _CHECK.get()()


def answered(call: Callable[[], T], name: str, deadline_s: float, model: object = None) -> T:
    """What a call gives, if it does so in time; one that is late ends by itself.

    A client's own timeout counts from byte to byte, and once more for each try; this one does not.

    Args:
        call: what to do; it sees the caller's context variables.
        name: of what is asked, for errors.
        deadline_s: for how long to wait.
        model: whose call it is; while one that was late still runs, no other of it is begun, for
            they would pile up and make each other late. None for what minds no company.

    Raises:
        ModelError: there was no answer in time, or an earlier call is still running.
        Exception: what the call raised, or the caller's check.
    """
    check()
    begun = _Call(call, model, name)
    with _LOCK:
        late = next((o for o in _RUNNING if o.left and o.model is model is not None), None)
        if late is None:
            begun.thread.start()
            _RUNNING.add(begun)
    if late is not None:
        raise ModelError(
            f"{name} was not called: {late.thread.name} is late and still at work", passing=False
        )
    until_s = time.monotonic() + deadline_s
    try:
        while not begun.done.is_set() and (left_s := until_s - time.monotonic()) > 0:
            check()
            begun.done.wait(min(left_s, _SLICE_S))
        check()
    finally:
        begun.left = not begun.done.is_set()
    if begun.left:
        # Another try would find it still at work.
        raise ModelError(f"{name} gave no answer within {deadline_s:g} s", passing=False)
    return begun.given()


def given_up() -> bool:
    """Whether nobody waits any more for the call that this runs in: it may as well end."""
    call = _MINE.get()
    return call is not None and call.left


class _Call(Generic[T]):
    """A call in a thread of its own; `left` once nobody waits for it any more."""

    def __init__(self, call: Callable[[], T], model: object, name: str) -> None:
        # A pool's threads would be waited for when the program ends; a daemon is not.
        within = copy_context().run
        self.thread = threading.Thread(target=within, args=(self._work,), name=name, daemon=True)
        self.done = threading.Event()
        self.left = False
        self.model = model
        self._call = call
        self._given: list[T] = []
        self._raised: BaseException | None = None

    def given(self) -> T:
        """What the call gave; raises what it raised."""
        if self._raised is not None:
            raise self._raised
        return self._given[0]

    def _work(self) -> None:
        _MINE.set(self)
        try:
            self._given.append(self._call())
        except BaseException as error:
            self._raised = error
        finally:
            with _LOCK:
                _RUNNING.discard(self)
            self.done.set()


_MINE: ContextVar[_Call[Any] | None] = ContextVar("call", default=None)
_LOCK = threading.Lock()
_RUNNING: set[_Call[Any]] = set()


@atexit.register
def _end_calls() -> None:
    """Have calls that still run end before the interpreter does.

    Where a daemon thread comes back from C++ into an interpreter that has ended, as those of torch
    do, the process is aborted. One that hangs in C is left: it does not come back.
    """
    with _LOCK:
        running = list(_RUNNING)
    for one in running:
        one.left = True
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(one.thread.ident or 0), ctypes.py_object(SystemExit)
        )
    until_s = time.monotonic() + _GRACE_S
    for one in running:
        one.thread.join(max(until_s - time.monotonic(), 0.0))
