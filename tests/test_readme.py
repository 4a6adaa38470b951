"""What the documentation shows is run: its Python, its files, its commands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from handeye.perception.scene_file import load_scene
from handeye.sims.simulation import Simulation
from handeye.sims.tasks.from_file import load_task
from handeye.skills import SkillContext, check_robot, check_skill

import handeye
from handeye.evaluation.suite import load_suite, tasks_named

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
EXTENDING = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def defined(source: str) -> dict[str, object]:
    """The names that a block defines."""
    names: dict[str, object] = {"__name__": "documentation"}
    exec(compile(source, "documentation", "exec"), names)
    return names


def test_the_python_of_the_readme_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks(README, "python")[0], "README.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0].strip() == "succeeded"
    assert said[1:-1]
    assert all(line.endswith("ok yes") for line in said[1:-1]), said
    assert said[-1].startswith("looked at block_")


def test_the_example_script_is_that_of_the_readme() -> None:
    script = (ROOT / "examples" / "script_skills.py").read_text(encoding="utf-8")
    assert script.partition("\n\n")[2] == blocks(README, "python")[0]


def test_a_robot_of_ones_own_takes_what_the_readme_shows() -> None:
    assert "MyArm" in defined(blocks(README, "python")[1])


def test_the_example_robot_keeps_the_contract() -> None:
    source = (ROOT / "examples" / "own_robot.py").read_text(encoding="utf-8")
    check_robot(defined(source)["MyArm"]())  # type: ignore[operator]


def test_the_skill_of_the_documentation_keeps_the_contract(grab: Simulation) -> None:
    from handeye.agents.eyes import make_observer
    from handeye.sims.perfect_eyes import PerfectEyes

    skill = defined(blocks(EXTENDING, "python")[0])["Watch"]
    observer = make_observer(grab.robot, PerfectEyes(grab.world))
    outcome = check_skill(skill(), SkillContext(grab.robot, observer))  # type: ignore[operator]
    assert outcome.message == "looked 2 times"


def test_the_skill_of_the_documentation_is_planned_once_it_is_registered(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from handeye.sims.perfect_eyes import PerfectEyes
    from handeye.skills import registry

    from handeye.connecting import connect

    monkeypatch.setattr(registry, "_registered", {})
    session = connect(grab.robot, vlm=PerfectEyes(grab.world))
    names: dict[str, object] = {"__name__": "documentation", "session": session}
    *shown, told = "".join(blocks(EXTENDING, "python")[:2]).strip().splitlines()
    exec("\n".join([*shown, f"result = {told}"]), names)
    assert names["result"].status == "succeeded"  # type: ignore[attr-defined]


def test_the_task_of_the_documentation_is_done_and_measured() -> None:
    [shown] = [block for block in blocks(EXTENDING, "python") if "shelve_it" in block]
    run, measured = shown.split("finished = ")
    names: dict[str, object] = {"__name__": "documentation", "handeye": handeye}
    exec(run, names)
    assert names["episode"].judged is True  # type: ignore[attr-defined]
    once = measured.split(", planner")[0].replace("20", "1") + ', vlm="perfect-eyes")'
    [(job, result)] = eval(once, names)
    assert (job.task, result.judged) == ("shelve_it", True)


def test_the_files_of_the_documentation_are_read(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("scene.yaml", "task.yaml", "suite.yaml")]
    for file, text in zip(files, blocks(REFERENCE, "yaml"), strict=True):
        file.write_text(text)
    (tmp_path / "tidy.yaml").write_text(files[1].read_text())
    assert load_scene(files[0]).objects["block_1"].on == "plate_1"
    assert load_task(files[1]).distractors == 3
    suite = load_suite(files[2])
    assert suite is not None
    assert "put_on" in tasks_named(suite.tasks)
    assert load_scene(ROOT / "examples" / "table.yaml").objects
    assert load_task(ROOT / "examples" / "set_the_table.yaml").goal


def test_the_plans_of_the_readme_come_out_as_printed() -> None:
    shown = "".join(blocks(README, "console")[1:3]).split("$ handeye ")[1:]
    assert len(shown) == 5
    for text in shown:
        command, printed = text.strip().split("\n", 1)
        words = [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', command)]
        done = subprocess.run(
            [sys.executable, "-m", "handeye", *words],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert done.stdout.strip() == printed.strip(), done.stderr


def test_every_command_is_in_the_reference() -> None:
    from handeye.cli import main

    for name in main.commands:
        assert f"handeye {name}" in REFERENCE, name


def test_links_lead_somewhere() -> None:
    for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"
