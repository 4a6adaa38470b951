"""Asking a language model: for how long it is waited for, and what is said when it fails."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chat_server import PICK, Server, message, says
from handeye.agents.agent import Agent
from handeye.agents.making import make_planner
from handeye.agents.models.local import TransformersChat
from handeye.agents.models.planner import ChainedPlanner, ModelPlanner
from handeye.agents.planner import Done, Plan, Progress
from handeye.perception.errors import CancelledError, ModelError, UserError
from handeye.perception.scene import Scene
from handeye.perception.spending import Spending
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation
from handeye.sims.tasks import get_task
from handeye.skills import CancelToken, Pick
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from handeye.episode import run_episode

KEY = "sk-SECRET-0123456789abcdef"
PICKED = Plan(skills=(Pick(target="cup_1"),))


def chat_of(server: Server, model: str = "tiny", **options: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model=model, base_url=server.url, api_key=SecretStr(KEY), max_retries=0, **options
    )


class TestHowLong:
    def test_the_deadline_counts_for_the_whole_answer(self, server: Server, table: Scene) -> None:
        server.drips = True  # Each byte is in time for the client's own timeout.
        planner = ModelPlanner(f"{server.url}#tiny", timeout_s=0.4)
        with pytest.raises(ModelError, match=r'"tiny" .* gave no answer within 0.4 s'):
            planner.plan("grab the red cup", table, Progress())

    def test_a_cancelled_run_does_not_wait_for_it(self, server: Server, table: Scene) -> None:
        token = CancelToken()
        server.silent, server.meanwhile = True, token.cancel
        planner = ModelPlanner(f"{server.url}#tiny")
        planner.cancelled_by(token)
        with pytest.raises(CancelledError):
            planner.plan("grab the red cup", table, Progress())
        assert len(server.requests) == 1
        # The next run has a token of its own.
        server.silent, server.meanwhile = False, lambda: None
        server.answers = [(200, message(None, PICK))]
        planner.cancelled_by(CancelToken())
        assert planner.plan("grab the red cup", table, Progress()) == PICKED

    def test_what_comes_after_the_end_is_not_planned(self, server: Server, table: Scene) -> None:
        token = CancelToken()
        planner = says(server, message(None, PICK))
        server.meanwhile = token.cancel
        planner.cancelled_by(token)
        with pytest.raises(CancelledError):
            planner.plan("grab the red cup", table, Progress())
        with pytest.raises(CancelledError):  # … and nothing more is asked.
            planner.plan("grab the red cup", table, Progress())
        assert len(server.requests) == 1

    def test_a_chain_hands_the_token_on(self, server: Server, table: Scene) -> None:
        token = CancelToken()
        server.silent, server.meanwhile = True, token.cancel
        planner = make_planner(f"embedded,{server.url}#tiny")
        assert isinstance(planner, ChainedPlanner)
        planner.cancelled_by(token)
        with pytest.raises(CancelledError):
            planner.plan("would that cup of crimson hue join your fingers", table, Progress())

    def test_a_local_checkpoint_that_nobody_waits_for_stops_writing(
        self, chat_checkpoint: Path, table: Scene
    ) -> None:
        token, writing = CancelToken(), []

        class Cancels(BaseCallbackHandler):
            def on_chat_model_start(self, *_: Any, **__: Any) -> None:
                writing.append(threading.current_thread())
                token.cancel()

        chat = TransformersChat.load(str(chat_checkpoint), max_new_tokens=10_000)
        chat.model.generation_config.eos_token_id = None  # It would go on for very long.
        chat.callbacks = [Cancels()]
        planner = ModelPlanner(chat)
        planner.cancelled_by(token)
        with pytest.raises(CancelledError):
            planner.plan("grab the red cup", table, Progress())
        writing[0].join(10.0)
        assert not writing[0].is_alive()

    def test_no_time_at_all_is_refused(self, server: Server) -> None:
        with pytest.raises(UserError, match="timeout_s=0 is no time to wait"):
            ModelPlanner(chat_of(server), timeout_s=0)


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("status", "body", "words"),
        [
            (404, "<html>\n<title>404 Not Found</title></html>", "Error code: 404"),
            (200, {"id": "x", "choices": []}, r"no chat completion \(IndexError: "),
            (200, {"id": "x", "choices": [{"message": None}]}, r"no chat completion \(Attribute"),
            (200, '{"choices": [', r"no chat completion \(JSONDecodeError: "),
            (200, {"error": {"message": "model not loaded"}}, "model not loaded"),
        ],
    )
    def test_the_server_is_named_and_what_it_did(
        self, server: Server, table: Scene, status: int, body: Any, words: str
    ) -> None:
        server.answers = [(status, body)]
        with pytest.raises(ModelError, match=words) as failed:
            ModelPlanner(chat_of(server)).plan("grab the red cup", table, Progress())
        assert f'the language model "tiny" (ChatOpenAI at {server.url})' in str(failed.value)

    def test_one_that_is_not_there_is_told_with_its_cause(self, table: Scene) -> None:
        gone = Server()
        gone.close()
        with pytest.raises(ModelError, match=r"Connection error\..*refused"):
            ModelPlanner(chat_of(gone)).plan("grab the red cup", table, Progress())

    def test_keys_are_in_no_error(
        self, server: Server, table: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTHER_API_KEY", "another-secret")
        echo = f"wrong key: Bearer {KEY}, or another-secret"
        server.answers = [(401, {"error": {"message": echo}})]
        address = server.url.replace("127.0.0.1", "me:password@127.0.0.1")
        chat = ChatOpenAI(model="tiny", base_url=address, api_key=SecretStr(KEY), max_retries=0)
        with pytest.raises(ModelError, match=r"wrong key: Bearer \*\*\*, or \*\*\*") as failed:
            ModelPlanner(chat).plan("grab the red cup", table, Progress())
        assert "password" not in str(failed.value)

    def test_a_model_that_cannot_call_tools_is_refused_at_once(self) -> None:
        with pytest.raises(UserError, match="this chat model cannot call tools"):
            make_planner(FakeListChatModel(responses=["hm"]))


class TestWhatIsAccepted:
    @pytest.mark.parametrize(
        "wrapped",
        [
            lambda chat: chat.with_retry(stop_after_attempt=2),
            lambda chat: chat.with_config(tags=["x"]),
            lambda chat: chat.bind(temperature=0.5),
            lambda chat: chat.bind(temperature=0.5).with_retry().with_config(tags=["x"]),
        ],
    )
    def test_a_chat_model_with_something_around_it(
        self, server: Server, table: Scene, wrapped: Callable[[ChatOpenAI], Any]
    ) -> None:
        server.answers = [(200, message(None, PICK))]
        planner = make_planner(wrapped(chat_of(server)))
        assert planner.plan("grab the red cup", table, Progress()) == PICKED
        [asked] = server.requests
        assert "pick" in [tool["function"]["name"] for tool in asked["tools"]]
        assert asked.get("temperature", 0.5) == 0.5

    def test_bound_arguments_and_retries_still_count(self, server: Server, table: Scene) -> None:
        server.answers = [(500, "boom"), (200, message(None, PICK))]
        chat = chat_of(server).bind(temperature=0.5).with_retry(wait_exponential_jitter=False)
        assert make_planner(chat).plan("grab the red cup", table, Progress()) == PICKED
        assert [asked["temperature"] for asked in server.requests] == [0.5, 0.5]

    def test_a_fallback_gets_the_tools_too(self, server: Server, table: Scene) -> None:
        server.answers = [(500, "boom"), (200, message(None, PICK))]
        chat = chat_of(server, "first").with_fallbacks([chat_of(server, "second")])
        assert make_planner(chat).plan("grab the red cup", table, Progress()) == PICKED
        assert [asked["model"] for asked in server.requests] == ["first", "second"]
        assert all(asked["tools"] for asked in server.requests)
        server.answers = [(500, "boom"), (500, "boom")]
        with pytest.raises(ModelError, match=r'"first" \(.*\) or "second" \('):
            make_planner(chat).plan("grab the red cup", table, Progress())

    def test_what_is_no_chat_model_is_refused(self) -> None:
        with pytest.raises(UserError, match="RunnableLambda is no chat model; accepted are"):
            make_planner(RunnableLambda(str).with_retry())
        with pytest.raises(UserError, match="planner=ModelPlanner is a class; right is an object"):
            make_planner(ModelPlanner)


class TestWhoIsAskedAgain:
    def test_a_model_is_unless_it_is_said_otherwise(self, server: Server) -> None:
        assert ModelPlanner(chat_of(server)).asks_again
        assert not ModelPlanner(chat_of(server), until_done=False).asks_again

    def test_of_a_chain_the_one_that_made_the_plan(self, server: Server, table: Scene) -> None:
        planner = make_planner(f"embedded,{server.url}#tiny")
        assert isinstance(planner, ChainedPlanner)
        planner.plan("grab the red cup", table, Progress())
        assert not planner.asks_again
        server.answers = [(200, message(None, PICK)), (200, message("It is in the hand."))]
        planner.plan("would that cup of crimson hue join your fingers", table, Progress())
        assert planner.asks_again
        # It goes on with its plan even where another one might understand by now.
        done = Progress(done=(Done(call="pick(target='cup_1')", message="holding cup_1"),))
        assert planner.plan("grab the red cup", table, done) == Plan(
            skills=(), reading="It is in the hand."
        )


class TestSpending:
    def test_it_stops_at_its_limit_and_nothing_moves(
        self, server: Server, grab: Simulation
    ) -> None:
        planner = says(server, *[message(None, ("home", "{}"))] * 2)
        planner.spending.most_tokens = 4
        with Agent(grab.robot, vlm=PerfectEyes(grab.world), planner=planner) as agent:
            result = agent.run("go home, and home again")
        assert (result.status, result.error) == ("failed", "ModelError")
        assert result.reason == "the limit of 4 tokens is reached (4 were used)"
        assert [step.call.skill for step in result.skills] == ["home", "home"]
        assert len(server.requests) == 2

    def test_what_reached_no_model_is_not_counted(self, server: Server, table: Scene) -> None:
        server.answers = [(500, "{}"), (200, message(None, PICK))]
        planner = ModelPlanner(chat_of(server), spending=Spending(most_requests=1))
        with pytest.raises(ModelError, match="500"):
            planner.plan("grab the red cup", table, Progress())
        assert planner.plan("grab the red cup", table, Progress()) == PICKED
        assert (planner.spending.requests, planner.spending.tokens) == (1, 2)

    def test_what_a_model_does_not_tell_is_estimated(self, server: Server, table: Scene) -> None:
        untold = message(None, PICK)
        del untold["usage"]
        planner = says(server, untold)
        planner.plan("grab the red cup", table, Progress())
        asked = sum(len(one["content"]) for one in server.requests[0]["messages"])
        assert planner.spending.tokens == asked // 4

    def test_an_episode_tells_what_it_cost(self, server: Server) -> None:
        refusals = [message(None, ("refuse", '{"reason": "I would rather not"}'))] * 4
        planner = make_planner(ChainedPlanner([says(server, *refusals)]))
        task = get_task("grab_red_cup")
        for _ in range(2):  # One planner, several episodes.
            result = run_episode(task, 3, planner=planner, eyes=lambda s: PerfectEyes(s.world))
            assert result.calls["plan"] >= 1
            assert result.tokens == 2 * result.calls["plan"]
