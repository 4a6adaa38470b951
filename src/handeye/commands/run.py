"""`handeye run`."""

import json
import sqlite3
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handeye.perception.errors import InstructionError, UserError

from ..exit_codes import BROKEN, EXIT_CODES
from ..quiet import import_simulator
from ..recording import LABELS, THREAD, free, holds_recording
from .resuming import Asked, damaged, open_thread

if TYPE_CHECKING:
    from handeye.agents.agent import Agent, Result
    from handeye.agents.events import Event
    from handeye.perception.scene import Scene
    from handeye.sims.tasks import Task

    from ..episode import EpisodeResult


@dataclass(frozen=True)
class Options:
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
    def asked(self) -> Asked:
        """What is kept beside the recording, so that resuming finds its scene."""
        return Asked(
            instruction=self.instruction,
            seed=self.seed,
            task=self.task,
            robot=self.robot,
            scene=None if self.scene is None else str(Path(self.scene).resolve()),
        )


def run(**options: Any) -> int:
    """Run one episode; returns the exit code."""
    wanted = Options(**options)
    if wanted.resume is None and wanted.task is None and not (wanted.instruction or "").strip():
        raise InstructionError('say what to do, such as: handeye run "grab the red cup"')
    _must_be_text(wanted.instruction or "")
    folder = Path(wanted.out) if wanted.out else _unused(time.strftime("%Y%m%d-%H%M%S"))
    resumed = open_thread(folder, wanted.resume) if wanted.resume is not None else None
    if resumed is None and holds_recording(folder):
        raise UserError(
            f"{folder} holds a recording already; --resume THREAD goes on with it, another --out "
            "begins anew"
        )
    import_simulator()
    from ..episode import Interrupted

    try:
        result = _episode(wanted, folder, resumed)
    except Interrupted as stopped:
        result = stopped.result
    if wanted.as_json:
        print(json.dumps(result.model_dump(mode="json"), ensure_ascii=False))
    else:
        _tell(result, wanted.video)
    return BROKEN if result.error else EXIT_CODES[result.status]


def _must_be_text(instruction: str) -> None:
    """Bytes of a command line that are no UTF-8 can be neither kept nor shown."""
    try:
        instruction.encode()
    except UnicodeEncodeError as error:
        raise InstructionError("the instruction is not UTF-8 text") from error


def _unused(name: str) -> Path:
    """A folder under runs/ that is not there yet."""
    folder, number = Path("runs") / name, 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{name}-{number}"
    return folder


def _episode(wanted: Options, folder: Path, resumed: Asked | None) -> "EpisodeResult":
    if resumed is not None or wanted.robot != "sim":
        return _with_robot(wanted, folder, resumed)
    from handeye.sims.tasks.choosing import choose_task

    task = choose_task(task=wanted.task, scene=wanted.scene, instruction=wanted.instruction)
    return _simulated(wanted, task, folder)


def _simulated(wanted: Options, task: "Task", folder: Path) -> "EpisodeResult":
    from ..episode import run_episode

    if not wanted.as_json:
        _greet(wanted.instruction or wanted.task or "")
    return run_episode(
        task,
        wanted.seed,
        instruction=wanted.instruction,
        vlm=wanted.vlm,
        planner=wanted.planner,
        approve=_ask_approval if wanted.approve else None,
        out=folder,
        video=wanted.video,
        explain=wanted.explain,
        on_event=None if wanted.as_json else show,
        checkpoint=folder / THREAD,
        asked=wanted.asked.model_dump(),
    )


def _with_robot(wanted: Options, folder: Path, resumed: Asked | None) -> "EpisodeResult":
    """A robot that is no simulation of ours, or a thread of an earlier run."""
    from handeye.agents.agent import Agent
    from handeye.agents.making import make_planner

    from ..connecting import connect
    from ..episode import Interrupted, labelling, record, result_of
    from ..following import Follower

    planner = make_planner(wanted.planner)
    asked = resumed or wanted.asked
    if not wanted.as_json:
        _greet(asked.instruction or asked.task or "")
    with connect(**asked.model_dump(), vlm=wanted.vlm) as session:
        simulation = session.simulation
        # Before the eyes are made: they are to look through what labels.
        kept = labelling(simulation) if simulation is not None and wanted.video else None
        observer = session.observer
        own = simulation.setup.instruction if simulation is not None else ""
        told = asked.instruction or own
        recorder = record(
            simulation,
            observer,
            folder,
            video=wanted.video,
            explain=wanted.vlm == "embedded" if wanted.explain is None else wanted.explain,
            asked=asked.model_dump() if resumed is None else None,
            going_on=told if resumed is not None else None,
        )
        sinks = [recorder.event] if wanted.as_json else [show, recorder.event]
        follower = Follower(*sinks, thread=wanted.resume or "")
        with (
            recorder,
            Agent(
                session,
                planner=planner,
                observer=observer,
                on_event=follower.event,
                checkpoint=folder / THREAD,
                approve=_ask_approval if wanted.approve else None,
            ) as agent,
        ):
            if wanted.resume is not None:
                observer.look()  # what the thread speaks of must be in sight again
                done = follower.drive(agent, partial(_resume, agent, wanted, folder))
            else:
                done = follower.drive(agent, partial(agent.run, told))
            name = asked.task or asked.robot
            result = result_of(name, told, done, follower, simulation)
            result = result.model_copy(update={"recording": str(folder)})
            recorder.finish(result.model_dump(mode="json"))
        if kept is not None:
            kept.write(free(folder / LABELS))
        if follower.interrupted:
            raise Interrupted(result)
        return result


def _resume(agent: "Agent", wanted: Options, folder: Path) -> "Result":
    try:
        return agent.resume(wanted.resume or "", wanted.instruction or None)
    except sqlite3.Error as error:
        raise damaged(folder / THREAD, error) from error


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
    from rich.text import Text

    told = Text.assemble((f"“{instruction}”", "bold"), "  ", ("building the scene …", "dim"))
    Console(highlight=False).print(told)


def _tell(result: "EpisodeResult", video: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from ..following import BY_CTRL_C

    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    color = "green" if result.status == "succeeded" else "red"
    why = result.answer or result.question or result.reason
    status = (result.status.replace("_", " "), f"bold {color}")
    console.print(Text.assemble("\n", status, f": {why}" if why else ""))
    if result.judged is not None:
        word = "reached" if result.judged else "not reached"
        console.print(f"judge:     goal {word} (from the simulator's state)")
    if result.recording:
        files = "episode.mp4, contact_sheet.png, events.jsonl" if video else "events.jsonl"
        console.print(f"recording: {result.recording}/ ({files})")
    on = f"--resume {result.thread} --out {result.recording}"
    if result.status == "needs_input":
        console.print(f'answer:    handeye run "…" {on}')
    elif result.reason.startswith(BY_CTRL_C) and result.thread:
        console.print(f"go on:     handeye run {on}")


def _ask_approval(skill: Any, _: Any) -> bool:
    """Ask on standard error, which leaves the other for the result; no answer is a no."""
    print(f"execute {skill!r}? [y/N]: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
