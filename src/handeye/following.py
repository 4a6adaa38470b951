"""Following: what became of a run, also where Ctrl-C ended it before the agent could tell."""

from collections.abc import Callable

from handeye.agents.agent import Agent, Result
from handeye.agents.events import Acted, Ended, Event, Replanned, Started, Verified
from handeye.agents.state import Step
from handeye.perception.errors import HandeyeError

BY_CTRL_C = "stopped by Ctrl-C"


class Follower:
    """Follows one run of an agent by its events.

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
        self._steps: list[Step] = []

    def event(self, event: Event) -> None:
        """Take an event, and hand it on."""
        self._stamp_s = event.stamp_s
        self.replanned += isinstance(event, Replanned)
        if isinstance(event, Started):
            self._thread = event.thread
        elif isinstance(event, Acted):
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
