"""Task files: what is wrong in one is said when it is read, with its name and the place."""

from pathlib import Path

import pytest
from handeye.perception.errors import SceneFileError, UserError
from handeye.sims.objects import HELD_OUT_PAIRS
from handeye.sims.simulation import simulate
from handeye.sims.tasks.from_file import load_task

from handeye.evaluation import evaluate
from handeye.evaluation.suite import load_suite

CUP = "{color: red, category: cup}"
BOX = "{color: blue, category: box}"
BLOCK = "{color: red, category: block}"


def written(folder: Path, goal: str, objects: str = f"{CUP}, {BOX}", more: str = "") -> Path:
    """A task file with a goal."""
    file = folder / "tidy.yaml"
    file.write_text(f"instruction: tidy up\nobjects: [{objects}]\ngoal: [{goal}]\n{more}")
    return file


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("{kind: in, object: red cup, container: blue box}", '"blue box", which is not hollow'),
        ("{kind: in, object: red cup, container: table}", '"table", which is not hollow'),
        ("{kind: opened, object: red cup}", '"red cup" has nothing that opens'),
        ("{kind: on, object: red cup, support: red cup}", 'names "red cup" twice'),
        ("{kind: on, object: red cup, support: tray}", '"tray", which is not among its objects'),
        (
            "{kind: turned, object: blue box, start_rad: 0, angle_rad: 1, period_rad: 0}",
            "period_rad 0; right is one above 0",
        ),
        ("{kind: at, object: red cup, point: [.nan, 0]}", "point that is no finite number"),
        (
            "{kind: at, object: red cup, point: [0.5, 0], tolerance_m: -0.1}",
            "tolerance_m -0.1; right is one above 0",
        ),
        (
            "{kind: moved, object: red cup, start: [0.5, 0], direction: [0, 0]}",
            r"direction \(0, 0\), which is none",
        ),
    ],
)
def test_a_goal_that_cannot_be_judged_is_refused_when_the_file_is_read(
    tmp_path: Path, goal: str, said: str
) -> None:
    with pytest.raises(SceneFileError, match=rf"tidy\.yaml, goal\.0: .*{said}"):
        load_task(written(tmp_path, goal))


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (f"{CUP}, {CUP}", r'objects\.1: another one is a "red cup" too'),
        ("{color: red, category: cup, name: table}", '"table" stands there already'),
        ("{color: red, category: cup, name: ''}", r"objects\.0\.name"),
    ],
)
def test_every_object_has_a_name_of_its_own(tmp_path: Path, objects: str, said: str) -> None:
    with pytest.raises(SceneFileError, match=said):
        load_task(written(tmp_path, "{kind: holding, object: null}", objects))


def test_a_bowl_is_hollow_and_of_two_cups_one_is_named(tmp_path: Path) -> None:
    objects = f"{CUP}, {{color: red, category: cup, name: mine}}, {{color: blue, category: bowl}}"
    goal = "{kind: in, object: mine, container: blue bowl}"
    with simulate(load_task(written(tmp_path, goal, objects)), 1) as simulation:
        assert {"red cup", "mine", "blue bowl"} <= set(simulation.world.objects)
        assert simulation.judged() is False


def test_the_name_of_a_task_is_no_path(tmp_path: Path) -> None:
    file = written(tmp_path, "{kind: holding, object: null}", more="name: ../../escaped\n")
    with pytest.raises(SceneFileError, match=r'no task can be named "\.\./\.\./escaped"'):
        load_task(file)


def test_entropy_is_0_or_more_and_0_is_one(tmp_path: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text("tasks: [grab]\nentropy: -5\n")
    with pytest.raises(SceneFileError, match=r"suite\.yaml, entropy: "):
        load_suite(suite)
    with pytest.raises(UserError, match="entropy is a whole number, 0 or more, not -5"):
        evaluate("do_the_impossible", 1, entropy=-5)
    [(job, _)] = evaluate("do_the_impossible", 1, vlm="perfect-eyes", entropy=0)
    assert job.entropy == 0


# --- splits --------------------------------------------------------------------------------------


def test_what_is_left_to_chance_follows_the_split(tmp_path: Path) -> None:
    goal = "{kind: holding, object: red block}"
    task = load_task(written(tmp_path, goal, BLOCK, "distractors: 3\n"))
    with simulate(task, 1) as usual, simulate(task, 1, clutter=True) as cluttered:
        assert len(usual.world.objects) == 4
        assert 1 + 6 <= len(cluttered.world.objects) <= 1 + 12
    for held_out in (True, False):
        with simulate(task, 1, held_out=held_out) as simulation:
            specs = [b.spec for n, b in simulation.world.objects.items() if n != "red block"]
            pairs = [(spec.color, spec.category) in HELD_OUT_PAIRS for spec in specs if spec]
            assert pairs == [held_out] * 3


def test_a_split_in_which_a_file_cannot_vary_is_refused(tmp_path: Path) -> None:
    goal = "{kind: holding, object: red block}"
    file = str(written(tmp_path, goal, BLOCK))
    for split in ("seen", "unseen-objects"):
        with pytest.raises(UserError, match=f'"tidy" fixes its objects: .*"{split}"'):
            evaluate(file, 1, split=split)
    with pytest.raises(UserError, match=r'fixes its instruction: .*"unseen-words"'):
        evaluate(file, 1, split=["all", "unseen-words"])


def test_a_file_without_a_goal_is_not_measured(tmp_path: Path) -> None:
    file = written(tmp_path, "")
    assert load_task(file).goal == ()  # `handeye run` takes it
    with pytest.raises(UserError, match='file of task "tidy" has no goal'):
        evaluate(str(file), 1)
