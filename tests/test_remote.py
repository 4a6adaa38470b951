"""Models behind servers, against a real one on loopback: what it takes, refuses, and costs."""

import base64
import io
import json
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from handeye.perception.frame import Frame
from handeye.perception.observer import Observer
from handeye.perception.perception import Perception
from handeye.perception.spending import Spending
from handeye.perception.vlm.load import load_vlm
from handeye.perception.vlm.remote import boxes_of, whole_patches
from PIL import Image
from raycast import OVERVIEW, Room, RoomCamera
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from handeye.errors import ModelError, UserError

FRAME = Frame(np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8), "c", 0, 0.0)
CHART = {
    "kind": "bar", "title": "T", "rows": [{"series": "", "x": "Jan", "y": 3}, {"x": "Feb"}],
}  # fmt: skip
Reply = tuple[int, Any]
"""Status, and body."""


def said(content: Any, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A completion without anything that a server may leave out."""
    return {
        "choices": [{"message": {"content": content, **message}, "finish_reason": finish}],
    }


class Serving:
    """An OpenAI-compatible server on loopback that answers by what it is asked.

    Attributes:
        requests: what it was asked so far.
        heads: the headers of that.
        replies: what it says to the next ones, before it answers by itself.
        takes: refuses a request in its own words, or does not.
        headers: of every reply.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.heads: list[dict[str, str]] = []
        self.replies: list[Reply] = []
        self.takes: Callable[[dict[str, Any]], Reply | None] = lambda _body: None
        self.headers = {"Retry-After-Ms": "1"}
        self.drips = False
        self.closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append({**body, "path": self.path})
                server.heads.append(dict(self.headers))
                status, answer = server.answer(body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in server.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for byte in data if server.drips else ():
                    try:
                        self.wfile.write(bytes([byte]))
                    except OSError:
                        return
                    server.closing.wait(0.05)
                if not server.drips:
                    self.wfile.write(data)

            def log_message(self, format: str, *arguments: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, body: dict[str, Any]) -> Reply:
        if self.replies:
            return self.replies.pop(0)
        refusal = self.takes(body)
        if refusal is not None:
            return refusal
        prompt = body["messages"][0]["content"][1]["text"]
        text = "Yes."
        if prompt.startswith("Find "):
            text = '{"objects": [{"bbox_2d": [0, 0, 500, 500], "label": "cup"}]}'
        elif "chart" in prompt:
            text = json.dumps(CHART)
        logprobs = {"content": [{"token": "x", "logprob": -0.1}]}
        return 200, {
            "choices": [{"message": {"content": text}, "logprobs": logprobs}],
            "usage": {"total_tokens": 100},
        }

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serving() -> Iterator[Serving]:
    server = Serving()
    yield server
    server.close()


def test_every_verb_goes_through_the_server_with_the_picture(serving: Serving) -> None:
    vlm = load_vlm(f"{serving.address}#gpt-test")
    answer = vlm.ask(FRAME, "is it a cup?")
    assert (answer.text, round(answer.confidence, 3)) == ("yes", 0.905)
    assert vlm.ground(FRAME, "the cup")[0].box == (0, 0, 40, 30)
    chart = Perception.of(vlm).read_chart(FRAME)
    assert [(row.x, row.y) for row in chart.rows] == [("Jan", 3.0)]
    assert chart.unread == ("1 rows that the model wrote badly",)
    assert sent(serving).size == (80, 60)
    assert serving.requests[0]["model"] == "gpt-test"
    schemas = [request.get("response_format", {}) for request in serving.requests]
    wanted = [sent.get("json_schema", {}).get("schema", {}) for sent in schemas]
    assert [[*schema.get("properties", ())] for schema in wanted] == [
        [], ["objects"], ["kind", "title", "x_label", "y_label", "rows"],
    ]  # fmt: skip


def sent(serving: Serving) -> Image.Image:
    """The picture of the last request."""
    url = serving.requests[-1]["messages"][0]["content"][0]["image_url"]["url"]
    kind, data = url.split(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_without_the_library_loading_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ModelError, match=r"needs openai: pip install 'handeye\[llm\]'"):
        load_vlm("http://127.0.0.1:9/v1#m")


class TestFailing:
    def test_passing_failures_are_tried_again(self, serving: Serving) -> None:
        serving.replies = [(429, {"error": "slow down"}), (503, {"error": "busy"})]
        assert load_vlm(f"{serving.address}#m").ask(FRAME, "is it?").text == "yes"
        assert len(serving.requests) == 3

    def test_retries_come_to_an_end(self, serving: Serving) -> None:
        serving.replies = [(503, {"error": "busy"})] * 9
        with pytest.raises(ModelError, match=r"refused \(503\).*busy"):
            load_vlm(f"{serving.address}#m", retries=1).ask(FRAME, "is it?")
        assert len(serving.requests) == 2

    def test_lasting_failures_are_one_clear_error(self, serving: Serving) -> None:
        serving.replies = [(401, {"error": "bad key"})] * 3
        with pytest.raises(ModelError, match=r"refused \(401\).*bad key"):
            load_vlm(f"{serving.address}#m").ask(FRAME, "is it?")
        assert len(serving.requests) == 1

    def test_a_server_that_is_not_there_is_named(self) -> None:
        vlm = load_vlm("http://127.0.0.1:9/v1#m", retries=0)
        with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:9/v1 cannot be reached"):
            vlm.ask(FRAME, "is it?")

    def test_a_server_that_drips_is_late_and_no_other_request_is_held_up(
        self, serving: Serving
    ) -> None:
        serving.drips = True
        vlm = load_vlm(f"{serving.address}#m", timeout_s=0.7, retries=1)
        began_s = time.monotonic()
        with pytest.raises(ModelError, match=r"gave no answer within 0\.\d+ s"):
            vlm.ask(FRAME, "is it?")
        assert time.monotonic() - began_s < 3
        assert len(serving.requests) == 2
        serving.drips = False
        assert vlm.ask(FRAME, "is it?").text == "yes"

    def test_a_longer_wait_than_there_is_time_for_is_not_begun(self, serving: Serving) -> None:
        serving.headers = {"Retry-After": "50"}
        serving.replies = [(429, {"error": "slow down"})]
        vlm = load_vlm(f"{serving.address}#m", timeout_s=3)
        with pytest.raises(ModelError, match=r"slow down.*asks to wait 50 s, of which 1[12]"):
            vlm.ask(FRAME, "is it?")
        assert len(serving.requests) == 1


class TestWhatAServerTakes:
    """Each parameter that it turns down is left out, one by one, and from then on."""

    def test_a_server_that_names_nothing_is_asked_without_what_not_all_know(
        self, serving: Serving
    ) -> None:
        optional = {"response_format", "logprobs"}
        serving.takes = lambda body: (400, {"error": "what?"}) if optional & body.keys() else None
        vlm = load_vlm(f"{serving.address}#m")
        assert vlm.ground(FRAME, "the cup")
        assert [len(optional & request.keys()) for request in serving.requests] == [2, 1, 0]
        assert vlm.ground(FRAME, "the cup")
        assert len(serving.requests) == 4

    def test_a_server_without_logprobs_keeps_to_the_schema(self, serving: Serving) -> None:
        extra = {"detail": [{"loc": ["body", "logprobs"], "msg": "no", "input": {"max_tokens": 1}}]}
        serving.takes = lambda body: (422, extra) if "logprobs" in body else None
        assert load_vlm(f"{serving.address}#m").ground(FRAME, "the cup")
        assert len(serving.requests) == 2
        assert "response_format" in serving.requests[-1]

    def test_models_that_think_are_asked_in_their_own_terms(self, serving: Serving) -> None:
        def takes(body: dict[str, Any]) -> Reply | None:
            if "max_tokens" in body:
                words = "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
                return 400, {"error": {"message": words, "param": "max_tokens"}}
            if "temperature" in body:
                return 400, {"error": {"message": "'temperature' does not support 0"}}
            return None

        serving.takes = takes
        vlm = load_vlm(f"{serving.address}#m")
        assert [vlm.ask(FRAME, "is it?").text for _ in range(2)] == ["yes", "yes"]
        assert len(serving.requests) == 4
        # What it thinks counts too.
        assert serving.requests[-1]["max_completion_tokens"] > 1000
        assert "logprobs" in serving.requests[-1]

    def test_what_a_request_was_refused_for_without_end_is_not_learnt(
        self, serving: Serving
    ) -> None:
        serving.replies = [(400, {"error": "no such model"})] * 3
        vlm = load_vlm(f"{serving.address}#m")
        with pytest.raises(ModelError, match="no such model"):
            vlm.ground(FRAME, "the cup")
        assert vlm.ground(FRAME, "the cup")
        assert {"logprobs", "response_format"} <= serving.requests[-1].keys()


class TestRefusals:
    """What is no answer is an error, so that a fallback is asked; it is no absence."""

    @pytest.mark.parametrize(
        "reply",
        [
            said(None, refusal="I'm sorry."),
            said([{"type": "refusal", "refusal": "I'm sorry."}]),
            said(None, "tool_calls", tool_calls=[]),
            said("", "content_filter"),
            said('{"objects": [{"label": "cup', "length"),
            said("I'm sorry, I cannot see the image. []"),
            said('{"objects": [', "length"),
            said("I'm sorry, I can't help with that."),
        ],
    )
    def test_they_are_no_empty_list(self, serving: Serving, reply: dict[str, Any]) -> None:
        serving.replies = [(200, reply)] * 2
        vlm = load_vlm(f"{serving.address}#m")
        for verb in (vlm.parse, lambda frame: vlm.ground(frame, "the cup")):
            with pytest.raises(ModelError, match=r"refused|wrote no"):
                verb(FRAME)

    def test_an_empty_list_is_one(self, serving: Serving) -> None:
        serving.replies = [(200, said('{"objects": []}'))]
        assert load_vlm(f"{serving.address}#m").ground(FRAME, "the cup") == []

    def test_who_cannot_tell_has_no_answer(self, serving: Serving) -> None:
        serving.replies = [(200, said("I'm unable to determine that."))]
        answer = load_vlm(f"{serving.address}#m").ask(FRAME, "is it?")
        assert (answer.text, answer.confidence) == ("", 0.0)

    def test_an_answer_in_parts_and_thoughts_is_read(self, serving: Serving) -> None:
        parts = [{"type": "text", "text": "<think>[0, 0]</think>"}, {"type": "text", "text": "No"}]
        serving.replies = [(200, said(parts))]
        assert load_vlm(f"{serving.address}#m").ask(FRAME, "is it?").text == "no"

    @pytest.mark.parametrize("reply", [{}, {"choices": []}, {"choices": [{"message": None}]}, [1]])
    def test_an_answer_that_is_none_is_one_clear_error(self, serving: Serving, reply: Any) -> None:
        serving.replies = [(200, reply)]
        with pytest.raises(ModelError, match="gave no answer"):
            load_vlm(f"{serving.address}#m").ask(FRAME, "is it?")


class TestCutOff:
    """What ends because its tokens ran out is never taken for all that there is."""

    CUT = '{"objects": [{"bbox_2d": [0, 0, 500, 500], "label": "cup"}, {"bbox_2d": [500, 0, 60'

    def test_a_list_that_breaks_off_is_an_error(self, serving: Serving) -> None:
        serving.replies = [(200, said(self.CUT, "length"))] * 2
        vlm = load_vlm(f"{serving.address}#m")
        with pytest.raises(ModelError, match=r"#m wrote was cut off after 768 tokens; most_tokens"):
            vlm.parse(FRAME)
        with pytest.raises(ModelError, match=r"#m wrote was cut off after 256 tokens; most_tokens"):
            vlm.ground(FRAME, "the cup")

    def test_what_breaks_off_behind_a_whole_list_is_no_loss(self, serving: Serving) -> None:
        whole = '[{"bbox_2d": [0, 0, 500, 500], "label": "cup"}] There is one cup, which'
        serving.replies = [(200, said(whole, "length"))]
        assert len(load_vlm(f"{serving.address}#m").parse(FRAME)) == 1

    @pytest.mark.parametrize("finish", ["length", "stop"])
    def test_a_chart_that_breaks_off_says_so(self, serving: Serving, finish: str) -> None:
        rows = '{"kind": "bar", "rows": [{"x": "Jan", "y": 1}, {"x": "Feb", "y": 2},'
        serving.replies = [(200, said(rows, finish))]
        chart = load_vlm(f"{serving.address}#m").read_chart(FRAME)
        assert [row.x for row in chart.rows] == ["Jan", "Feb"]
        assert chart.unread == ("the answer was cut off; rows may be missing",)

    @pytest.mark.parametrize(
        "reply",
        [said("<think>Is it a cup? It", "length"), said(None, "length", reasoning_content="Is it")],
    )
    def test_thoughts_without_an_answer_tell_what_to_do(
        self, serving: Serving, reply: dict[str, Any]
    ) -> None:
        serving.replies = [(200, reply)]
        with pytest.raises(
            ModelError, match=r"still thinking when its 24 tokens ran out; most_tok"
        ):
            load_vlm(f"{serving.address}#m").ask(FRAME, "is it?")

    @pytest.mark.parametrize("how", ["address", "argument"])
    def test_a_model_that_thinks_is_given_more(self, serving: Serving, how: str) -> None:
        url = f"{serving.address}#m"
        named = how == "address"
        vlm = load_vlm(f"{url}?most_tokens=4000") if named else load_vlm(url, most_tokens=4000)
        vlm.ask(FRAME, "is it?")
        vlm.parse(FRAME)
        assert [request["max_tokens"] for request in serving.requests] == [4000, 4000]

    @pytest.mark.parametrize("wrong", ["?most_tokens=many", "?most_tokens=0"])
    def test_no_number_of_tokens_is_one_clear_error(self, wrong: str) -> None:
        with pytest.raises(UserError, match="most_tokens must be a whole number from 1 on, not"):
            load_vlm(f"http://127.0.0.1:9/v1#m{wrong}")


class TestSureness:
    def test_thoughts_are_no_part_of_it(self, serving: Serving) -> None:
        tokens = [{"token": f"t{k} ", "logprob": -0.001} for k in range(60)]
        tokens += [{"token": "yes", "logprob": math.log(0.1)}]
        reply = said("<think>Is it? It is.</think>yes")
        reply["choices"][0]["logprobs"] = {"content": tokens}
        serving.replies = [(200, reply)]
        answer = load_vlm(f"{serving.address}#m").ask(FRAME, "is it?")
        assert (answer.text, answer.confidence) == ("yes", pytest.approx(0.1))


class TestWhatIsFound:
    """Boxes of what is not there, and of other things, are not what was asked for."""

    @pytest.mark.parametrize(
        ("written", "boxes"),
        [
            ('[{"bbox_2d": [0, 0, 0, 0], "label": "not found"}]', []),
            ('[{"bbox_2d": [-1, -1, -1, -1], "label": "red cup"}]', []),
            ('[{"bbox_2d": [100, 100, 200, 200], "label": "no red cup"}]', []),
            ('[{"bbox_2d": [0, 0, 500, 500], "label": "red cup"},'
             ' {"bbox_2d": [500, 0, 600, 500], "label": "blue plate"},'
             ' {"bbox_2d": [600, 0, 700, 500], "label": "gripper"}]', [(0, 0, 40, 30)]),
            ('[{"bbox_2d": [0, 0, 500, 500], "label": "mug"}]', [(0, 0, 40, 30)]),
            ('[{"bbox_2d": [0, 0, 500, 500], "score": 0.2},'
             ' {"bbox_2d": [500, 0, 1000, 500], "score": 0.4}]', [(40, 0, 80, 30), (0, 0, 40, 30)]),
        ],
    )  # fmt: skip
    def test_of_a_phrase(self, serving: Serving, written: str, boxes: list[Any]) -> None:
        serving.replies = [(200, said(written))]
        found = load_vlm(f"{serving.address}#m").ground(FRAME, "the red cup")
        assert [detection.box for detection in found] == boxes
        assert {detection.label for detection in found} <= {"the red cup"}


class TestTries:
    """A server is tried as often as its backend says, by whoever looks through it."""

    def observer(self, vlm: Any) -> Observer:
        return Observer({"overview": RoomCamera(Room(), "overview", OVERVIEW)}, Perception.of(vlm))

    @pytest.mark.parametrize(("status", "tries"), [(503, 3), (401, 1), (404, 1)])
    def test_an_observer_does_not_multiply_them(
        self, serving: Serving, status: int, tries: int
    ) -> None:
        serving.replies = [(status, {"error": "no"})] * 20
        words = ", in 3 tries" if tries > 1 else ""
        with pytest.raises(ModelError, match=rf"refused \({status}\): .*no.*{words}$") as raised:
            self.observer(load_vlm(f"{serving.address}#m", retries=2)).look()
        assert len(serving.requests) == tries
        assert not raised.value.passing

    def test_nor_those_of_a_server_that_is_late(self, serving: Serving) -> None:
        serving.drips = True
        vlm = load_vlm(f"{serving.address}#m", timeout_s=0.7, retries=1)
        with pytest.raises(ModelError, match=r"gave no answer within 0\.7 s, in 2 tries$"):
            self.observer(vlm).look()
        assert len(serving.requests) == 2

    def test_a_limit_and_a_refusal_are_met_once(self, serving: Serving) -> None:
        refusal = said("I'm sorry, I can't help with that.")
        serving.replies = [(200, refusal)] * 9
        spending = Spending(most_requests=1)
        observer = self.observer(load_vlm(f"{serving.address}#m", spending=spending))
        with pytest.raises(ModelError, match="wrote no boxes"):
            observer.look()
        with pytest.raises(ModelError, match="limit of 1 requests is reached"):
            observer.look()
        assert len(serving.requests) == 1


class TestSecrets:
    """The address is used whole, and told without what is secret in it."""

    def test_the_server_is_sent_what_nobody_is_told(self, serving: Serving) -> None:
        host = serving.address.removeprefix("http://")
        vlm = load_vlm(f"http://bob:PASSWORD1@{host}?api_key=TOKEN1#m")
        assert vlm.ask(FRAME, "is it?").text == "yes"
        assert serving.requests[-1]["path"] == "/v1/chat/completions?api_key=TOKEN1"
        assert serving.heads[-1]["Authorization"].startswith("Basic ")
        assert vlm.name == f"http://{host}?api_key=…#m"

    @pytest.mark.parametrize("status", [401, 500, 200])
    def test_no_error_tells_them_though_the_server_does(
        self, serving: Serving, monkeypatch: pytest.MonkeyPatch, status: int
    ) -> None:
        monkeypatch.setenv("HANDEYE_VLM_API_KEY", "sk-SECRET1")
        basic = base64.b64encode(b"bob:PASSWORD1").decode()
        echo = f"Bearer sk-SECRET1, Basic {basic}, bob:PASSWORD1, ?api_key=TOKEN1"
        serving.replies = [(status, {"error": echo})]
        host = serving.address.removeprefix("http://")
        vlm = load_vlm(f"http://bob:PASSWORD1@{host}?api_key=TOKEN1#m", retries=0)
        with pytest.raises(ModelError, match=r"\*\*\*") as raised:
            vlm.ask(FRAME, "is it?")
        for secret in ("sk-SECRET1", basic, "PASSWORD1", "TOKEN1"):
            assert secret not in str(raised.value)

    @pytest.mark.parametrize("what", ["#m?boxes=inches", "#m"])
    def test_nor_does_one_about_the_address(self, what: str) -> None:
        vlm = "http://bob:PASSWORD1@127.0.0.1:9/v1?api_key=TOKEN1"
        with pytest.raises((ModelError, UserError)) as raised:
            load_vlm(f"{vlm}{what}", retries=0).ask(FRAME, "is it?")
        assert not re.search("PASSWORD1|TOKEN1", str(raised.value))


class TestSpending:
    def test_it_stops_at_its_limit(self, serving: Serving) -> None:
        vlm = load_vlm(f"{serving.address}#m", spending=Spending(most_tokens=150))
        vlm.ask(FRAME, "one?")
        vlm.ask(FRAME, "two?")
        with pytest.raises(ModelError, match=r"limit of 150 tokens is reached \(200 were used\)"):
            vlm.ask(FRAME, "three?")

    def test_what_was_turned_down_is_not_counted(self, serving: Serving) -> None:
        serving.replies = [(500, {}), (400, {"error": "logprobs?"}), (429, {})]
        spending = Spending(most_requests=1)
        vlm = load_vlm(f"{serving.address}#m", spending=spending)
        assert vlm.ask(FRAME, "is it?").text == "yes"
        assert spending.requests == 1
        with pytest.raises(ModelError, match="limit of 1 requests is reached"):
            vlm.ask(FRAME, "is it?")

    @pytest.mark.parametrize(
        ("usage", "tokens"),
        [(None, 21), ({"total_tokens": None}, 21), ({"prompt_tokens": 5}, 5), ({}, 21)],
    )
    def test_what_is_not_told_is_counted_as_estimated(
        self, serving: Serving, usage: Any, tokens: int
    ) -> None:
        serving.replies = [(200, {**said("yes"), "usage": usage})]
        spending = Spending()
        vlm = load_vlm(f"{serving.address}#m", spending=spending)
        assert vlm.ask(FRAME, "is it?").text == "yes"
        # 80 x 60 pixels / 750, and the letters of prompt and answer / 4.
        assert spending.tokens == tokens


class TestBoxes:
    """How a model writes boxes is known from its name, or told."""

    @pytest.mark.parametrize(
        ("model", "convention"),
        [("Qwen/Qwen2.5-VL-7B-Instruct", "pixels"), ("qwen2.5-vl", "pixels"),
         ("qwen2_5_vl", "pixels"), ("qwen2-vl-7b", "thousandths"), ("Qwen3-VL", "thousandths"),
         ("google/gemini-2.5-flash", "box_2d"), ("gpt-5", "thousandths")],
    )  # fmt: skip
    def test_a_name_tells(self, model: str, convention: str) -> None:
        assert boxes_of(model) == convention

    def test_qwen25s_pixels_are_of_the_picture_that_was_sent(self, serving: Serving) -> None:
        serving.replies = [(200, said('[{"bbox_2d": [308, 238, 616, 476], "label": "mug"}]'))]
        frame = Frame(np.zeros((480, 640, 3), np.uint8), "c", 0, 0.0)
        [found] = load_vlm(f"{serving.address}#qwen2.5-vl").ground(frame, "the mug")
        assert sent(serving).size == (644, 476)
        assert found.box == pytest.approx((308 * 640 / 644, 240, 616 * 640 / 644, 480))

    @pytest.mark.parametrize("size", [(640, 480), (320, 240), (1920, 1080), (80, 60), (33, 900)])
    def test_a_picture_is_sent_as_qwens_processor_leaves_it(self, size: tuple[int, int]) -> None:
        width, height = whole_patches(size)
        for fewest, most in ((56**2, 12_845_056), (256 * 28**2, 1280 * 28**2)):
            left = smart_resize(height, width, min_pixels=fewest, max_pixels=most)
            assert left == (height, width)

    def test_gemini_is_asked_in_its_own_form(self, serving: Serving) -> None:
        serving.replies = [(200, said("[500, 250, 1000, 500]"))]
        [found] = load_vlm(f"{serving.address}#gemini-2.5-flash").ground(FRAME, "the mug")
        assert found.box == pytest.approx((20, 30, 40, 60))
        assert (
            '"box_2d": [y1, x1, y2, x2]' in serving.requests[0]["messages"][0]["content"][1]["text"]
        )

    @pytest.mark.parametrize("how", ["address", "argument"])
    def test_it_can_be_told(self, serving: Serving, how: str) -> None:
        serving.replies = [(200, said("[0.5, 0.5, 1.0, 1.0]"))]
        url = f"{serving.address}#my/model"
        named = how == "address"
        vlm = load_vlm(f"{url}?boxes=shares") if named else load_vlm(url, boxes="shares")
        [found] = vlm.ground(FRAME, "the mug")
        assert found.box == (40, 30, 80, 60)
        assert serving.requests[0]["model"] == "my/model"

    @pytest.mark.parametrize("wrong", ["?boxes=inches", "?sizes=pixels"])
    def test_what_cannot_be_told_says_what_can(self, wrong: str) -> None:
        with pytest.raises(UserError, match=re.escape("accepted is ?boxes= with pixels, thous")):
            load_vlm(f"http://127.0.0.1:9/v1#m{wrong}")
