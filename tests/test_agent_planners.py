"""What a planner is told, when it is asked again, and what becomes of what it says."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from handeye.agents.agent import Agent, Result
from handeye.agents.planner import Plan, PlanResult, Progress, Question, Refusal, Reply
from handeye.perception.errors import ModelError, UserError
from handeye.perception.scene import Scene
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation
from handeye.skills import Home, LookAround, Pick, Place, Skill
from langgraph.checkpoint.memory import InMemorySaver

import handeye


class Scripted:
    """Says one thing after another, and remembers what it was told; asked more, it is done."""

    def __init__(self, *says: PlanResult | Callable[[], PlanResult], asks_again: bool = False):
        self.says, self.asks_again = list(says), asks_again
        self.told: list[Progress] = []

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        self.told.append(progress)
        said = self.says.pop(0) if self.says else Plan(skills=(), reading="all is done")
        return said() if callable(said) else said


def calls(*skills: Skill) -> Plan:
    return Plan(skills=skills)


def agent_for(simulation: Simulation, planner: Scripted, **options: object) -> Agent:
    return Agent(simulation.robot, vlm=PerfectEyes(simulation.world), planner=planner, **options)


def test_a_planner_that_plans_a_call_at_a_time_is_asked_until_it_is_done(grab: Simulation) -> None:
    put = Place(relation="at", point=(0.45, -0.2))
    planner = Scripted(calls(Pick(target="cup_1")), calls(put), asks_again=True)
    result = agent_for(grab, planner).run("put the red cup to the right")
    assert (result.status, result.reason) == ("succeeded", "all is done")
    assert [step.call.skill for step in result.skills] == ["pick", "place"]
    assert [[done.call for done in told.done] for told in planner.told] == [
        [],
        ["pick(target='cup_1')"],
        ["pick(target='cup_1')", result.skills[1].call.words()],
    ]
    assert all(told.failure is None for told in planner.told)


def test_words_about_a_failure_are_no_success(grab: Simulation) -> None:
    sorry = Reply(text="Sorry, I could not put it there.")
    planner = Scripted(calls(Place(relation="at", point=(0.45, -0.2))), sorry)
    result = agent_for(grab, planner).run("put the red cup to the right")
    assert result.status == "failed"
    assert result.reason.startswith("Sorry, I could not put it there. (after place")
    assert planner.told[1].done[0].message.startswith("not_holding: ")


def test_an_answer_comes_with_its_question_and_a_thread_remembers(grab: Simulation) -> None:
    which = Question(text="which end?")
    planner = Scripted(which, calls(Home()), Reply(text="one"), Reply(text="it is red"))
    agent = agent_for(grab, planner)
    asked = agent.run("go")
    agent.resume(asked.thread, "the left one")
    [answered] = planner.told[1].answers
    assert (answered.question, answered.text) == ("which end?", "the left one")
    for question in ("how many cups are there?", "which colour is it?"):
        agent.run(question, thread=asked.thread)
    home, counted = planner.told[-1].past.exchanges
    assert (home.instruction, counted.instruction) == ("go", "how many cups are there?")
    assert home.outcome.startswith("home(): ")
    assert counted.outcome == "succeeded: one"


def test_a_refusal_is_final_where_nothing_new_is_seen(grab: Simulation) -> None:
    planner = Scripted(Refusal(text="no"))
    assert agent_for(grab, planner).run("juggle").reason == "no"
    assert len(planner.told) == 1


@pytest.mark.parametrize("ends", ["reply", "ask", "fail", "plan"])
def test_a_stop_while_it_plans_ends_the_run_whatever_it_says(grab: Simulation, ends: str) -> None:
    def say() -> PlanResult:
        agent.stop()
        if ends == "fail":
            raise ModelError("broken")
        said = {"reply": Reply(text="hello"), "ask": Question(text="?"), "plan": calls(Home())}
        return said[ends]

    agent = agent_for(grab, Scripted(say))
    result = agent.run("say something")
    assert (result.status, result.skills) == ("stopped", ())


def test_one_arm_is_driven_by_one_thread_at_a_time(grab: Simulation) -> None:
    plans, go_on = threading.Event(), threading.Event()

    def think() -> PlanResult:
        plans.set()
        assert go_on.wait(30)
        return calls(Home())

    first, ended = agent_for(grab, Scripted(think)), list[Result]()
    worker = threading.Thread(target=lambda: ended.append(first.run("go home")))
    worker.start()
    assert plans.wait(30)
    second = agent_for(grab, Scripted(calls(Home())))
    with pytest.raises(UserError, match="busy with “go home”, in another thread"):
        second.run("go home too")
    with handeye.connect(grab.robot, vlm=PerfectEyes(grab.world)) as session:
        with pytest.raises(UserError, match="busy with “go home”"):
            session.do(LookAround())
        go_on.set()
        worker.join()
        assert ended[0].status == "succeeded"
        assert session.do(Home()).ok


def test_the_graph_is_a_langgraph_with_a_checkpointer_of_ones_own(
    grab: Simulation, tmp_path: Path
) -> None:
    saver = InMemorySaver()
    with agent_for(grab, Scripted(calls(Home())), checkpoint=saver) as agent:
        thread = agent.run("go home").thread
        kept = agent.graph.get_state({"configurable": {"thread_id": thread}})
        assert kept.values["status"] == "succeeded"
        assert "observe" in agent.graph.get_graph().draw_mermaid()
    assert saver.get_tuple({"configurable": {"thread_id": thread}}) is not None
    with pytest.raises(UserError, match="checkpoint=5 keeps no threads; accepted are"):
        agent_for(grab, Scripted(), checkpoint=5)
