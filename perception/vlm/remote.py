"""Models behind an OpenAI-compatible server: GPT, Gemini, vLLM, `transformers serve`."""

import base64
import io
import math
import os
import random
import re
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..addresses import redacted, secrets_of, without
from ..errors import ModelError, UserError
from ..frame import Frame
from ..spending import Spending
from .checkpoints import picture_of
from .line import Line
from .sureness import sureness
from .terms import Terms, agreed, at_fault, wait_asked_s
from .written import Convention, Written

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion
    from openai.types.chat.chat_completion import Choice

_KEYS = ("HANDEYE_VLM_API_KEY", "OPENAI_API_KEY")
_PATCH = 28
_PIXELS = (256 * _PATCH**2, 1280 * _PATCH**2)
"""Qwen2.5-VL looks at whole patches, of which servers take so many without a resizing of theirs."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
_PASSING = (408, 409, 429)
"""Besides the server's own faults."""
_ILL_FORMED = (400, 422)
"""Of a request with something in it that the server does not take."""


@dataclass(frozen=True, eq=False)
class Server:
    """Writes answers through `/chat/completions`.

    A parameter that a server turns down is left out from then on. What is secret in the address,
    and the key, stay out of what is told of it.

    Attributes:
        address: such as "http://127.0.0.1:8000/v1".
        model: its name there.
        timeout_s: of one try, to the last byte of its answer. A call takes at most `retries` + 1
            times that, pauses and all.
        retries: of a request that failed for a passing reason.
        spending: counts and limits.
        boxes: how the model writes boxes. Where it is in pixels, the image is sent in a size that
            Qwen2.5-VL's processor leaves as it is.
        most_tokens: that it may write to one request, thoughts and all; as many as each verb needs
            of a model that does not think, unless given.

    Raises:
        UserError: most_tokens is no number of tokens.
    """

    address: str
    model: str
    timeout_s: float = 60.0
    retries: int = 3
    spending: Spending = field(default_factory=Spending)
    boxes: Convention = "thousandths"
    most_tokens: int | None = None
    _terms: Terms = field(default_factory=Terms, init=False, repr=False)

    def __post_init__(self) -> None:
        most = self.most_tokens
        if most is not None and (not isinstance(most, int) or most < 1):
            raise UserError(f"most_tokens must be a whole number from 1 on, not {most!r}")

    @cached_property
    def line(self) -> Line:
        """To the server; raises ModelError where the library is missing."""
        try:
            return Line(self.address, self._key or "none")
        except ImportError as error:
            raise ModelError(
                f"the model at {self.name} needs openai: pip install 'handeye[llm]'"
            ) from error

    @property
    def name(self) -> str:
        """The address, without what is secret in it."""
        return redacted(self.address)

    @cached_property
    def _key(self) -> str:
        return next((os.environ[name] for name in _KEYS if os.environ.get(name)), "")

    def _told(self, words: object) -> str:
        """What a server said, without the secrets that it may repeat."""
        text = str(words).replace(self.address, self.name)
        return without(text, [*filter(None, [self._key]), *secrets_of(self.address)])

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
            ModelError: the server cannot be reached, refuses or is late, the model refuses or
                writes nothing, or a limit is reached.
        """
        picture = picture_of(frame)
        if self.boxes == "pixels":
            picture = picture.resize(whole_patches(picture.size))
        image = {"type": "image_url", "image_url": {"url": _data_url(picture)}}
        content = [image, {"type": "text", "text": prompt}]
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": self.most_tokens or most,
            "temperature": 0,
            "logprobs": True,
        }
        if schema is not None:
            form = {"name": "answer", "schema": schema, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": form}
        answer = self._complete(request)
        try:
            # The library builds what it was sent, whole or not.
            choice = answer.choices[0]
            text = _text_of(choice.message.content)
            sure = sureness(_tokens(choice), text)
            refusal = choice.message.refusal or _refusal_in(choice.message.content)
        except (AttributeError, IndexError, TypeError) as error:
            said = self._told(answer)[:200]
            raise ModelError(f"{self.name} gave no answer: {said}") from error
        width, height = picture.size
        guess = (len(prompt) + len(text)) // 4 + width * height // 750
        self.spending.add(_tokens_of(answer.usage) or guess)
        if refusal or choice.finish_reason == "content_filter":
            said = refusal or "its answer was withheld"
            raise ModelError(f"{self.model} refused: {said}", passing=False)
        cut = self._may_write(request) if choice.finish_reason == "length" else 0
        if not text.strip() and not cut:
            words = f"{self.model} wrote nothing (finish_reason {choice.finish_reason})"
            raise ModelError(words, passing=False)
        return Written(text, 0.5 if sure is None else sure, picture.size, cut=cut)

    def _may_write(self, request: dict[str, Any]) -> int:
        """How many tokens an answer to a request may have, in the terms that were agreed on."""
        sent = agreed(request, self._terms.without)
        return int(sent.get("max_tokens") or sent["max_completion_tokens"])

    def _complete(self, request: dict[str, Any]) -> "ChatCompletion":
        """An answer, after as many tries as it takes and there may be."""
        ends_s = time.monotonic() + self.timeout_s * (self.retries + 1)
        without, failures = [*self._terms.without], 0
        while True:
            sent = agreed(request, without)
            try:
                answer = self._try(sent, ends_s)
            except _Failed as failed:
                fault = failed.blames(sent)
                if fault is not None:
                    without.append(fault)
                    continue
                failures += 1
                left_s = ends_s - time.monotonic()
                wait_s = _pause_s(failed, failures)
                if failures > self.retries or not failed.passing or wait_s >= left_s:
                    raise failed.given_up(failures, left_s) from failed.__cause__
                time.sleep(wait_s)
            else:
                self._terms.learn(without)
                return answer

    def _try(self, request: dict[str, Any], ends_s: float) -> "ChatCompletion":
        """What one try gives; raises _Failed, or ModelError where another makes no sense."""
        line = self.line
        import openai

        may_s = min(self.timeout_s, max(ends_s - time.monotonic(), 0.0))
        self.spending.begin()
        try:
            return line.complete(request, may_s)
        except TimeoutError as error:
            raise _Failed(f"{self.name} gave no answer within {self.timeout_s:g} s") from error
        except openai.APIStatusError as error:
            self.spending.withdraw()
            status, said = error.status_code, error.response.text
            raise _Failed(
                f"{self.name} refused ({status}): {self._told(said)[:300]}",
                passing=status in _PASSING or status >= 500,
                wait_s=wait_asked_s(error.response.headers),
                refusal=(said, error.param) if status in _ILL_FORMED else None,
            ) from error
        except openai.APIConnectionError as error:
            self.spending.withdraw()
            reason = self._told(error.__cause__ or error)
            raise _Failed(f"{self.name} cannot be reached: {reason}") from error
        except (openai.OpenAIError, ValueError) as error:
            raise ModelError(f"{self.name} gave no answer: {self._told(error)}") from error


class _Failed(Exception):
    """A try that failed, in words.

    Attributes:
        passing: whether another one may do better.
        wait_s: how long the server asks to wait before.
    """

    def __init__(
        self,
        words: str,
        *,
        passing: bool = True,
        wait_s: float | None = None,
        refusal: tuple[str, str | None] | None = None,
    ) -> None:
        super().__init__(words)
        self.passing = passing
        self.wait_s = wait_s
        self._refusal = refusal

    def given_up(self, tries: int, left_s: float) -> ModelError:
        """The error after so many tries, with so much time left."""
        words = f"{self}, in {tries} tries" if tries > 1 else str(self)
        if self.passing and self.wait_s is not None and self.wait_s >= left_s:
            left = f"{max(left_s, 0.0):.3g} s are left"
            words += f"; it asks to wait {self.wait_s:.3g} s, of which {left}"
        return ModelError(words, passing=False)

    def blames(self, request: dict[str, Any]) -> str | None:
        """The parameter without which the request may be taken."""
        return at_fault(*self._refusal, request) if self._refusal else None


def _pause_s(failed: _Failed, count: int) -> float:
    """How long to wait for the next try: as long as the server asks, if it does."""
    growing_s = min(_FIRST_PAUSE_S * 2 ** (count - 1), _LONGEST_PAUSE_S)
    return random.uniform(0.75, 1.0) * growing_s if failed.wait_s is None else failed.wait_s


def boxes_of(model: str) -> Convention:
    """How a model that goes by this name writes boxes; thousandths where the name tells nothing."""
    name = re.sub(r"[^a-z0-9]", "", model.lower())
    if "qwen25vl" in name or "qwen25omni" in name:
        return "pixels"
    return "box_2d" if "gemini" in name else "thousandths"


def whole_patches(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) near a size, which Qwen2.5-VL's processor does not change.

    It writes boxes in pixels of what its processor made: whole patches, of which there may be
    neither few nor many.
    """
    width, height = size
    fewest, most = _PIXELS
    w, h = (max(_PATCH, round(side / _PATCH) * _PATCH) for side in size)
    if w * h > most:
        scale = math.sqrt(most / (width * height))
        w, h = (max(_PATCH, math.floor(side * scale / _PATCH) * _PATCH) for side in size)
    elif w * h < fewest:
        scale = math.sqrt(fewest / (width * height))
        w, h = (math.ceil(side * scale / _PATCH) * _PATCH for side in size)
    return w, h


def _data_url(picture: Any) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _text_of(content: Any) -> str:
    """What is written in a message, whole or in parts."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.get("text") or "" for part in content if part.get("type") == "text")


def _refusal_in(content: Any) -> str:
    parts = content if isinstance(content, list) else []
    return "".join(part.get("refusal") or "" for part in parts)


def _tokens_of(usage: Any) -> int:
    """Tokens that a server counted; 0 where it did not."""
    total = getattr(usage, "total_tokens", None)
    if isinstance(total, int) and total > 0:
        return total
    parts = (getattr(usage, f"{what}_tokens", None) for what in ("prompt", "completion"))
    return sum(part for part in parts if isinstance(part, int))


def _tokens(choice: "Choice") -> list[tuple[str, float]]:
    """(as written, probability) of each token; empty where the server does not tell."""
    tokens = (choice.logprobs.content if choice.logprobs else None) or []
    return [(token.token, math.exp(token.logprob)) for token in tokens]
