"""Agent: an instruction in, skills executed and verified, a Result out."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any, Literal

from handeye.perception.deadlines import heeding
from handeye.perception.errors import (
    CancelledError,
    HandeyeError,
    RobotError,
    StoppedError,
    UserError,
)
from handeye.perception.observer import Observer
from handeye.skills.exclusive import exclusive
from handeye.skills.guarded import Guarded, Limits
from handeye.skills.robot import CancelToken, Robot
from pydantic import BaseModel, ConfigDict

from .approving import check_approve
from .events import Ended, Event, Started
from .eyes import eyes_of, make_observer
from .graph import build_graph
from .listening import ListenerFailed, apart, as_raised
from .making import make_planner
from .nodes import Approve, Nodes
from .planner import Exchange
from .state import Budget, Step, done_of, was_stopped
from .threads import saver_for

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

_EXCHANGES = 5
"""So many earlier runs of a thread are remembered."""
Status = Literal["succeeded", "failed", "needs_input", "stopped"]


class Result(BaseModel):
    """How a run ended.

    Attributes:
        status: "succeeded", "failed", "needs_input" or "stopped".
        reason: why it failed or stopped, or what there was not to do.
        answer: to a question.
        question: what must be answered before it can go on.
        candidates: ids between which the answer decides.
        skills: every call with its outcome and verification.
        thread: to resume or to go on talking in.
        error: the type of the error by which a robot, camera or model ended it; "" for none.
    """

    model_config = ConfigDict(frozen=True)

    status: Status
    reason: str = ""
    answer: str = ""
    question: str = ""
    candidates: tuple[str, ...] = ()
    skills: tuple[Step, ...] = ()
    thread: str = ""
    error: str = ""


class Agent:
    """Does what it is told with a robot, and sees to it that it is done.

    Args:
        robot: connected.
        vlm: a name for `load_vlm`, a model with some of the verbs, or a Perception.
        planner: "embedded", a language model by name or as a LangChain chat model, or anything
            with `plan`; see `making.make_planner`.
        observer: the eyes; unless given, those of the session that `robot` is, or made from the
            robot's cameras and the VLM.
        limits: for the guard, besides those of a robot that is Guarded already; derived from the
            robot's spec unless given.
        approve: called with each skill and the scene before it is executed, and returns True or
            False; "interrupt" ends the run with a question instead, to be answered by
            `resume(thread, True)`, or "yes" in words. Any other answer stops the run.
        budget: bounds of a run.
        checkpoint: SQLite file, "postgresql://…", or a checkpointer of LangGraph, in which threads
            survive a restart; they are kept in memory without it.
        on_event: called with each event, in the thread that runs the agent; its errors: see `run`.
        verify: whether it looks if a skill brought about what it should; without, it believes
            what the skill says of itself.

    Raises:
        ModelError: the VLM cannot be loaded.
        UserError: an argument is none of what is accepted.
    """

    def __init__(
        self,
        robot: Robot,
        *,
        vlm: object = "embedded",
        planner: object = "embedded",
        observer: Observer | None = None,
        limits: Limits | None = None,
        approve: Approve | Literal["interrupt"] | None = None,
        budget: Budget | None = None,
        checkpoint: "str | Path | BaseCheckpointSaver[Any] | None" = None,
        on_event: Callable[[Event], None] | None = None,
        verify: bool = True,
    ) -> None:
        check_approve(approve)
        if not isinstance(budget, Budget | None):
            raise UserError(f"budget must be a Budget, not {type(budget).__name__}")
        self._asks = approve is not None
        own = isinstance(robot, Guarded) and limits is None
        self.robot: Robot = robot if own else Guarded(robot, limits)
        self.observer = (
            observer
            or eyes_of(robot, vlm)
            or make_observer(self.robot, vlm, getattr(robot, "fixed", None))
        )
        self._on_event = on_event
        self._listeners: list[Callable[[Event], None]] = []
        self._nodes = Nodes(
            self.robot,
            self.observer,
            make_planner(planner),
            budget or Budget(),
            approve,
            apart(self._emit),
            verify=verify,
        )
        self._connection, saver = saver_for(checkpoint)
        self._graph = build_graph(self._nodes, saver)

    def run(self, instruction: str, *, thread: str | None = None) -> Result:
        """Carry out an instruction; returns when it is done, failed, stopped, or a question.

        A camera, model or robot that breaks ends the run with status "failed" and its message.
        Ctrl-C, and what `on_event` raises, stop the robot as `stop` does, and pass on.

        Raises UserError while another thread drives the robot.
        """
        with exclusive(self.robot, f"“{instruction}”"):
            self._begin()
            return self._run(instruction, thread)

    def _run(self, instruction: str, thread: str | None) -> Result:
        name = thread or uuid.uuid4().hex[:12]
        before = self._state(name)
        mentioned = before.get("mentioned")
        began_s = self._nodes.now()
        self._emit(Started(stamp_s=began_s, instruction=instruction, thread=name))
        fresh: dict[str, Any] = {
            "instruction": instruction,
            "answers": [],
            "mentioned": mentioned,
            "first": None,
            "plan": [],
            "index": 0,
            "steps": [],
            "goal": None,
            "achieved": [],
            "failure": None,
            "retries": 0,
            "began_s": began_s,
            "question": None,
            "candidates": [],
            "status": None,
            "reason": "",
            "answer": "",
            "past": _remembered(before),
            "chart": None,
            "searched": False,
            "sought": False,
        }
        return self._drive(fresh, name)

    def resume(self, thread: str, answer: str | bool | None = None) -> Result:
        """Go on with a thread: with an answer to its question, after a stop, or after a crash.

        A skill that was under way when the process died is not replayed: the agent looks, and
        plans what is left from what it sees.

        Raises UserError for a thread that is not known, or that waits for an approval which this
        agent does not ask for, and while another thread drives the robot.
        """
        with exclusive(self.robot, f"thread {thread}"):
            self._begin()
            return self._resume(thread, answer)

    def _resume(self, thread: str, answer: str | bool | None) -> Result:
        from langgraph.types import Command

        config: Any = {"configurable": {"thread_id": thread}}
        snapshot = self._graph.get_state(config)
        if not snapshot.values:
            raise UserError(f'there is no thread "{thread}" to resume')
        if snapshot.interrupts:
            if answer is None:
                return self._result(thread)
            if "approve" in snapshot.interrupts[0].value and not self._asks:
                raise UserError(
                    f'thread "{thread}" waits for an approval; resume it with an agent that asks '
                    'for them: Agent(…, approve="interrupt")'
                )
            return self._drive(Command(resume=answer), thread)
        if snapshot.values.get("status") and not was_stopped(snapshot.values):
            return self._result(thread)
        failure = "the run was interrupted" if snapshot.values.get("plan") else None
        anew = {"failure": failure, "status": None, "reason": ""}
        self._graph.update_state(config, anew, as_node="__start__")
        return self._drive(None, thread)

    def stream(self, instruction: str, *, thread: str | None = None) -> Iterator[Event]:
        """Carry out an instruction in a thread of its own; yields events as they come.

        Leaving it before the run has ended, by `break` or by Ctrl-C, stops the robot as `stop`
        does: it stays stopped until `robot.reset()`.
        """
        queue: Queue[Event | BaseException | None] = Queue()
        listener = queue.put
        self._listeners.append(listener)

        def work() -> None:
            try:
                self.run(instruction, thread=thread)
                queue.put(None)
            except BaseException as error:
                queue.put(error)

        worker = threading.Thread(target=work, daemon=True)
        over = False
        try:
            worker.start()
            while (item := queue.get()) is not None:
                over = isinstance(item, Ended | BaseException)
                if isinstance(item, BaseException):
                    raise item
                yield item
            over = True
        finally:
            self._listeners.remove(listener)
            try:
                if not over:
                    self.stop()
            finally:
                worker.join()

    def stop(self) -> None:
        """Halt the robot at once and end the run; from any thread. The robot stays stopped.

        The run is cancelled even if the robot's own stop() raises, and then the error passes on.
        """
        self._nodes.cancel.cancel()
        self.robot.stop()

    @property
    def graph(self) -> "CompiledStateGraph[Any, Any, Any, Any]":
        """The compiled LangGraph, to be drawn and looked into; `run` is what drives it."""
        return self._graph

    def close(self) -> None:
        """Close the checkpoint; the robot is left to its owner."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        """Forget an earlier stop that was reset; what comes from here on stops this run."""
        with suppress(RobotError):
            if self._nodes.cancel.cancelled and not self.robot.read().stopped:
                self._nodes.cancel = CancelToken()

    def _drive(self, start: Any, thread: str) -> Result:
        config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": 400}
        try:
            with heeding(self._nodes.cancel.check):
                self._graph.invoke(start, config)
            result = self._result(thread)
        except (StoppedError, CancelledError) as error:
            result = self._result(thread, status="stopped", reason=str(error))
        except HandeyeError as error:
            broken = "" if isinstance(error, UserError) else type(error).__name__
            result = self._result(thread, status="failed", reason=str(error), error=broken)
        except (KeyboardInterrupt, ListenerFailed) as error:
            # A driver may go on with the motion that it was given.
            with suppress(HandeyeError):
                self.stop()
            raise (own := as_raised(error)) from own.__cause__
        self._emit(
            Ended(
                stamp_s=self._nodes.now(),
                status=result.status,
                reason=result.reason,
                question=result.question,
            )
        )
        return result

    def _result(
        self,
        thread: str,
        status: Status | None = None,
        reason: str | None = None,
        error: str = "",
    ) -> Result:
        config: Any = {"configurable": {"thread_id": thread}}
        snapshot = self._graph.get_state(config)
        values = snapshot.values
        steps = tuple(Step.model_validate(raw) for raw in values.get("steps", []))
        if status is None and snapshot.interrupts:
            asked = snapshot.interrupts[0].value
            return Result(
                status="needs_input",
                question=asked["question"],
                skills=steps,
                thread=thread,
                candidates=tuple(asked.get("candidates", ())),
            )
        status = status or values.get("status") or "failed"
        reason = values.get("reason", "") if reason is None else reason
        # An arm that cannot go on after a fault ends the run with the fault's own words.
        if (
            status == "failed"
            and steps
            and (steps[-1].code, steps[-1].message) == ("fault", reason)
        ):
            error = error or RobotError.__name__
        return Result(
            status=status,
            reason=reason,
            answer=values.get("answer", ""),
            skills=steps,
            thread=thread,
            error=error,
        )

    def _state(self, thread: str) -> dict[str, Any]:
        config: Any = {"configurable": {"thread_id": thread}}
        values: dict[str, Any] = self._graph.get_state(config).values
        return values

    def _emit(self, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(event)
        for listener in list(self._listeners):
            listener(event)


def _remembered(before: dict[str, Any]) -> dict[str, Any]:
    """What a thread keeps of its previous run: what was said, and the scene before it moved."""
    past: dict[str, Any] = dict(before.get("past") or {})
    if before.get("steps"):
        past |= {"instruction": before.get("instruction", ""), "scene": before.get("first")}
    if before.get("instruction"):
        ended = Exchange(instruction=before["instruction"], outcome=_outcome(before))
        kept = [*past.get("exchanges", []), ended.model_dump(mode="json")]
        past["exchanges"] = kept[-_EXCHANGES:]
    return past


def _outcome(before: dict[str, Any]) -> str:
    """How a run ended, in words."""
    done = [f"{step.call}: {step.message}" for step in done_of(before)]
    status = before.get("status") or "not ended"
    told = before.get("answer") or before.get("reason") or before.get("question") or ""
    return "; ".join([*done, f"{status}: {told}" if told else status])
