"""Approving: a motion is executed for a yes, and for nothing else."""

import numpy as np
import pytest
from handeye.agents.agent import Agent
from handeye.agents.approving import is_yes, question_of
from handeye.agents.events import Call
from handeye.perception.errors import UserError
from handeye.perception.scene import Scene
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation

YES = (
    True,
    "yes",
    " Y ",
    "OK.",
    "Sure!",
    "Go ahead",
    "Yes, go ahead!",
    "true",
    "是",
    "好的。",
    "可以",
)
NO = (
    *(False, None, 0, 1, [], "", " ", "?!", "no", "No, stop!", "false", "yes, but not now", "nope"),
    *("not ok", "stop", "don't", "okra", "不", "不好", "不可以", "不是的", "等等"),
)


@pytest.mark.parametrize("answer", YES, ids=repr)
def test_a_yes_is_one(answer: object) -> None:
    assert is_yes(answer)


@pytest.mark.parametrize("answer", NO, ids=repr)
def test_all_else_is_none(answer: object) -> None:
    assert not is_yes(answer)


def test_the_question_is_in_words(table: Scene) -> None:
    pick = Call(skill="pick", arguments={"target": "cup_1"})
    assert question_of(pick, table) == "may the arm pick (target: the red cup)?"
    beside = Call(
        skill="place", arguments={"relation": "at", "point": [0.4, 0.123456], "target": "bowl_1"}
    )
    assert question_of(beside, table) == (
        "may the arm place (relation: at, point: (0.4, 0.123), target: the green bowl)?"
    )
    assert question_of(Call(skill="look_around"), table) == "may the arm look around?"
    twins = table.model_copy(update={"objects": {**table.objects, "cup_3": table.objects["cup_1"]}})
    assert question_of(pick, twins) == "may the arm pick (target: the red cup cup_1)?"


def test_only_a_yes_moves_the_arm(grab: Simulation) -> None:
    eyes, before = PerfectEyes(grab.world), grab.robot.read()
    agent = Agent(grab.robot, vlm=eyes, approve="interrupt")
    for answer in ("no", "No, stop!", "false", "", False):
        waiting = agent.run("grab the red cup")
        assert waiting.question == "may the arm pick (target: the red cup)?"
        refused = agent.resume(waiting.thread, answer)
        assert refused.status == "stopped", answer
        assert "was not approved" in refused.reason
        assert refused.skills == ()
    wordy = Agent(grab.robot, vlm=eyes, approve=lambda skill, scene: "no")  # type: ignore[arg-type]
    assert wordy.run("grab the red cup").status == "stopped"
    after = grab.robot.read()
    assert np.array_equal(after.q, before.q)
    assert after.stamp_s == before.stamp_s
    waiting = agent.run("grab the red cup")
    assert agent.resume(waiting.thread, "Yes, please.").status == "succeeded"


def test_what_is_no_way_of_approving_is_told_at_once(grab: Simulation) -> None:
    eyes = PerfectEyes(grab.world)
    for approve in (True, False, "yes", "Interrupt", 1):
        with pytest.raises(UserError, match=r'approve=.* accepted are .*"interrupt"'):
            Agent(grab.robot, vlm=eyes, approve=approve)  # type: ignore[arg-type]


def test_an_approval_is_not_passed_over_by_an_agent_that_asks_for_none(
    grab: Simulation, tmp_path: object
) -> None:
    eyes, before = PerfectEyes(grab.world), grab.robot.read().q
    file = f"{tmp_path}/thread.sqlite"
    with Agent(grab.robot, vlm=eyes, approve="interrupt", checkpoint=file) as first:
        waiting = first.run("grab the red cup")
    second = Agent(grab.robot, vlm=eyes, checkpoint=file)
    with second, pytest.raises(UserError, match="waits for an approval"):
        second.resume(waiting.thread, "no")
    assert np.array_equal(grab.robot.read().q, before)
