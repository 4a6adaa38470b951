"""Evaluating what is one's own: tasks, planners and models as Python objects."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from handeye.agents.planner import Plan, PlanResult, Progress, Refusal, Reply
from handeye.perception.conditions import Holding, In, On
from handeye.perception.errors import UserError
from handeye.perception.frame import Frame
from handeye.perception.scene import Scene
from handeye.perception.vlm.verbs import Detection
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.tasks import get_task
from handeye.sims.tasks.task import Setup, Table, Task
from handeye.sims.tasks.told import Told

from handeye.episode import run_episode
from handeye.evaluation import Setting, evaluate
from handeye.evaluation.failures import failed_at


def leave_it(table: Table) -> Setup:
    """Leave the cup alone."""
    table.set_out(table.draw(["cup"]), distractors=(0, 0))
    return Setup("sing a song", (Holding(object=None),), ending="refuses")


class Refuses:
    """A planner that refuses whatever it is told."""

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        return Refusal(text="I would rather not")


class Breaks:
    """A planner that is broken."""

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        raise RuntimeError("no tokens left")


class Blind:
    """A model that sees nothing."""

    def parse(self, frame: Frame) -> list[Detection]:
        return []


class Unsendable(Refuses):
    """A planner that cannot be pickled."""

    def __init__(self) -> None:
        self.listener: Callable[[], None] = lambda: None


def test_tasks_planners_and_models_of_ones_own_are_measured(tmp_path: Path) -> None:
    finished = evaluate(Told(leave_it), 1, vlm=Blind(), planner=Refuses(), out=tmp_path / "eval")
    [(job, result)] = finished
    assert (job.task, result.reason, result.judged) == ("leave_it", "I would rather not", True)
    manifest = json.loads((tmp_path / "eval" / "manifest.json").read_text())
    [setting] = manifest["settings"]
    assert (setting["vlm"], setting["planner"]) == ("Blind", "Refuses")
    # What is called the same goes on with it.
    more = evaluate(
        Told(leave_it), 2, vlm=Blind(), planner=Refuses(), out=tmp_path / "eval", resume=True
    )
    assert len(more) == 2


def test_workers_are_sent_what_can_be_pickled() -> None:
    [(_, result)] = evaluate(Told(leave_it), 1, vlm="perfect-eyes", planner=Refuses(), jobs=1)
    assert result.reason == "I would rather not"
    with pytest.raises(UserError, match="Unsendable cannot be sent to worker processes"):
        evaluate(Told(leave_it), 1, planner=Unsendable(), jobs=1)

    def made_here(table: Table) -> Setup:
        return leave_it(table)

    with pytest.raises(UserError, match="Told cannot be sent to worker processes"):
        evaluate(Told(made_here), 1, jobs=1)


def test_what_is_no_task_is_told_at_the_start() -> None:
    with pytest.raises(UserError, match="int is no task; right is the name of one"):
        evaluate([3], 1)  # type: ignore[list-item]
    with pytest.raises(UserError, match="Told is a class"):
        evaluate([Told], 1)  # type: ignore[list-item]
    with pytest.raises(UserError, match="no task can be named"):
        evaluate(Told(lambda table: leave_it(table)), 1)
    with pytest.raises(UserError, match='two agents are labelled "agent"'):
        evaluate("grab", 1, baselines=[Setting()])


# --- what a task sets out is checked before anything moves ---------------------------------------


def forgets(table: Table) -> Setup:
    """Set out a cup, and say nothing."""
    table.set_out(table.draw(["cup"]), distractors=(0, 0))
    return None  # type: ignore[return-value]


def judges_itself(table: Table) -> Setup:
    """Say what must hold as a function."""
    return Setup("do it", (lambda world: True,))  # type: ignore[arg-type]


def forgets_a_comma(table: Table) -> Setup:
    """Say what must hold, and not as a tuple."""
    return Setup("do it", (Holding(object=None)))  # type: ignore[arg-type]


def names_nothing(table: Table) -> Setup:
    """Speak of what is not there."""
    return Setup("do it", (), never=(On(object="teapot", support="table"),))


def fills_a_block(table: Table) -> Setup:
    """Put something into a block."""
    names = table.set_out(table.draw(["block"]), table.draw(["ball"]), distractors=(0, 0))
    return Setup("do it", (), once=(In(object=names[1], container=names[0]),))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (forgets, 'task "forgets" built NoneType; right is a Setup'),
        (judges_itself, 'task "judges_itself", goal: .*lambda.* is no condition; there are: Hold'),
        (forgets_a_comma, 'task "forgets_a_comma": its goal is Holding; right is a tuple'),
        (names_nothing, 'task "names_nothing", never: On names "teapot", which is not there'),
        (fills_a_block, 'task "fills_a_block", once: In names ".* block", .* not hollow'),
    ],
)
def test_a_task_that_cannot_be_judged_is_named(make: Callable[[Table], Setup], said: str) -> None:
    with pytest.raises(UserError, match=said):
        run_episode(Told(make), 0, vlm=Blind(), video=False)
    with pytest.raises(UserError, match=said):
        evaluate(Told(make), 1, vlm=Blind())


def test_a_task_without_a_goal_is_run_but_not_measured() -> None:
    def wander(table: Table) -> Setup:
        return Setup("sing a song", ())

    assert run_episode(Told(wander), 0, vlm=Blind()).judged is None
    with pytest.raises(UserError, match='task "wander" has no goal'):
        evaluate(Told(wander), 1, vlm=Blind())


# --- what is broken has not ended rightly --------------------------------------------------------


@pytest.mark.parametrize("name", ["grab_absent", "do_the_impossible"])
def test_a_planner_that_breaks_has_refused_nothing(name: str) -> None:
    finished = evaluate(name, 1, vlm="perfect-eyes", planner=Breaks())
    [(_, result)] = finished
    assert (result.status, result.error, result.judged) == ("failed", "ModelError", False)
    assert failed_at(result) == "broken"


class Says:
    """A planner that answers, or does nothing, in fixed words."""

    def __init__(self, words: str) -> None:
        self.words = words

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        return Reply(text=self.words) if self.words else Plan(skills=())


@pytest.mark.parametrize(
    ("words", "right"),
    [("There are two blocks.", True), ("There are three: two are red.", False), ("", False)],
)
def test_a_number_may_be_answered_in_words(words: str, right: bool) -> None:
    def count(table: Table) -> Setup:
        table.set_out(*table.each("block", ["red", "blue"]), distractors=(0, 0))
        return Setup("how many?", (Holding(object=None),), ending="answers", answer=("2",))

    result = run_episode(Told(count), 0, eyes=lambda s: PerfectEyes(s.world), planner=Says(words))
    assert result.judged is right


def test_a_task_counts_once_however_often_it_is_named() -> None:
    tasks: list[str | Task] = ["do_the_impossible", get_task("do_the_impossible")]
    finished = evaluate(tasks, 1, vlm="perfect-eyes", split=["seen, all", "seen"])
    assert [job.split for job, _ in finished] == ["seen", "all"]
