"""`handeye run`."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handeye.perception.errors import InstructionError, UserError

from ..cli import EXIT_CODES
from ..quiet import import_simulator

if TYPE_CHECKING:
    from handeye.agents.events import Event
    from handeye.perception.scene import Scene
    from handeye.sims.tasks import Task

    from ..episode import EpisodeResult


@dataclass(frozen=True)
class Asked:
    """The options of the command; see its help."""

    instruction: str | None
    seed: int
    task: str | None
    scene: str | None
    robot: str
    vlm: str
    planner: str
    approve: bool
    resume: str | None
    out: str | None
    video: bool
    explain: bool | None
    as_json: bool

    @property
    def place(self) -> dict[str, Any]:
        """What is kept beside the recording, so that resuming finds its scene."""
        return {
            "instruction": self.instruction,
            "seed": self.seed,
            "task": self.task,
            "robot": self.robot,
            "scene": None if self.scene is None else str(Path(self.scene).resolve()),
        }


def run(**options: Any) -> int:
    """Run one episode; returns the exit code."""
    asked = Asked(**options)
    if asked.resume is None and asked.task is None and not (asked.instruction or "").strip():
        raise InstructionError('say what to do, such as: handeye run "grab the red cup"')
    import_simulator()
    from handeye.sims.tasks.choosing import choose_task

    folder = Path(asked.out) if asked.out else Path("runs") / time.strftime("%Y%m%d-%H%M%S")
    if asked.resume is not None or asked.robot != "sim":
        result = _with_robot(asked, folder)
    else:
        # What cannot be built is told before anything is written.
        task = choose_task(task=asked.task, scene=asked.scene, instruction=asked.instruction)
        result = _simulated(asked, task, folder)
    if asked.as_json:
        print(json.dumps(result.model_dump(mode="json"), ensure_ascii=False))
    else:
        _tell(result, asked.video)
    return EXIT_CODES[result.status]


def _simulated(asked: Asked, task: "Task", folder: Path) -> "EpisodeResult":
    from ..episode import run_episode

    if not asked.as_json:
        _greet(asked.instruction or asked.task or "")
    _keep(asked, folder)
    return run_episode(
        task,
        asked.seed,
        instruction=asked.instruction,
        vlm=asked.vlm,
        planner=asked.planner,
        approve=_ask_approval if asked.approve else None,
        out=folder,
        video=asked.video,
        explain=asked.explain,
        on_event=None if asked.as_json else show,
        checkpoint=folder / "thread.sqlite",
    )


def _keep(asked: Asked, folder: Path) -> dict[str, Any]:
    """Write what was asked for at first, or read it where a thread is resumed."""
    file = folder / "asked.json"
    if asked.resume is None:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asked.place, ensure_ascii=False))
        return asked.place
    if not (folder / "thread.sqlite").exists() or not file.exists():
        raise UserError(
            f"there is no thread to resume in {folder}; give the earlier run's folder with --out"
        )
    kept: dict[str, Any] = json.loads(file.read_text())
    return kept


def _with_robot(asked: Asked, folder: Path) -> "EpisodeResult":
    """A robot that is no simulation of ours, or a thread of an earlier run."""
    from handeye.agents.agent import Agent

    from ..connecting import connect
    from ..episode import EpisodeResult
    from ..recording import Recorder

    if not asked.as_json:
        _greet(asked.instruction or asked.task or "")
    kept = _keep(asked, folder)
    checkpoint = folder / "thread.sqlite"
    with connect(**kept, vlm=asked.vlm) as session:
        observer = session.observer

        def look() -> Any:
            frame = observer.frames.get("overview")
            return None if frame is None else (frame, observer.detections.get("overview", []))

        explain = asked.vlm == "embedded" if asked.explain is None else asked.explain
        recorder = Recorder(
            folder,
            look,
            video=asked.video,
            explain=observer.explain if explain else None,
            frame_of=observer.frames.get,
        )

        def emit(event: "Event") -> None:
            recorder.event(event)
            if not asked.as_json:
                show(event)

        with Agent(
            session,
            planner=asked.planner,
            observer=observer,
            on_event=emit,
            checkpoint=checkpoint,
            approve=_ask_approval if asked.approve else None,
        ) as agent:
            if asked.resume is not None:
                observer.look()  # what the thread speaks of must be in sight again
                done = agent.resume(asked.resume, asked.instruction or None)
            else:
                done = agent.run(asked.instruction or "")
        judged = session.simulation.judged() if session.simulation is not None else None
        result = EpisodeResult(
            task=kept["task"] or kept["robot"],
            instruction=asked.instruction or kept["instruction"] or "",
            status=done.status,
            reason=done.reason,
            answer=done.answer,
            question=done.question,
            judged=judged,
            skills=done.skills,
            recording=str(folder),
            thread=done.thread,
        )
        recorder.finish(result.model_dump(mode="json"))
        return result


def show(event: "Event") -> None:
    """One line of progress for people."""
    if event.kind == "observed":
        _line(event.stamp_s, "sees", _in_view(event.scene))
    elif event.kind == "chart_read":
        _line(event.stamp_s, "reads", event.words())
    elif event.kind == "planned":
        calls = ", ".join(call.words() for call in event.calls) or "nothing left to do"
        _line(event.stamp_s, "plans", calls)
    elif event.kind == "replied":
        _line(event.stamp_s, "answers", event.text)
    elif event.kind == "acting":
        _line(event.stamp_s, "acts", event.call.words())
    elif event.kind == "progressed":
        _line(event.stamp_s, "", event.line, "dim")
    elif event.kind == "acted" and event.code != "ok":
        _line(event.stamp_s, "", f"{event.code}: {event.message}", "yellow")
    elif event.kind == "verified":
        color = {"yes": "green", "no": "red"}.get(event.truth, "yellow")
        _line(event.stamp_s, "verifies", f"{event.truth}: {event.evidence}", color)
    elif event.kind == "replanned":
        _line(event.stamp_s, "again", event.failure, "yellow")


def _in_view(scene: "Scene") -> str:
    """What is seen, in a line: names suffice to follow along; events.jsonl has the rest."""
    names = [thing.name for thing in scene.objects.values() if thing.visible]
    held = scene.objects[scene.holding].name if scene.holding else "nothing"
    return f"{', '.join(names) or 'an empty table'}; the gripper holds {held}"


def _line(stamp_s: float, verb: str, words: str, style: str = "") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=7, justify="right", style="dim")
    row.add_column(width=8, style="bold")
    row.add_column()
    row.add_row(f"{stamp_s:.1f} s", verb, Text(words, style=style))
    Console(highlight=False).print(row)


def _greet(instruction: str) -> None:
    from rich.console import Console

    Console(highlight=False).print(f"[bold]“{instruction}”[/]  [dim]building the scene …[/]")


def _tell(result: "EpisodeResult", video: bool) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    color = "green" if result.status == "succeeded" else "red"
    why = result.answer or result.question or result.reason
    console.print(
        f"\n[bold {color}]{result.status.replace('_', ' ')}[/]{': ' + why if why else ''}"
    )
    if result.judged is not None:
        word = "reached" if result.judged else "not reached"
        console.print(f"judge:     goal {word} (from the simulator's state)")
    if result.recording:
        files = "episode.mp4, contact_sheet.png, events.jsonl" if video else "events.jsonl"
        console.print(f"recording: {result.recording}/ ({files})")
    if result.status == "needs_input":
        console.print(
            f'answer:    handeye run "…" --resume {result.thread} --out {result.recording}'
        )


def _ask_approval(skill: Any, _: Any) -> bool:
    import click

    return click.confirm(f"execute {skill!r}?", default=False)
