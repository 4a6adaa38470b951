"""Vision-language models: the verbs, and the backends behind them.

Names are imported when they are first used, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check import check_vlm
    from .load import load_vlm

_HOMES = {"check_vlm": "check", "load_vlm": "load"}

__all__ = ["check_vlm", "load_vlm"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: {__all__}")
