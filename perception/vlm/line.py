"""A line to an OpenAI-compatible server on which no request takes longer than it may."""

import asyncio
import threading
import weakref
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ..addresses import redacted

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

_GRACE_S = 5.0
"""After which a request that should have ended was lost, such as with a process that forked."""


class Line:
    """The library's client on an event loop in a thread of its own.

    A blocking client's timeouts are of each read, so that a server that drips bytes holds it for
    ever; here a deadline ends whatever is waited for, and closes the connection.
    """

    def __init__(self, address: str, key: str) -> None:
        from openai import AsyncOpenAI

        place, _, query = address.partition("?")
        self._client = AsyncOpenAI(
            base_url=place,
            api_key=key,
            timeout=None,
            max_retries=0,
            default_query=dict(parse_qsl(query, keep_blank_values=True)),
        )
        self._loop = asyncio.new_event_loop()
        work = (self._loop, self._client)
        name = f"line to {redacted(address)}"
        threading.Thread(target=_serve, args=work, name=name, daemon=True).start()
        weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)

    def complete(self, request: dict[str, Any], timeout_s: float) -> "ChatCompletion":
        """The answer to one request, tried once.

        Raises:
            TimeoutError: it was not there, whole, in time.
            openai.OpenAIError, ValueError: there is none.
        """
        asked = asyncio.run_coroutine_threadsafe(
            _asked(self._client, request, timeout_s), self._loop
        )
        try:
            return asked.result(timeout_s + _GRACE_S)
        finally:
            asked.cancel()  # of no effect on what has ended


def _serve(loop: asyncio.AbstractEventLoop, client: "AsyncOpenAI") -> None:
    try:
        loop.run_forever()
        loop.run_until_complete(client.close())
    finally:
        loop.close()


async def _asked(
    client: "AsyncOpenAI", request: dict[str, Any], timeout_s: float
) -> "ChatCompletion":
    async with asyncio.timeout(timeout_s):
        answer: ChatCompletion = await client.chat.completions.create(**request)
        return answer
