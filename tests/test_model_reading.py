"""What a language model wrote, and what of it is carried out: whole, valid, meant."""

import json
from typing import Any, ClassVar

import pytest
from chat_server import PICK, PLACE, Server, message, says
from handeye.agents.models.local import TransformersChat, parse
from handeye.agents.models.prompts import tools
from handeye.agents.models.reading import InvalidOutputError, read
from handeye.agents.planner import Done, Plan, Progress, Question, Refusal, Reply
from handeye.perception.conditions import Condition
from handeye.perception.errors import ModelError, UserError
from handeye.perception.scene import Scene
from handeye.skills import (
    Code,
    Home,
    LookAround,
    Outcome,
    Pick,
    Place,
    Skill,
    SkillContext,
    register,
    registry,
    skill_from_call,
)
from langchain_core.messages import AIMessage
from pydantic import Field

PICKED = Progress(done=(Done(call="pick(target='cup_1')", message="holding cup_1"),))


def called(*calls: tuple[str, dict[str, Any]], text: Any = "", **fields: Any) -> AIMessage:
    made = [
        {"name": name, "args": args, "id": str(i), "type": "tool_call"}
        for i, (name, args) in enumerate(calls)
    ]
    return AIMessage(text, tool_calls=made, **fields)


def thinks(thought: str, written: str) -> str:
    return f"<think>{thought}</think>\n{written}"


class TestTheEnd:
    def test_the_tool_done_ends_it_with_its_words(self, table: Scene) -> None:
        told = called(("done", {"text": "the cup is on the plate"}))
        assert read(told, table, PICKED) == Plan(skills=(), reading="the cup is on the plate")
        assert read(called(("done", {})), table) == Plan(skills=())

    def test_after_what_was_done_an_answer_of_text_says_that_nothing_is_left(
        self, table: Scene
    ) -> None:
        said = AIMessage("All is where it belongs.")
        ended = Plan(skills=(), reading="All is where it belongs.")
        assert read(said, table, PICKED) == ended

    @pytest.mark.parametrize(
        "progress",
        [
            Progress(),
            PICKED.model_copy(update={"failure": "after place: the cup is on the table"}),
            Progress(done=(Done(call="look_around(target='red cup')", message="looked around"),)),
        ],
    )
    def test_where_nothing_was_done_or_it_failed_text_alone_is_no_plan(
        self, table: Scene, progress: Progress
    ) -> None:
        with pytest.raises(InvalidOutputError, match="no tool was called"):
            read(AIMessage("I see no red cup."), table, progress)

    def test_done_behind_the_calls_is_no_reason_to_write_them_again(self, table: Scene) -> None:
        result = read(called(("pick", {"target": "cup_1"}), ("done", {})), table)
        assert result == Plan(skills=(Pick(target="cup_1"),))

    def test_a_model_that_does_not_find_the_end_is_not_followed_for_ever(
        self, table: Scene
    ) -> None:
        home = Done(call="home()", message="at home")
        for times in (1, 2):
            assert read(called(("home", {})), table, Progress(done=(home,) * times))
        often = Progress(done=(home,) * 3)
        with pytest.raises(InvalidOutputError, match=r"home\(\) was done 3 times in a row"):
            read(called(("home", {})), table, often)
        failed = often.model_copy(update={"failure": "after home(): it is not at home"})
        assert read(called(("home", {})), table, failed) == Plan(skills=(Home(),))
        assert read(called(("home", {}), ("home", {})), table, often)


class TestWhatIsNotWhole:
    @pytest.mark.parametrize(
        "metadata",
        [
            {"finish_reason": "length"},
            {"finish_reason": "MAX_TOKENS"},
            {"stop_reason": "max_tokens"},
            {"done_reason": "length"},
            {"incomplete_details": {"reason": "max_output_tokens"}},
        ],
    )
    def test_calls_before_a_cut_are_not_all_that_was_meant(
        self, table: Scene, metadata: dict[str, Any]
    ) -> None:
        cut = called(("pick", {"target": "cup_1"}), response_metadata=metadata)
        with pytest.raises(InvalidOutputError, match="the answer was cut off"):
            read(cut, table)

    def test_nor_are_those_that_a_filter_let_through(self, server: Server, table: Scene) -> None:
        filtered = message(None, PICK, finish="content_filter")
        with pytest.raises(ModelError, match=r"twice: the server withheld .*\(content_filter\)"):
            says(server, filtered, filtered).plan("grab the knife", table, Progress())

    def test_a_cut_answer_is_asked_for_again(self, server: Server, table: Scene) -> None:
        planner = says(server, message(None, PICK, finish="length"), message(None, PICK, PLACE))
        result = planner.plan("put the red cup on the plate", table, Progress())
        assert isinstance(result, Plan)
        assert [skill.name for skill in result.skills] == ["pick", "place"]

    def test_a_local_checkpoint_tells_that_it_ran_out_of_tokens(self, chat_checkpoint: Any) -> None:
        chat = TransformersChat.load(str(chat_checkpoint), max_new_tokens=3)
        assert chat.invoke("grab the red cup").response_metadata["finish_reason"] == "length"
        # Whatever it writes first is now what ends an answer.
        written = chat.tokenizer(chat.invoke("grab the red cup").content)["input_ids"]
        chat.model.generation_config.eos_token_id = written[0]
        assert chat.invoke("grab the red cup").response_metadata["finish_reason"] == "stop"

    def test_a_providers_refusal_is_the_models_own(self, server: Server, table: Scene) -> None:
        planner = says(server, message(None, refusal="I can't help with moving knives."))
        refused = planner.plan("grab the knife", table, Progress())
        assert refused == Refusal(text="I can't help with moving knives.")
        assert len(server.requests) == 1
        block = {"type": "refusal", "refusal": "I can't."}
        assert read(AIMessage([block]), table) == Refusal(text="I can't.")


class TestThoughts:
    CALL: ClassVar[str] = '{"name": "home", "arguments": {}}'

    @pytest.mark.parametrize(
        "written",
        [
            f"<tool_call>\n{CALL}\n</tool_call>",
            f"<tool_call>{CALL}",
            CALL,
            f"[{CALL}]",
            f"```json\n{CALL}\n```",
            f"```\n[{CALL}]\n```",
        ],
    )
    def test_calls_are_read_behind_them_in_each_form_that_open_models_write(
        self, written: str
    ) -> None:
        doubt = f"Maybe <tool_call>{json.dumps({'name': 'pick'})}</tool_call>? No …"
        for text in (written, thinks(doubt, written), f"{doubt}</think>{written}"):
            told = parse(text)
            assert [(c["name"], c["args"]) for c in told.tool_calls] == [("home", {})]
            assert (told.invalid_tool_calls, told.content) == ([], "")

    def test_what_was_only_thought_of_is_not_done(self, table: Scene) -> None:
        doubt = 'Maybe <tool_call>{"name": "pick", "arguments": {"target": "cup_1"}}</tool_call>?'
        for text in (thinks(doubt, "No."), f"<think>{doubt}"):
            assert parse(text).tool_calls == []
            with pytest.raises(InvalidOutputError, match="no tool was called"):
                read(parse(text), table)

    def test_calls_have_ids_of_their_own(self) -> None:
        first, second = parse(f"[{self.CALL}, {self.CALL}]").tool_calls
        assert first["id"] != second["id"]

    def test_a_broken_call_is_no_call(self) -> None:
        broken = parse('<tool_call>{"name": "pick", "argum')
        assert broken.tool_calls == []
        assert len(broken.invalid_tool_calls) == 1

    def test_the_reading_is_what_was_said_behind_them(self, table: Scene) -> None:
        served = called(("home", {}), text=thinks("Hm.", "I go home."))
        assert read(served, table) == Plan(skills=(Home(),), reading="I go home.")
        blocks = [{"type": "reasoning", "summary": []}, {"type": "text", "text": "I go home."}]
        assert read(called(("home", {}), text=blocks), table) == read(served, table)


class TestReferences:
    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (("pick", {"target": "table"}), r'pick\(target="table"\): there is no such id'),
            (("pick", {"target": "the red cup"}), "no such id in the scene; there are cup_1"),
            (("pour", {"target": "cup_1", "into": "table"}), r'pour\(into="table"\)'),
            (
                ("place", {"relation": "between", "reference": "cup_1", "second": "table"}),
                r'place\(second="table"\)',
            ),
            (("stack", {"target": "cup_1", "reference": "cup_1"}), 'are both "cup_1"'),
            (("place", {"target": "cup_1", "reference": "cup_1"}), 'are both "cup_1"'),
            (
                ("place", {"relation": "left_of", "reference": "table"}),
                'nothing is "left_of" the ta',
            ),
            (("place", {"relation": "in", "reference": "table"}), "give an id for the reference"),
            (("place", {"relation": "at", "point": [float("nan"), 0.1]}), "finite number"),
            (("rotate", {"target": "cup_1", "angle_rad": float("nan")}), "rotate.angle_rad"),
        ],
    )
    def test_what_no_skill_can_do_is_told_before_anything_moves(
        self, table: Scene, call: tuple[str, dict[str, Any]], words: str
    ) -> None:
        with pytest.raises(InvalidOutputError, match=words):
            read(called(call), table)

    @pytest.mark.parametrize(
        "skill",
        [
            Place(relation="on", reference="table"),
            Place(relation="on", reference="plate_1", target="cup_1"),
            LookAround(target="black teddy"),
            LookAround(),
        ],
    )
    def test_what_they_can_do_is_planned(self, table: Scene, skill: Skill) -> None:
        call = (skill.name, skill.model_dump(exclude_none=True))
        assert read(called(call), table) == Plan(skills=(skill,))

    def test_the_tools_ask_for_what_is_accepted(self) -> None:
        told = {
            (tool["function"]["name"], argument): field
            for tool in tools()
            for argument, field in tool["function"]["parameters"].get("properties", {}).items()
        }
        assert told["pick", "target"]["description"] == "the object: an id of the scene"
        assert 'or "table"' in told["place", "reference"]["description"]
        assert "in words" in told["look_around", "target"]["description"]
        assert not any("refers_to" in field for field in told.values())

    def test_a_skill_of_your_own_says_what_its_fields_refer_to(
        self, table: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registry, "_registered", {})
        register(Compare)
        assert read(called(("compare", {"things": ["cup_1", "cup_2"]})), table) == Plan(
            skills=(Compare(things=("cup_1", "cup_2")),)
        )
        with pytest.raises(InvalidOutputError, match=r'compare\(things="moon"\)'):
            read(called(("compare", {"things": ["cup_1", "moon"]})), table)

    def test_an_unknown_tool_is_answered_with_all_that_there_are(self, table: Scene) -> None:
        with pytest.raises(InvalidOutputError, match="home, ask_user, refuse, reply, done"):
            read(called(("fly", {})), table)

    def test_numbers_of_skills_are_finite_whoever_calls_them(self) -> None:
        with pytest.raises(UserError, match=r"push\(distance_m\)"):
            skill_from_call("push", {"target": "cup_1", "distance_m": float("nan")})


class Compare(Skill):
    """Look at one thing after another."""

    name: ClassVar[str] = "compare"
    things: tuple[str, ...] = Field(
        description="what is compared", json_schema_extra={"refers_to": "object"}
    )

    def goal(self, scene: Scene) -> Condition | None:
        return None

    def execute(self, context: SkillContext) -> Outcome:
        context.sight.look()
        return Outcome(code=Code.OK, message=f"looked at {', '.join(self.things)}")


class TestWhatMovesNothing:
    def test_what_is_missing_is_told_with_a_refusal(self, table: Scene) -> None:
        refused = called(("refuse", {"reason": "there is no teddy", "missing": "black teddy"}))
        assert read(refused, table) == Refusal(text="there is no teddy", missing="black teddy")

    def test_texts_and_candidates_are_what_they_must_be(self, table: Scene) -> None:
        assert read(called(("reply", {"text": " two "})), table) == Reply(text="two")
        ask: dict[str, Any] = {"question": "which?", "candidates": ["cup_1", "cup_2"]}
        which = Question(text="which?", candidates=("cup_1", "cup_2"))
        assert read(called(("ask_user", ask)), table) == which
        for wrong in (
            ("reply", {"text": 2}),
            ("refuse", {"reason": "no", "missing": ["cup"]}),
            ("ask_user", {**ask, "candidates": [{"id": "cup_1"}]}),
            ("ask_user", {**ask, "candidates": "cup_1"}),
        ):
            with pytest.raises(InvalidOutputError, match=r"a text|must be ids"):
                read(called(wrong), table)

    def test_arguments_that_are_no_object_are_mended(self, server: Server, table: Scene) -> None:
        planner = says(server, message(None, ("pick", '["cup_1"]')), message(None, PICK))
        result = planner.plan("grab the red cup", table, Progress())
        assert result == Plan(skills=(Pick(target="cup_1"),))
        told = server.requests[1]["messages"][-1]["content"]
        assert "must be one JSON object, not ['cup_1']" in told
