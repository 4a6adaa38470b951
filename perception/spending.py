"""Spending: what models that cost something have been asked, and what they may be."""

import threading
from dataclasses import dataclass, field

from .errors import ModelError


@dataclass
class Spending:
    """What a model's answers have cost so far, and the most that they may.

    Attributes:
        most_tokens: of prompts and answers together; None for no limit. Where a server does not
            tell them, they are estimated: one for four characters, and one for 750 pixels.
        most_requests: None for no limit; tries that the server turned down, or that did not reach
            it, are not counted, those that were late are.
    """

    most_tokens: int | None = None
    most_requests: int | None = None
    tokens: int = 0
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self) -> None:
        """Count a request; raises ModelError where a limit is reached."""
        with self._lock:
            if self.most_requests is not None and self.requests >= self.most_requests:
                raise ModelError(
                    f"the limit of {self.most_requests} requests is reached", passing=False
                )
            if self.most_tokens is not None and self.tokens >= self.most_tokens:
                raise ModelError(
                    f"the limit of {self.most_tokens} tokens is reached ({self.tokens} were used)",
                    passing=False,
                )
            self.requests += 1

    def withdraw(self) -> None:
        """Take a request back that cost nothing."""
        with self._lock:
            self.requests -= 1

    def add(self, tokens: int) -> None:
        """Count tokens."""
        with self._lock:
            self.tokens += tokens
