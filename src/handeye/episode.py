"""run_episode: one run of an agent on a task, with its full record."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from handeye.agents.agent import Agent, Result, Status
from handeye.agents.events import Event
from handeye.agents.eyes import make_observer
from handeye.agents.making import make_planner, spendings_of
from handeye.agents.state import Budget, Step
from handeye.perception.observer import Observer
from handeye.perception.perception import Perception
from handeye.perception.spending import Spending

from .following import Follower
from .recording import FRAMES_A_SECOND, LABELS, Recorder, free
from .trajectory import READINGS_A_SECOND

if TYPE_CHECKING:
    from handeye.agents.nodes import Approve
    from handeye.sims.disturbance import Kind
    from handeye.sims.labelling import Labels
    from handeye.sims.simulation import Simulation
    from handeye.sims.tasks.task import Setup, Task


class EpisodeResult(BaseModel):
    """One episode.

    Attributes:
        task: its name.
        instruction: what the agent was told.
        status: how the agent says it ended.
        reason, answer, question: of the agent.
        error: the type of the error by which a robot, camera or model ended it; "" for none.
        judged: whether the goal is reached, from the simulator's state; None if there is no goal,
            or the agent was told something else than the task's own instruction.
        ending: how a right run of the task ends, see `handeye.sims.tasks.task.Setup`.
        skills: every call with its outcome and verification.
        retries: how often it planned again after a failure.
        recording: the folder, or None.
        disturbance: what went wrong in mid-episode, in words; "" for nothing.
        disturbed_by: its kind, of `handeye.sims.disturbing.KINDS`; "" for nothing.
        thread: of the agent.
        seconds: wall-clock time by stage: "build", "render", "model", "scene", "rest", "all".
        simulated_s: how long it took the robot.
        calls: model calls by verb; "plan" are the requests to a language model that plans.
        tokens: of those, prompts and answers together, as told or estimated.
    """

    model_config = ConfigDict(frozen=True)

    task: str
    instruction: str
    status: Status
    reason: str = ""
    answer: str = ""
    question: str = ""
    error: str = ""
    judged: bool | None = None
    ending: str = "done"
    skills: tuple[Step, ...] = ()
    retries: int = 0
    recording: str | None = None
    disturbance: str = ""
    disturbed_by: str = ""
    thread: str = ""
    seconds: dict[str, float] = {}
    simulated_s: float = 0.0
    calls: dict[str, int] = {}
    tokens: int = 0


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended an episode.

    Attributes:
        result: what it came to until then.
    """

    def __init__(self, result: EpisodeResult) -> None:
        super().__init__(result)
        self.result = result


def run_episode(
    task: "Task",
    seed: "int | np.random.SeedSequence",
    *,
    instruction: str | None = None,
    vlm: object = "embedded",
    planner: object = "embedded",
    budget: Budget | None = None,
    approve: "Approve | None" = None,
    out: Path | None = None,
    video: bool = True,
    explain: bool | None = None,
    labels: bool | None = None,
    on_event: Callable[[Event], None] | None = None,
    eyes: "Callable[[Simulation], object] | None" = None,
    held_out: bool | None = None,
    dark: bool = False,
    clutter: bool = False,
    unseen_words: bool = False,
    disturbed: "bool | Kind" = False,
    verify: bool = True,
    checkpoint: Path | None = None,
    asked: Mapping[str, Any] | None = None,
) -> EpisodeResult:
    """Build a task from a seed, let an agent do it, and judge the outcome.

    Args:
        task: what to build.
        seed: same task, same seed, same episode, bit for bit.
        instruction: instead of the task's own.
        vlm, planner, budget, approve: of the agent.
        out: folder to record into, in place of a recording that is there; nothing is recorded
            without it.
        video: whether the recording has a video and pictures.
        explain: whether it shows where the VLM saw what each call names; by default with the
            embedded VLM, which tells so at no cost.
        labels: whether it has what the cameras showed the agent, labelled from the simulator's
            state, to tune a VLM on; by default with a video.
        on_event: called with each event.
        eyes: makes the VLM from the simulation instead: for measuring against perfect eyes.
        held_out, dark, clutter, unseen_words, disturbed: see `handeye.sims.simulation.simulate`.
        verify: whether the agent checks what its skills brought about.
        checkpoint: SQLite file for the agent's thread.
        asked: kept beside the recording, see `Recorder`.

    Raises:
        Interrupted: Ctrl-C ended it; its result is recorded all the same.
    """
    from handeye.sims.simulation import simulate
    from handeye.sims.tasks.checks import Checked

    began = time.perf_counter()
    planning = make_planner(planner)
    spendings = spendings_of(planning)
    before = _sums(spendings)
    with simulate(
        Checked(task),
        seed,
        held_out=held_out,
        dark=dark,
        clutter=clutter,
        unseen_words=unseen_words,
        disturbed=disturbed,
    ) as simulation:
        built = time.perf_counter() - began
        kept = labelling(simulation) if out and (video if labels is None else labels) else None
        model = eyes(simulation) if eyes is not None else vlm
        observer = make_observer(simulation.robot, _disturbed(simulation, model))
        if explain is None:
            explain = eyes is None and vlm == "embedded"
        recorder = None
        if out is not None:
            recorder = record(simulation, observer, out, video=video, explain=explain, asked=asked)
        sinks = [sink for sink in (on_event, recorder.event if recorder else None) if sink]
        follower = Follower(*sinks)
        told = instruction or simulation.setup.instruction
        with (
            recorder or nullcontext(),
            Agent(
                simulation.robot,
                planner=planning,
                observer=observer,
                budget=budget,
                approve=approve,
                on_event=follower.event,
                checkpoint=checkpoint,
                verify=verify,
            ) as agent,
        ):
            result = follower.drive(agent, lambda: agent.run(told))
            episode = result_of(task.name, told, result, follower, simulation)
            episode = _measured(episode, observer, simulation)
            total = time.perf_counter() - began
            spent = {"build": built, **observer.seconds}
            spent |= {"rest": total - sum(spent.values()), "all": total}
            seconds = {key: round(value, 3) for key, value in spent.items()}
            recording = str(recorder.folder) if recorder else None
            episode = episode.model_copy(update={"seconds": seconds, "recording": recording})
            episode = _with_spent(episode, before, _sums(spendings))
            if recorder is not None:
                recorder.finish(episode.model_dump(mode="json"))
        if kept is not None and out is not None:
            kept.write(free(out / LABELS))
        if follower.interrupted:
            raise Interrupted(episode)
        return episode


def judged(simulation: "Simulation", told: str, result: Result) -> bool | None:
    """Whether a task's goal is reached; None where the agent was told something else."""
    if not same_words(told, simulation.setup.instruction):
        return None
    reached = simulation.judged()
    return ended_rightly(simulation.setup, result) if reached else reached


def ran_out(result: Result | EpisodeResult) -> bool:
    """Whether a run was ended by its budget of time or steps."""
    return result.status == "failed" and result.reason.startswith(
        ("out of time (", "out of steps (")
    )


def same_words(first: str, second: str) -> bool:
    """Whether two instructions are the same but for capitals, spaces and a full stop."""
    one, other = (" ".join(text.lower().split()).rstrip(".!") for text in (first, second))
    return one == other


_LOOKING = frozenset({"look_at", "look_around"})
"""Skills that touch nothing."""
_NUMBERS = {
    **{"none": 0, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6},
    **{"seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12},
}


def ended_rightly(setup: "Setup", result: Result) -> bool:
    """Whether a run ended as a task wants it: done, with an answer, a question, or a refusal.

    What a broken robot, camera, model or planner ended did not, whatever was reached.
    """
    if result.error:
        return False
    if setup.ending == "answers":
        reply = result.answer.lower()
        return result.status == "succeeded" and all(_says(reply, word) for word in setup.answer)
    if setup.ending == "asks":
        return result.status == "needs_input"
    if setup.ending == "refuses":
        only_looked = all(step.call.skill in _LOOKING for step in result.skills)
        refused = result.status == "failed" and not ran_out(result) and not _gave_up(result)
        return only_looked and (refused or result.status == "needs_input")
    return True


def _says(reply: str, word: str) -> bool:
    """Whether a reply says a word; a number also in words, if it is the first that it names."""
    if word.isdecimal() and not re.search(r"\d", reply):
        named = [_NUMBERS[w] for w in re.findall(r"[a-z]+", reply) if w in _NUMBERS]
        return named[:1] == [int(word)]
    return re.search(rf"(?<![\w.,]){re.escape(word)}(?!\w|[.,]\d)", reply) is not None


def _gave_up(result: Result) -> bool:
    """Whether a skill that failed ended a run, at once or at its last try; not the planner."""
    last = result.skills[-1] if result.skills else None
    tried = re.search(r"\(tried \d+ times\)$", result.reason) is not None
    return last is not None and (tried or (last.code != "ok" and result.reason == last.message))


def result_of(
    name: str, told: str, result: Result, follower: Follower, simulation: "Simulation | None"
) -> EpisodeResult:
    """What a run came to, judged where it was simulated."""
    own = simulation is not None and same_words(told, simulation.setup.instruction)
    return EpisodeResult(
        task=name,
        instruction=told,
        status=result.status,
        reason=result.reason,
        answer=result.answer,
        question=result.question,
        error=result.error,
        judged=judged(simulation, told, result) if simulation is not None else None,
        ending=simulation.setup.ending if simulation is not None and own else "done",
        skills=result.skills,
        retries=follower.replanned,
        thread=result.thread,
    )


def _measured(
    episode: EpisodeResult, observer: Observer, simulation: "Simulation"
) -> EpisodeResult:
    disturbance = simulation.disturbance
    more = {
        "disturbance": disturbance.done if disturbance else "",
        "disturbed_by": disturbance.kind if disturbance and disturbance.done else "",
        "simulated_s": round(simulation.world.time_s, 3),
        "calls": dict(observer.calls),
    }
    return episode.model_copy(update=more)


def _sums(spendings: Sequence[Spending]) -> tuple[int, int]:
    return sum(one.requests for one in spendings), sum(one.tokens for one in spendings)


def _with_spent(
    episode: EpisodeResult, before: tuple[int, int], after: tuple[int, int]
) -> EpisodeResult:
    """An episode with the requests and tokens of its planning; one planner may do several."""
    requests, tokens = (b - a for a, b in zip(before, after, strict=True))
    if not requests:
        return episode
    calls = {**episode.calls, "plan": requests}
    return episode.model_copy(update={"calls": calls, "tokens": tokens})


def _disturbed(simulation: "Simulation", model: object) -> object:
    """The model; behind it a simulation's disturbance, where that is one of models."""
    from handeye.sims.disturbance import MODEL_KINDS

    disturbance = simulation.disturbance
    if disturbance is None or disturbance.kind not in MODEL_KINDS:
        return model
    from handeye.perception.vlm.load import load_vlm
    from handeye.sims.disturbed_senses import disturbed_perception

    loaded = load_vlm(model) if isinstance(model, str | Path) else model
    return disturbed_perception(Perception.of(loaded), disturbance)


def labelling(simulation: "Simulation") -> "Labels":
    """Have the frames of a simulation's cameras labelled as they are read."""
    from handeye.sims.labelling import LabelledCamera, Labels

    labels = Labels(simulation.world)
    for camera in list(simulation.robot.cameras.values()):
        simulation.robot.add_camera(LabelledCamera(camera, labels))
    return labels


def record(
    simulation: "Simulation | None",
    observer: Observer,
    out: Path,
    *,
    video: bool,
    explain: bool = False,
    asked: Mapping[str, Any] | None = None,
    going_on: str | None = None,
) -> Recorder:
    """A recorder of what an observer sees; a simulation is filmed, and its arm read, in between."""

    def look() -> Any:
        frame = observer.frames.get("overview")
        return None if frame is None else (frame, observer.detections.get("overview", []))

    recorder = Recorder(
        out,
        look,
        video=video,
        explain=observer.explain if explain else None,
        frame_of=observer.frames.get,
        asked=asked,
        going_on=going_on,
    )
    if simulation is not None:
        _follow_world(recorder, simulation, video=video)
    return recorder


def _follow_world(recorder: Recorder, simulation: "Simulation", *, video: bool) -> None:
    """Have a world read, and filmed, as its time passes."""
    from handeye.sims.world import TIMESTEP_S

    every_frame, every_reading = (
        round(1.0 / rate / TIMESTEP_S) for rate in (FRAMES_A_SECOND, READINGS_A_SECOND)
    )
    camera, robot = simulation.film_camera(), simulation.robot
    steps = 0

    def follow(_: object) -> None:
        nonlocal steps
        steps += 1
        if steps % every_reading == 0:
            recorder.trajectory.add(robot.read())
        if video and steps % every_frame == 0:
            recorder.frame(camera.read())

    recorder.trajectory.add(robot.read())
    simulation.world.on_step.append(follow)
