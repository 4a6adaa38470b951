"""Following: what became of a run, where the agent's result has no more than words for it."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from handeye.agents.agent import Agent, Result
from handeye.agents.events import Acted, Acting, Ended, Event, Replanned, Started, Verified
from handeye.agents.planner import Planner, PlanResult, Progress, SeeingPlanner
from handeye.agents.state import Step
from handeye.perception.errors import HandeyeError, ModelError, RobotError, UserError
from handeye.perception.frame import Frame
from handeye.perception.observer import Observer
from handeye.perception.scene import Scene

BY_CTRL_C = "stopped by Ctrl-C"


class Follower:
    """Follows one run of an agent by its events, and by what its eyes and its planner raise.

    Args:
        *sinks: take the events as well.
        thread: of the run, where it is one that goes on.

    Attributes:
        replanned: how often it planned again after a failure.
        interrupted: whether Ctrl-C ended it.
    """

    def __init__(self, *sinks: Callable[[Event], None], thread: str = "") -> None:
        self.replanned = 0
        self.interrupted = False
        self._sinks = sinks
        self._thread = thread
        self._stamp_s = 0.0
        self._acting = False
        self._steps: list[Step] = []
        self._raised: dict[str, type[HandeyeError]] = {}

    def event(self, event: Event) -> None:
        """Take an event, and hand it on."""
        self._stamp_s = event.stamp_s
        self.replanned += isinstance(event, Replanned)
        if isinstance(event, Started):
            self._thread = event.thread
        elif isinstance(event, Acting | Acted):
            self._acting = isinstance(event, Acting)
        if isinstance(event, Acted):
            self._steps.append(
                Step(
                    call=event.call,
                    code=event.code,
                    message=event.message,
                    duration_s=event.duration_s,
                )
            )
        elif isinstance(event, Verified) and self._steps:
            seen = {"verified": event.truth, "evidence": event.evidence}
            self._steps[-1] = self._steps[-1].model_copy(update=seen)
        for sink in self._sinks:
            sink(event)

    def eyes(self, observer: Observer) -> Observer:
        """An observer whose errors are heard."""
        return cast(Observer, _Heard(observer, self._hear))

    def planner(self, planner: Planner) -> Planner:
        """A planner whose errors are heard."""
        return _HeardPlanner(planner, self._hear)

    def drive(self, agent: Agent, begin: Callable[[], Result]) -> Result:
        """Let an agent run; Ctrl-C halts the robot at once and ends the run as stopped."""
        try:
            return begin()
        except KeyboardInterrupt:
            reason = BY_CTRL_C
            try:
                agent.stop()
            except HandeyeError as error:
                reason += f", but the robot did not stop: {error}"
            self.interrupted = True
            self.event(Ended(stamp_s=self._stamp_s, status="stopped", reason=reason))
            steps = tuple(self._steps)
            return Result(status="stopped", reason=reason, skills=steps, thread=self._thread)

    def broken(self, result: Result) -> str:
        """The type of the error by which a robot, camera or model ended the run; "" for none."""
        if result.status != "failed":
            return ""
        # What ends a run while a skill acts, and neither eyes nor planner raised, the arm did; so
        # it did where the skill's fault is the run's own reason.
        last = result.skills[-1] if result.skills else None
        fault = last is not None and (last.code, last.message) == ("fault", result.reason)
        unheard = RobotError if self._acting or fault else UserError
        kind = self._raised.get(result.reason, unheard)
        return "" if issubclass(kind, UserError) else kind.__name__

    def _hear(self, error: HandeyeError) -> None:
        self._raised[str(error)] = type(error)


class _Heard:
    """Stands before an observer; what its methods raise is heard."""

    def __init__(self, observer: Observer, hear: Callable[[HandeyeError], None]) -> None:
        self._observer, self._hear = observer, hear

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._observer, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return found(*arguments, **named)
            except HandeyeError as error:
                self._hear(error)
                raise

        return call


class _HeardPlanner:
    """Stands before a planner; what it raises is heard, and is a HandeyeError."""

    def __init__(self, planner: Planner, hear: Callable[[HandeyeError], None]) -> None:
        self._planner, self._hear = planner, hear

    def show(self, frames: Mapping[str, Frame]) -> None:
        if isinstance(self._planner, SeeingPlanner):
            self._planner.show(frames)

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        try:
            return self._planner.plan(instruction, scene, progress)
        except HandeyeError as error:
            self._hear(error)
            raise
        except Exception as error:
            name = type(self._planner).__name__
            told = ModelError(f"{name}.plan failed: {type(error).__name__}: {error}")
            self._hear(told)
            raise told from error
