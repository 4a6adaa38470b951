"""A server on loopback that speaks OpenAI's protocol, and what it answers with."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from handeye.agents.models.planner import ModelPlanner

Answer = tuple[int, dict[str, Any] | str]

PICK = ("pick", '{"target": "cup_1"}')
PLACE = ("place", '{"relation": "on", "reference": "plate_1", "target": "cup_1"}')


class Server:
    """Answers each request with the next recorded answer, or by a function.

    Attributes:
        url: for `ModelPlanner`, without the model's name.
        answers: (status, body) still to be given, in order.
        write: what it writes to a request, instead of these.
        meanwhile: called at each request, before it is answered.
        silent: it takes requests and says nothing.
        drips: it sends spaces without end, as a proxy that keeps a connection open does.
        requests: what it was asked.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.write: Callable[[dict[str, Any]], str] | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        self.silent = self.drips = False
        self.requests: list[dict[str, Any]] = []
        self._closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                asked = json.loads(self.rfile.read(length))
                server.requests.append(asked)
                server.meanwhile()
                if server.silent:
                    server._closing.wait()
                elif server.drips:
                    server._drip(self)
                else:
                    server._answer(self, asked)

            def log_message(self, *_: object) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def _answer(self, handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        status, body = (200, message(self.write(asked))) if self.write else self.answers.pop(0)
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _drip(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        try:
            while not self._closing.wait(0.02):
                handler.wfile.write(b" ")
                handler.wfile.flush()
        except OSError:
            return

    def close(self) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()


def message(
    text: str | None, *calls: tuple[str, str], finish: str = "stop", refusal: str | None = None
) -> dict[str, Any]:
    """A completion, as servers of the protocol write it; arguments are text."""
    tool_calls = [
        {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for i, (name, arguments) in enumerate(calls)
    ]
    said: dict[str, Any] = {"role": "assistant", "content": text}
    said |= {"tool_calls": tool_calls} if calls else {}
    said |= {"refusal": refusal} if refusal else {}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "tiny",
        "choices": [{"index": 0, "message": said, "finish_reason": finish}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def says(server: Server, *answers: dict[str, Any] | Answer, **options: Any) -> ModelPlanner:
    """A planner that gets these answers from a server."""
    server.answers = [a if isinstance(a, tuple) else (200, a) for a in answers]
    return ModelPlanner(f"{server.url}#tiny", **options)
