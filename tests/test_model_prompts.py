"""What a language model is told: all that it needs to plan, each thing as data in its own block."""

import json

import pytest
from chat_server import PICK, Server, message, says
from handeye.agents.models.prompts import SYSTEM, scene_as_data, user_message
from handeye.agents.planner import Answered, Done, Exchange, Past, Progress
from handeye.perception.scene import Scene
from handeye.skills import Place


def test_an_answer_comes_with_its_question(table: Scene) -> None:
    said = Answered(question="which plate?", candidates=("plate_1", "bowl_1"), text="the blue one")
    told = user_message("put it on the plate", table, Progress(answers=(said,)))
    assert (
        'The user was asked "which plate?" (between plate_1, bowl_1) and said: "the blue one"'
        in told
    )


DONE = (Done(call="pick(target='cup_1')", message="holding cup_1"),)


def test_what_was_done_is_told_and_that_the_rest_is_to_be_called(table: Scene) -> None:
    told = user_message("put the cup on the plate", table, Progress(done=DONE))
    assert json.dumps({"call": DONE[0].call, "what came of it": DONE[0].message}) in told
    assert "Call what is left to do of the instruction, or `done`" in told
    assert "`done`" not in user_message("put the cup on the plate", table, Progress())


def test_after_a_failure_it_is_told_what_was_done_what_failed_and_what_is_left(
    table: Scene,
) -> None:
    left = Place(relation="on", reference="plate_1")
    progress = Progress(
        done=DONE, failure="after place: the cup is on the table", remaining=(left,)
    )
    told = user_message("put the cup on the plate", table, progress)
    assert DONE[0].message in told
    assert "It failed: after place: the cup is on the table" in told
    assert '"tool": "place"' in told
    assert "or `done`" not in told


def test_the_conversation_is_told_with_what_came_of_it(table: Scene) -> None:
    exchanges = (
        Exchange(instruction="how many balls are there?", outcome="replied: one"),
        Exchange(instruction="call it Bob", outcome="done: it is called Bob"),
    )
    past = Past(instruction="call it Bob", exchanges=exchanges, names={"bob": "ball_1"})
    told = user_message("grab Bob", table, Progress(past=past))
    lines = [line for line in told.splitlines() if line.startswith('{"instruction"')]
    assert [json.loads(line)["outcome"] for line in lines] == ["replied: one", exchanges[1].outcome]
    assert 'The user\'s own names for things: {"bob": "ball_1"}' in told


def test_what_was_moved_can_be_put_back_where_it_was(table: Scene) -> None:
    here = table.objects["cup_1"]
    on_the_plate = here.model_copy(update={"position": (0.4, 0.25, 0.065), "on": "plate_1"})
    now = table.model_copy(update={"objects": {**table.objects, "cup_1": on_the_plate}})
    past = Past(instruction="put the red cup on the plate", scene=table)
    _, before = user_message("put it back", now, Progress(past=past)).split("Before ")
    assert before.startswith('"put the red cup on the plate", these things were elsewhere')
    assert [json.loads(line)["id"] for line in before.splitlines()[1:]] == ["cup_1"]
    assert "[0.5, 0.1, 0.045]" in before
    assert "Before " not in user_message("go home", table, Progress(past=past))


def test_it_is_a_thing_of_the_scene_or_not_spoken_of(table: Scene) -> None:
    assert '"It" would be: cup_1' in user_message("grab it", table, Progress(mentioned="cup_1"))
    assert '"It"' not in user_message("grab it", table, Progress(mentioned="black teddy"))


def test_the_table_and_the_frame_are_told(table: Scene) -> None:
    *_, last_but_one, last = scene_as_data(table).splitlines()
    expected = {"table": {"height": 0.0, "x": [0.25, 0.75], "y": [-0.4, 0.4]}}
    assert json.loads(last_but_one) == expected
    assert json.loads(last) == {"gripper_holds": None}
    assert "y to its left, z up" in SYSTEM
    assert "middle of the thing's bounding box" in SYSTEM
    assert "user's point of view left is the robot's right" in SYSTEM


@pytest.mark.parametrize("tool", ["done", "refuse"])
def test_all_calls_are_asked_for_at_once_and_the_end_has_a_tool(
    server: Server, table: Scene, tool: str
) -> None:
    says(server, message(None, PICK)).plan("grab the red cup", table, Progress())
    [asked] = server.requests
    assert (
        "every call that can be foreseen in one answer, in order" in asked["messages"][0]["content"]
    )
    assert tool in [offered["function"]["name"] for offered in asked["tools"]]
