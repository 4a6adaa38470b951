"""Models behind an OpenAI-compatible server: GPT, Gemini, vLLM, `transformers serve`."""

import base64
import io
import math
import os
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from ..frame import Frame
from .checkpoints import picture_of
from .written import Written

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion
    from openai.types.chat.chat_completion import Choice

_KEYS = ("HANDEYE_VLM_API_KEY", "OPENAI_API_KEY")
_OPTIONAL = ("response_format", "logprobs")
"""What not every server knows."""


@dataclass
class Spending:
    """What a server's answers have cost so far, and the most that they may.

    Attributes:
        most_tokens: of prompts and answers together; None for no limit.
        most_requests: None for no limit; tries that the server turned down are not counted.
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
    """Writes answers through `/chat/completions`; the client waits and tries again by itself.

    Attributes:
        address: such as "http://127.0.0.1:8000/v1".
        model: its name there.
        timeout_s: of one try.
        retries: of a request that failed for a passing reason.
        spending: counts and limits.
    """

    address: str
    model: str
    timeout_s: float = 60.0
    retries: int = 3
    spending: Spending = field(default_factory=Spending)

    @cached_property
    def client(self) -> "OpenAI":
        """The library's client; raises ModelError where the library is missing."""
        try:
            from openai import OpenAI
        except ImportError as error:
            raise ModelError(
                f"the model at {self.address} needs openai: pip install 'handeye[llm]'"
            ) from error
        key = next((os.environ[name] for name in _KEYS if os.environ.get(name)), "none")
        return OpenAI(
            base_url=self.address, api_key=key, timeout=self.timeout_s, max_retries=self.retries
        )

    def write(
        self, frame: Frame, prompt: str, most: int, schema: dict[str, Any] | None = None
    ) -> Written:
        """The model's answer to a prompt about a frame.

        Args:
            frame: sent as a JPEG.
            prompt: what to do.
            most: tokens that it may write.
            schema: JSON schema that the answer shall keep to, where the server can see to it.

        Raises:
            ModelError: the server cannot be reached, refuses, or a limit is reached.
        """
        image = {"type": "image_url", "image_url": {"url": _data_url(frame)}}
        content = [image, {"type": "text", "text": prompt}]
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": most,
            "temperature": 0,
            "logprobs": True,
        }
        if schema is not None:
            form = {"name": "answer", "schema": schema, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": form}
        answer = self._complete(request)
        try:
            # The library builds what it was sent, whole or not.
            self.spending.add(answer.usage.total_tokens if answer.usage else 0)
            return Written(answer.choices[0].message.content or "", _sure(answer.choices[0]))
        except (AttributeError, IndexError, TypeError) as error:
            raise ModelError(f"{self.address} gave no answer: {str(answer)[:200]}") from error

    def _complete(self, request: dict[str, Any]) -> "ChatCompletion":
        client = self.client
        import openai

        self.spending.begin()
        try:
            answer: ChatCompletion = client.chat.completions.create(**request)
        except openai.BadRequestError as error:
            plain = {key: value for key, value in request.items() if key not in _OPTIONAL}
            if plain == request:
                raise self._refused(error) from error
            return self._complete(plain)
        except openai.APIStatusError as error:
            raise self._refused(error) from error
        except openai.APIConnectionError as error:
            reason = error.__cause__ or error
            raise ModelError(f"{self.address} cannot be reached: {reason}") from error
        except (openai.OpenAIError, ValueError) as error:
            raise ModelError(f"{self.address} gave no answer: {error}") from error
        return answer

    def _refused(self, error: Any) -> ModelError:
        said = error.response.text[:300]
        return ModelError(f"{self.address} refused ({error.status_code}): {said}")


def _data_url(frame: Frame) -> str:
    buffer = io.BytesIO()
    picture_of(frame).save(buffer, format="JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _sure(choice: "Choice") -> float:
    """Mean probability of the answer's tokens; 0.5 where the server does not tell."""
    tokens = (choice.logprobs.content if choice.logprobs else None) or []
    shares = [math.exp(token.logprob) for token in tokens]
    return sum(shares) / len(shares) if shares else 0.5
