"""What others plug in: skills, planners, callbacks, packages; what is said where they fail."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from handeye.agents.agent import Agent
from handeye.agents.events import Event
from handeye.agents.models.prompts import tools
from handeye.agents.planner import Plan
from handeye.perception.conditions import Condition
from handeye.perception.errors import RobotError, UserError
from handeye.perception.scene import Scene
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation
from handeye.skills import (
    Code,
    Home,
    Outcome,
    Skill,
    SkillContext,
    check_skill,
    register,
    registry,
    skills,
)
from pydantic import Field

import handeye
from handeye.connecting import connect


class Wave(Skill):
    """Wave at the user."""

    name: ClassVar[str] = "wave"
    times: int = Field(default=1, ge=1, description="how often")

    def goal(self, scene: Scene) -> Condition | None:
        return None

    def execute(self, context: SkillContext) -> Outcome:
        context.report("waving")
        return Outcome(code=Code.OK, message=f"waved {self.times} times")


class Lost(Wave):
    """Look for a goal that is not there."""

    def goal(self, scene: Scene) -> Condition | None:
        raise KeyError("cup_9")


class Wordy(Wave):
    """Say the goal in words."""

    def goal(self, scene: Scene) -> Condition | None:
        return "holding the cup"  # type: ignore[return-value]


class Silent(Wave):
    """Report nothing."""

    def execute(self, context: SkillContext) -> Outcome:
        return None  # type: ignore[return-value]


class Clumsy(Wave):
    """Raise."""

    def execute(self, context: SkillContext) -> Outcome:
        raise ZeroDivisionError("division by zero")


class Says:
    """A planner that always returns the same."""

    def __init__(self, result: object) -> None:
        self.result = result

    def plan(self, *_: object) -> object:
        return self.result


@pytest.fixture(autouse=True)
def _forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(registry, "_registered", {})


def agent_for(simulation: Simulation, **options: object) -> Agent:
    return Agent(simulation.robot, vlm=PerfectEyes(simulation.world), **options)


class TestSkills:
    def test_a_registered_skill_is_planned_and_executed(self, grab: Simulation) -> None:
        assert register(Wave) is Wave
        result = agent_for(grab, planner=Says(Plan(skills=(Wave(times=3),)))).run("wave")
        assert result.status == "succeeded"
        assert [step.message for step in result.skills] == ["waved 3 times"]
        assert skills()["wave"] is Wave
        assert "wave" in [tool["function"]["name"] for tool in tools()]

    def test_one_that_nobody_registered_is_named_before_anything_moves(
        self, grab: Simulation
    ) -> None:
        plan = Plan(skills=(Home(), Wave()))
        result = agent_for(grab, planner=Says(plan)).run("wave")
        assert (result.status, result.skills) == ("failed", ())
        assert "Says plans Wave" in result.reason
        assert "handeye.skills.register(Wave)" in result.reason

    @pytest.mark.parametrize(
        ("skill", "reason"),
        [
            (Lost, "Lost.goal failed: KeyError: 'cup_9'"),
            (Wordy, r"Wordy.goal must return a Condition, such as Holding.*, not str"),
            (Silent, "Silent.execute must return an Outcome, not NoneType"),
        ],
    )
    def test_what_breaks_the_contract_is_named_in_a_run_and_in_the_check(
        self, grab: Simulation, skill: type[Wave], reason: str
    ) -> None:
        register(skill)
        agent = agent_for(grab, planner=Says(Plan(skills=(skill(),))))
        result = agent.run("wave")
        assert (result.status, result.error) == ("failed", "")
        with pytest.raises(UserError, match=reason) as told:
            check_skill(skill(), SkillContext(grab.robot, agent.observer))
        assert result.reason == str(told.value)

    def test_the_check_names_a_skill_that_raises(self, grab: Simulation) -> None:
        context = SkillContext(grab.robot, agent_for(grab).observer)
        with pytest.raises(UserError, match=r"Clumsy\.execute raised ZeroDivisionError"):
            check_skill(Clumsy(), context)

    def test_a_session_tells_of_a_skill_without_an_outcome(self, grab: Simulation) -> None:
        session = connect(grab.robot, vlm=PerfectEyes(grab.world))
        with pytest.raises(UserError, match=r"Silent\.execute must return an Outcome"):
            session.do(Silent())

    def test_what_is_no_skill_is_not_registered(self) -> None:
        class Nameless(Skill):
            """Have no name."""

        class Untold(Wave):
            pass

        class Idle(Skill):
            """Do nothing."""

            name: ClassVar[str] = "idle"

            def goal(self, scene: Scene) -> Condition | None:
                return None

        class Odd(Wave):
            """Take a function."""

            how: Callable[[], int] = Field(description="no JSON")

        for other, told in (
            (Wave(), "no skill; right is a class"),
            (dict, "no skill; right is a class"),
            (Nameless, 'Nameless has no name; right is name: ClassVar[str] = "…"'),
            (Untold, "Untold has no docstring"),
            (Idle, "Idle has no execute()"),
            (Odd, "the arguments of Odd have no schema"),
        ):
            with pytest.raises(UserError) as error:
                register(other)  # type: ignore[type-var]
            assert told in str(error.value)
        assert "idle" not in skills()


@pytest.mark.parametrize("returned", [None, "pick", [Home()]])
def test_what_is_no_plan_is_told_of_the_planner(grab: Simulation, returned: object) -> None:
    before = grab.robot.read().q
    result = agent_for(grab, planner=Says(returned)).run("go home")
    assert (result.status, result.error) == ("failed", "ModelError")
    kind = type(returned).__name__
    assert result.reason.startswith("Says.plan must return a Plan, ")
    assert result.reason.endswith(f"not {kind}")
    assert np.array_equal(grab.robot.read().q, before)


class TestCallbacks:
    def test_an_approval_that_fails_approves_nothing(self, grab: Simulation) -> None:
        def broken(skill: Skill, scene: Scene) -> bool:
            raise ConnectionError("no operator")

        before = grab.robot.read().q
        result = agent_for(grab, approve=broken).run("go home")
        assert result.status == "failed"
        told = "home was not executed: the approve function broken failed: ConnectionError: no oper"
        assert result.reason.startswith(told)
        assert np.array_equal(grab.robot.read().q, before)

    @pytest.mark.parametrize("error", [BrokenPipeError("websocket closed"), RobotError("mine")])
    @pytest.mark.parametrize("kind", ["observed", "progressed", "acted"])
    def test_what_a_listener_raises_stops_the_robot_and_is_its_callers(
        self, grab: Simulation, kind: str, error: Exception
    ) -> None:
        cause = ValueError("below it")

        def broken(event: Event) -> None:
            if event.kind == kind:
                raise error from cause

        agent = agent_for(grab, on_event=broken)
        with pytest.raises(type(error)) as raised:
            agent.run("grab the red cup", thread="one")
        assert raised.value is error
        assert raised.value.__cause__ is cause
        assert grab.robot.read().stopped
        assert grab.world.pose("red cup")[2, 3] < 0.1 or kind == "acted"

    def test_a_run_that_a_listener_ended_goes_on_once_the_robot_is_reset(
        self, grab: Simulation
    ) -> None:
        heard: list[str] = []

        def broken_once(event: Event) -> None:
            heard.append(event.kind)
            if heard.count("progressed") == 2:
                heard.append("progressed")
                raise OSError("disk full")

        agent = agent_for(grab, on_event=broken_once)
        with pytest.raises(OSError, match="disk full"):
            agent.run("grab the red cup", thread="one")
        grab.robot.reset()
        assert agent.resume("one").status == "succeeded"
        assert grab.judged() is True

    def test_it_comes_out_of_a_stream_too(self, grab: Simulation) -> None:
        def broken(event: Event) -> None:
            if event.kind == "acting":
                raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"):
            list(agent_for(grab, on_event=broken).stream("grab the red cup"))
        assert grab.robot.read().stopped


PLUGGED = '''
from typing import ClassVar
from handeye.skills import Code, Outcome, Skill
class Wave(Skill):
    """Wave at the user."""
    name: ClassVar[str] = "wave"
    def goal(self, scene): return None
    def execute(self, context): return Outcome(code=Code.OK)
def broken(): raise OSError("no route to host 10.0.0.2")
def nothing(): return None
'''
PLUGGED_TASKS = """
from handeye.perception.conditions import On
from handeye.sims.tasks.task import Setup
from handeye.sims.tasks.told import Told
def shelve_it(table):
    "Put the can on the box."
    can, box = table.set_out(table.draw(["can"]), table.draw(["box"]), avoid=["can", "box"])
    return Setup("put the can on the box", (On(object=can, support=box),))
def stack(table):
    "Named as a task that is built in."
SHELVE_IT, STACK = Told(shelve_it), Told(stack)
"""
POINTS = """[handeye.robots]
missing = waving:nope
broken = waving:broken
nothing = waving:nothing
[handeye.skills]
wave = waving:Wave
gone = no_such_module_of_ours:Gone
odd = waving:broken
[handeye.tasks]
shelve_it = shelving:SHELVE_IT
stack = shelving:STACK
vanished = shelving:GONE
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an installed package of skills, robots and tasks; most are broken."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "waving.py").write_text(PLUGGED)
    (folder / "shelving.py").write_text(PLUGGED_TASKS)
    about = folder / "waver-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: waver\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text(POINTS)
    return folder


def plugged(site: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "handeye", *words]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )


def test_a_broken_skill_is_left_out_and_named_and_the_others_are_there(
    installed: Path, tmp_path: Path
) -> None:
    done = plugged(installed, "skills", "--json", cwd=tmp_path)
    names = [skill["name"] for skill in json.loads(done.stdout)]
    assert {"pick", "wave"} <= set(names)
    gone, odd = sorted(done.stderr.splitlines())
    assert gone.startswith('handeye: the skill "gone" of waver (no_such_module_of_ours:Gone) is ')
    assert "left out: ModuleNotFoundError" in gone
    assert 'the skill "odd" of waver' in odd
    assert "is no skill; right is a class that derives from Skill" in odd


def test_tasks_of_a_package_are_found_by_their_names(installed: Path, tmp_path: Path) -> None:
    done = plugged(installed, "tasks", "--json", cwd=tmp_path)
    families = json.loads(done.stdout)
    assert families["installed"] == {"shelve_it": "Put the can on the box."}
    assert "stack" in families["putting"]
    stack, vanished = sorted(done.stderr.splitlines())
    assert stack.startswith('handeye: the task "stack" of waver (shelving:STACK) is left out: "st')
    assert "AttributeError" in vanished
    unknown = plugged(installed, "eval", "shelve", "--episodes", "1", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "shelve_it" in unknown.stderr


def test_an_installed_task_is_evaluated_in_worker_processes(
    installed: Path, tmp_path: Path
) -> None:
    words = ("eval", "shelve_it", "--episodes", "2", "--jobs", "2", "--split", "seen")
    done = plugged(installed, *words, "--out", "runs", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "put the can on the box" in (tmp_path / "runs" / "results.jsonl").read_text()


@pytest.mark.parametrize(
    ("robot", "reason"),
    [
        ("missing", "(waving:nope) cannot be loaded: AttributeError: module 'waving' has no"),
        ("broken", "(waving:broken) cannot be connected: OSError: no route to host 10.0.0.2"),
        ("nothing", "(waving:nothing) is a NoneType and no Robot"),
    ],
)
def test_a_robot_of_a_broken_package_is_named_and_counts_as_broken(
    installed: Path, tmp_path: Path, robot: str, reason: str
) -> None:
    done = plugged(installed, "run", "x", "--robot", robot, "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (done.returncode, told["error"]) == (5, "RobotError")
    assert f'the robot "{robot}" of waver {reason}' in told["reason"]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("member", ["connect", "close"])
def test_a_connection_that_fails_is_the_robots_error(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    def broken() -> None:
        raise OSError("no route")

    doing = {"connect": "connected", "close": "closed"}[member]
    with monkeypatch.context() as patch:
        patch.setattr(grab.robot, member, broken)
        with pytest.raises(RobotError, match=f"panda cannot be {doing}: OSError: no route"):
            handeye.connect(grab.robot).close()
