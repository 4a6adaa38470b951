"""The handeye command, as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCENE = """
objects:
  cup_1: {name: red cup, position: [0.5, 0.1, 0.045], size: [0.08, 0.08, 0.09]}
  cup_2: {color: blue, category: cup, position: [0.5, -0.1, 0.045]}
  plate_1: {color: blue, category: plate, position: [0.4, 0.25, 0.01], size: [0.18, 0.18, 0.02]}
  block_1: {color: green, category: block, position: [0.4, 0.25, 0.04], on: plate_1}
"""


def handeye(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "handeye", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=300,
    )


@pytest.fixture
def scene(tmp_path: Path) -> str:
    file = tmp_path / "scene.yaml"
    file.write_text(SCENE)
    return str(file)


def test_help_shows_the_commands_and_the_exit_codes() -> None:
    done = handeye("--help")
    assert done.returncode == 0
    for word in ("run", "plan", "parse", "ground", "ask", "skills", "doctor", "Exit codes"):
        assert word in done.stdout


def test_run_prints_one_json_object_and_leaves_a_recording(tmp_path: Path) -> None:
    out = tmp_path / "episode"
    done = handeye("run", "grab the red cup", "--seed", "1", "--out", str(out), "--json")
    result = json.loads(done.stdout)
    assert result["status"] == "succeeded", result
    assert result["judged"] is True
    assert done.returncode == 0
    assert result["skills"][0]["call"]["skill"] == "pick"
    assert result["recording"] == str(out)
    for name in ("events.jsonl", "episode.mp4", "contact_sheet.png", "result.json"):
        assert (out / name).stat().st_size > 0
    [grounding] = map(json.loads, (out / "groundings.jsonl").read_text().splitlines())
    assert grounding["phrase"] == "red cup"
    assert (out / grounding["picture"]).stat().st_size > 0


def test_run_asks_when_it_is_not_clear(tmp_path: Path, scene: str) -> None:
    done = handeye(
        "run",
        "grab the cup",
        "--scene",
        scene,
        "--out",
        str(tmp_path / "o"),
        "--no-video",
        "--json",
    )
    result = json.loads(done.stdout)
    assert result["status"] == "needs_input", result
    assert done.returncode == 3
    assert "red cup" in result["question"]
    assert result["skills"] == []


def test_plan_needs_no_robot(scene: str) -> None:
    done = handeye("plan", "put the red cup on the plate", "--scene", scene, "--json")
    planned = json.loads(done.stdout)
    assert [call["name"] for call in planned["skills"]] == ["pick", "place"]
    assert planned["skills"][1]["arguments"]["reference"] == "plate_1"
    assert done.returncode == 0


def test_plan_takes_a_file_of_utterances(tmp_path: Path, scene: str) -> None:
    file = tmp_path / "said.jsonl"
    file.write_text(
        '{"id": 1, "text": "grab the red cup"}\n{"id": 2, "text": "grab the cup"}\n'
        '{"id": 3, "text": "grab the moon"}\n'
    )
    done = handeye("plan", str(file), "--scene", scene, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["id"] for line in lines] == [1, 2, 3]
    assert lines[0]["skills"][0]["arguments"] == {"target": "cup_1"}
    assert lines[1]["candidates"] == ["cup_1", "cup_2"]
    assert "moon" in lines[2]["refusal"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("run", ""), 5, "say what to do"),
        (("run", "grab the red cup", "--task", "fly"), 2, 'nothing here matches "fly"; tasks:'),
        (("run", "grab the red cup", "--robot", "r2d2"), 2, "robots: sim"),
        (("run", "grab the red cup", "--vlm", "gpt-9"), 2, 'there is no VLM "gpt-9"'),
        (("run", "grab the red cup", "--planner", "oracle"), 2, 'no planner "oracle"'),
        (("plan", "grab it", "--scene", "missing.yaml"), 2, "cannot read scene file missing.yaml"),
        (("parse", "missing.png"), 2, "there is no image missing.png"),
        (("ask", "missing.png", "is it?"), 2, "there is no image missing.png"),
        (("run", "grab it", "--resume", "t", "--out", "nowhere"), 2, "no thread to resume"),
        (("run", "grab the \udcff cup"), 2, "not UTF-8 text"),
        (("bench-vlm", "--images", "0"), 2, "0 is not in the range"),
        (("bench-vlm", "--jobs", "0"), 2, "0 is not in the range"),
        (("train", "--shards", "0"), 2, "0 is not in the range"),
        (("train", "--device", "nope"), 2, 'there is no device "nope"'),
        (("train", "--start-from", "nofile"), 2, "nofile is no checkpoint to start from: it is no"),
        (("chart", "c.png", "--csv", "--ask", "what?"), 2, "--csv gives rows and --ask an answer"),
        (("tune", "--data", "d", "--out", "o", "--device", "nope"), 2, "there is no device"),
        (("tune", "--data", "d", "--out", "o", "--rank", "0"), 2, "0 is not in the range"),
        (("tune", "--data", "d", "--out", "o", "--learning-rate", "nan"), 2, "not a finite"),
        (("tune", "--data", "d", "--out", "o", "--steps", "-5"), 2, "-5 is not in the range"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(
    words: tuple[str, ...], code: int, message: str, tmp_path: Path
) -> None:
    done = handeye(*words, cwd=tmp_path)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if words == ("run", "") else code)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("run", "grab the red cup", "--no-video", "--out", "file.txt"),
        ("eval", "grab_red_cup", "--out", "file.txt"),
        ("plan", "binary.jsonl", "--scene", "scene.yaml"),
        ("parse", "grey.png", "--save", "file.txt/seen.png"),
        ("chart", "grey.png", "--csv"),
        ("bench-vlm", "--images", "0"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_json_value(
    words: tuple[str, ...], tmp_path: Path, scene: str
) -> None:
    from PIL import Image

    (tmp_path / "file.txt").write_text("mine")
    (tmp_path / "binary.jsonl").write_bytes(b'{"text": "\xff"}')
    Image.new("RGB", (64, 48), "grey").save(tmp_path / "grey.png")
    done = handeye(*words, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["reason"]
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert (tmp_path / "file.txt").read_text() == "mine"


def test_a_chart_that_cannot_be_read_leaves_the_output_file_alone(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "rows.csv").write_text("mine")
    done = handeye("chart", "bad.png", "--out", "rows.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "rows.csv").read_text() == "mine"


def test_what_stands_in_a_chart_is_shown_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    from handeye.perception.charts.chart import Chart, ChartRow

    from handeye.commands.chart import _show

    rows = (ChartRow("", "[/a]", 2.0, 1.0), ChartRow("", ":red_circle:", 3.0, 1.0))
    _show(Path("c.png"), Chart("bar", rows, "Load [kg] by month", "[month]", "[kg]"))
    shown = capsys.readouterr().out
    for text in ("Load [kg] by month", "[month]", "[kg]", "[/a]", ":red_circle:"):
        assert text in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("objects: [", "not valid YAML"),
        ("robots: {}", 'must have a mapping "objects'),
        ("objects: {a: {position: [0, 0]}}", 'object "a"'),
        ("objects: {a: {position: [0, 0, 0], on: b}}", 'on or in "b"'),
        ("objects: {a: {position: [0, 0, .nan]}}", "finite"),
        ("objects: {a: {position: [0, 0, 0], yaw: .nan}}", "finite"),
        (
            "objects: {a: {position: [0, 0, 0], on: b}, b: {position: [0, 0, 0], in: a}}",
            "a on or in b on or in a",
        ),
        ("objects: {a: {position: [0, 0, 0], colour: red}}", '"colour" is not known'),
    ],
)
def test_a_broken_scene_file_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "scene.yaml").write_text(text)
    done = handeye("plan", "grab it", "--scene", "scene.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_an_image_can_be_parsed_grounded_and_asked_about(tmp_path: Path) -> None:
    from handeye.sims.simulation import simulate
    from handeye.sims.tasks import get_task
    from PIL import Image

    with simulate(get_task("grab_red_cup"), 1) as simulation:
        rgb = simulation.robot.cameras["overview"].read().rgb
    Image.fromarray(rgb).save(tmp_path / "table.png")
    image = str(tmp_path / "table.png")
    parsed = json.loads(handeye("parse", image, "--json").stdout)
    assert len(parsed["detections"]) >= 3
    saved, heat = tmp_path / "seen.png", tmp_path / "heat.png"
    pictures = ("--save", str(saved), "--explain", str(heat))
    found = json.loads(handeye("ground", image, "the red cup", "--json", *pictures).stdout)
    assert found["detections"][0]["color"] == "red"
    assert saved.exists()
    assert heat.read_bytes() != saved.read_bytes()
    assert json.loads(handeye("ask", image, "is there a red cup?", "--json").stdout)["answer"]


def test_skills_and_tasks_are_listed() -> None:
    names = {schema["name"] for schema in json.loads(handeye("skills", "--json").stdout)}
    assert {"pick", "place", "stack", "push", "look_at", "home"} <= names
    assert "put_on" in json.loads(handeye("tasks", "--json").stdout)["putting"]


def test_the_doctor_finds_everything_in_order() -> None:
    done = handeye("doctor", "--json")
    rows = json.loads(done.stdout)
    assert all(row["ok"] for row in rows.values()), rows
    assert done.returncode == 0
