"""`handeye plan`."""

import json
import time
from pathlib import Path
from typing import Any

from handeye.agents.making import make_planner
from handeye.agents.planner import Plan, Planner, PlanResult, Progress, Question, ReadChart, Reply
from handeye.perception.errors import InstructionError, SceneFileError
from handeye.perception.scene import Scene
from handeye.perception.scene_file import load_scene

from ..exit_codes import EXIT_CODES


def plan(instruction: str, scene_file: str, planner_name: str, as_json: bool) -> int:
    """Plan one instruction, or a file of them; returns the exit code."""
    if not instruction.strip():
        raise InstructionError('say what to do, such as: handeye plan "grab the red cup" --scene …')
    scene = load_scene(Path(scene_file))
    planner = make_planner(planner_name)
    if instruction.endswith(".jsonl"):
        for line in _lines(Path(instruction)):
            shown = {"id": line.get("id"), **_planned(planner, str(line["text"]), scene)}
            print(json.dumps(shown, ensure_ascii=False))
        return 0
    shown = _planned(planner, instruction, scene)
    print(json.dumps(shown, ensure_ascii=False) if as_json else _words(shown))
    return EXIT_CODES[shown["status"]]


def _planned(planner: Planner, text: str, scene: Scene) -> dict[str, Any]:
    start = time.perf_counter()
    result = planner.plan(text, scene, Progress())
    seconds = round(time.perf_counter() - start, 5)
    return {**_as_dict(result), "seconds": seconds}


def _as_dict(result: PlanResult) -> dict[str, Any]:
    if isinstance(result, Plan):
        calls = [
            {"name": skill.name, "arguments": skill.model_dump(mode="json", exclude_none=True)}
            for skill in result.skills
        ]
        return {"status": "succeeded", "skills": calls, "reading": result.reading}
    if isinstance(result, Reply):
        return {
            "status": "succeeded",
            "answer": result.text,
            "objects": list(result.objects),
            "reading": result.reading,
        }
    if isinstance(result, Question):
        return {
            "status": "needs_input",
            "question": result.text,
            "candidates": list(result.candidates),
        }
    if isinstance(result, ReadChart):
        return {"status": "failed", "refusal": "it needs a chart, and there is no camera here"}
    return {"status": "failed", "refusal": result.text}


def _words(shown: dict[str, Any]) -> str:
    if "skills" in shown:
        calls = [
            f"{i}. {call['name']}({', '.join(f'{k}={v!r}' for k, v in call['arguments'].items())})"
            for i, call in enumerate(shown["skills"], start=1)
        ]
        return "\n".join([f"read as: {shown['reading']}", *calls])
    return str(shown.get("answer") or shown.get("question") or shown.get("refusal"))


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise SceneFileError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SceneFileError(f"{path} is not UTF-8 text") from error
    parsed = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise SceneFileError(f"{path}, line {number} is not JSON: {error.msg}") from error
        if not isinstance(entry, dict) or "text" not in entry:
            raise SceneFileError(f'{path}, line {number} must be {{"id": …, "text": …}}')
        parsed.append(entry)
    return parsed
