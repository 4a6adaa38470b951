"""Models behind an OpenAI-compatible server: GPT, Gemini, vLLM, `transformers serve`."""

import base64
import io
import json
import os
import random
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from ..errors import ModelError
from ..frame import Frame
from .checkpoints import picture_of

_RETRIED = (408, 409, 425, 429, 500, 502, 503, 504)
_KEYS = ("HANDEYE_VLM_API_KEY", "OPENAI_API_KEY")


@dataclass
class Spending:
    """What a server's answers have cost so far, and the most that they may.

    Attributes:
        most_tokens: of prompts and answers together; None for no limit.
        most_requests: None for no limit.
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
                raise ModelError(f"the limit of {self.most_requests} requests is reached")
            if self.most_tokens is not None and self.tokens >= self.most_tokens:
                raise ModelError(
                    f"the limit of {self.most_tokens} tokens is reached ({self.tokens} were used)"
                )
            self.requests += 1

    def add(self, tokens: int) -> None:
        """Count tokens."""
        with self._lock:
            self.tokens += tokens


@dataclass(frozen=True, eq=False)
class Server:
    """Writes answers through `/chat/completions`, with retries.

    Attributes:
        address: such as "http://127.0.0.1:8000/v1".
        model: its name there.
        timeout_s: of one try.
        retries: of a request that failed for a passing reason, each after twice the wait.
        first_wait_s: before the first retry.
        spending: counts and limits.
    """

    address: str
    model: str
    timeout_s: float = 60.0
    retries: int = 3
    first_wait_s: float = 0.5
    spending: Spending = field(default_factory=Spending)

    def write(self, frame: Frame, prompt: str, most: int) -> tuple[str, float]:
        """(text, how sure) of the model's answer to a prompt about a frame.

        Raises:
            ModelError: the server cannot be reached, refuses, or a limit is reached.
        """
        image = {"type": "image_url", "image_url": {"url": _data_url(frame)}}
        content = [image, {"type": "text", "text": prompt}]
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": most,
            "temperature": 0,
            "logprobs": True,
        }
        if "JSON alone: {" in prompt:
            body["response_format"] = {"type": "json_object"}
        answer = self._post(body)
        try:
            choice = answer["choices"][0]
            text = str(choice["message"]["content"] or "")
        except (KeyError, IndexError, TypeError) as error:
            raise ModelError(
                f"{self.address} gave no answer: {json.dumps(answer)[:200]}"
            ) from error
        self.spending.add(int((answer.get("usage") or {}).get("total_tokens") or 0))
        return text, _sure(choice)

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        wait = self.first_wait_s
        for attempt in range(self.retries + 1):
            self.spending.begin()
            try:
                return self._try(body)
            except urllib.error.HTTPError as error:
                said = error.read().decode(errors="replace")[:300]
                optional = {"response_format", "logprobs"} & body.keys()
                if error.code == 400 and optional:
                    # Not every server knows every option.
                    body = {k: v for k, v in body.items() if k not in optional}
                    continue
                if error.code not in _RETRIED or attempt == self.retries:
                    raise ModelError(
                        f"{self.address} refused ({error.code}): {said or error.reason}"
                    ) from error
                wait = float(error.headers.get("Retry-After") or wait)
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                reason = getattr(error, "reason", error)
                if attempt == self.retries:
                    raise ModelError(f"{self.address} cannot be reached: {reason}") from error
            time.sleep(wait * random.uniform(0.8, 1.2))
            wait = min(2 * wait, 30.0)
        raise ModelError(f"{self.address} did not answer")

    def _try(self, body: dict[str, Any]) -> dict[str, Any]:
        key = next((os.environ[name] for name in _KEYS if os.environ.get(name)), "none")
        request = urllib.request.Request(
            f"{self.address.rstrip('/')}/chat/completions",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
        )
        with urllib.request.urlopen(request, timeout=self.timeout_s) as response:
            found = json.loads(response.read())
        if not isinstance(found, dict):
            raise ModelError(f"{self.address} answered with something that is no object")
        return found


def _data_url(frame: Frame) -> str:
    buffer = io.BytesIO()
    picture_of(frame).save(buffer, format="JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _sure(choice: dict[str, Any]) -> float:
    """Mean probability of the answer's tokens; 0.5 where the server does not tell."""
    import math

    tokens = (choice.get("logprobs") or {}).get("content") or []
    shares = [math.exp(t["logprob"]) for t in tokens if isinstance(t.get("logprob"), int | float)]
    return sum(shares) / len(shares) if shares else 0.5
