"""A thread remembers: what was done, where things were, and what the user calls them."""

from pathlib import Path

from handeye.agents.agent import Agent
from handeye.agents.embedded_planner import EmbeddedPlanner
from handeye.agents.planner import Past, Plan, Progress, Reply
from handeye.perception.scene import Scene
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation, simulate
from handeye.sims.tasks.instructed import Instructed
from handeye.skills import Pick, Place

PLANNER = EmbeddedPlanner()


def after(instruction: str, before: Scene, mentioned: str | None = None) -> Progress:
    return Progress(mentioned=mentioned, past=Past(instruction=instruction, scene=before))


def moved(scene: Scene, name: str, **update: object) -> Scene:
    changed = scene.objects[name].model_copy(update=update)
    return scene.model_copy(update={"objects": {**scene.objects, name: changed}})


def test_undo_puts_back_what_the_instruction_before_moved(table: Scene) -> None:
    now = moved(table, "cup_1", position=(0.4, 0.25, 0.07), on="plate_1")
    result = PLANNER.plan("undo that", now, after("put the red cup on the plate", table))
    assert isinstance(result, Plan)
    back = Place(relation="at", point=(0.5, 0.1), target="cup_1")
    assert result.skills == (Pick(target="cup_1"), back)


def test_what_was_on_something_goes_back_onto_it(table: Scene) -> None:
    now = moved(table, "block_3", position=(0.5, 0.0, 0.02), on=None)
    progress = after("move the yellow block to the middle", table, "block_3")
    result = PLANNER.plan("put it back where it was", now, progress)
    assert isinstance(result, Plan)
    onto = Place(relation="on", reference="plate_1", target="block_3")
    assert result.skills == (Pick(target="block_3"), onto)


def test_the_same_is_done_with_something_else(table: Scene) -> None:
    progress = after("put the red cup on the plate", table)
    result = PLANNER.plan("now do the same with the blue one", table, progress)
    assert isinstance(result, Plan)
    onto = Place(relation="on", reference="plate_1", target="cup_2")
    assert result.skills == (Pick(target="cup_2"), onto)


def test_names_that_the_user_gives_are_kept(table: Scene) -> None:
    named = PLANNER.plan("call the red cup Bob", table, Progress())
    assert isinstance(named, Plan)
    assert named.names == {"bob": "cup_1"}
    known = Progress(past=Past(names=named.names))
    result = PLANNER.plan("put Bob on the plate", table, known)
    assert isinstance(result, Plan)
    assert result.skills[0] == Pick(target="cup_1")
    where = PLANNER.plan("is bob on the plate?", table, known)
    assert isinstance(where, Reply)
    assert where.text == "no"


def test_a_thread_survives_a_restart(tmp_path: Path) -> None:
    told = "put the red block on the blue plate"
    with simulate(Instructed(told), 4) as simulation:
        start = simulation.world.pose("red block")[:2, 3]
        first = talker(simulation, tmp_path)
        assert first.run(told, thread="kitchen").status == "succeeded"
        assert first.run("call the red block Rosie", thread="kitchen").status == "succeeded"
        question = first.run("is Rosie on the blue plate?", thread="kitchen")
        assert (question.status, question.answer, question.skills) == ("succeeded", "yes", ())
        first.close()
        second = talker(simulation, tmp_path)
        result = second.run("put Rosie back where it was", thread="kitchen")
        assert result.status == "succeeded", result
        assert abs(simulation.world.pose("red block")[:2, 3] - start).max() < 0.05
        second.close()


def talker(simulation: Simulation, folder: Path) -> Agent:
    eyes = PerfectEyes(simulation.world)
    return Agent(simulation.robot, vlm=eyes, checkpoint=folder / "threads.sqlite")
