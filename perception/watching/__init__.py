"""Watching: cameras that are asked again and again, what happened in them, and searching them."""

from .account import Account, tell
from .gate import ChangeGate
from .looking import Sighting, look, watch
from .rounds import rounds
from .searching import Span, frames_at, score_frames, spans_of

__all__ = [
    "Account",
    "ChangeGate",
    "Sighting",
    "Span",
    "frames_at",
    "look",
    "rounds",
    "score_frames",
    "spans_of",
    "tell",
    "watch",
]
