"""A thread remembers: what was done, where things were, and what the user calls them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from handeye.agents.agent import Agent
from handeye.agents.embedded_planner import EmbeddedPlanner
from handeye.agents.planner import Past, Plan, Progress, Reply
from handeye.perception.errors import UserError
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


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """A Postgres server of our own, on a socket in a folder of its own."""
    programs = [shutil.which(name) for name in ("initdb", "pg_ctl")]
    if not all(programs):
        pytest.skip("there is no Postgres on this machine to keep threads in")
    initdb, pg_ctl = (str(program) for program in programs)
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    if user is not None:
        shutil.chown(folder, user)
    data, options = folder / "data", f"-c listen_addresses= -k {folder}"
    run = partial(subprocess.run, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
    run([initdb, "-D", str(data), "-U", "handeye", "--auth=trust", "--no-sync"])
    run([pg_ctl, "-D", str(data), "-o", options, "-w", "-l", str(folder / "log"), "start"])
    yield f"postgresql://handeye@/postgres?host={folder}"
    run([pg_ctl, "-D", str(data), "-m", "immediate", "stop"])
    shutil.rmtree(folder)


def test_threads_can_be_kept_in_postgres(database: str) -> None:
    with simulate(Instructed("grab the red block"), 4) as simulation:
        eyes = PerfectEyes(simulation.world)
        with Agent(simulation.robot, vlm=eyes, checkpoint=database) as first:
            assert first.run("call the red block Rosie", thread="kitchen").status == "succeeded"
        with Agent(simulation.robot, vlm=eyes, checkpoint=database) as second:
            assert second.run("what colour is Rosie?", thread="kitchen").answer == "red"


def test_a_database_that_is_not_there_is_told_so() -> None:
    with (
        simulate(Instructed("grab the red block"), 4) as simulation,
        pytest.raises(UserError, match="the database for the threads cannot be reached"),
    ):
        Agent(
            simulation.robot,
            vlm=PerfectEyes(simulation.world),
            checkpoint="postgresql://nobody@127.0.0.1:1/nothing",
        )


def talker(simulation: Simulation, folder: Path) -> Agent:
    eyes = PerfectEyes(simulation.world)
    return Agent(simulation.robot, vlm=eyes, checkpoint=folder / "threads.sqlite")
