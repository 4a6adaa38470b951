"""The nodes of the agent's graph: observe, plan, approve, act, verify, ask.

The nodes think; motion runs in the robot's own control loop. Approval has its own node in front of
the motion, because an interrupt replays its node on resume, and motion must never be replayed.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from handeye.perception.charts.chart import Chart
from handeye.perception.conditions import Truth
from handeye.perception.describe import describe
from handeye.perception.errors import HandeyeError, ImageError, ModelError, RobotError
from handeye.perception.observer import Observer
from handeye.perception.scene import Scene
from handeye.skills.calling import executed, goal_of, once_more
from handeye.skills.look import LookAround
from handeye.skills.robot import CancelToken, Robot, reading
from handeye.skills.skill import Code, Skill, SkillContext

from .approving import answer_to, is_yes, moved_of, told_by
from .events import (
    Acted,
    Acting,
    Approved,
    Asked,
    Call,
    ChartRead,
    Event,
    Observed,
    Planned,
    Progressed,
    Replanned,
    Replied,
    Verified,
)
from .looking import look_for_lost, search_for, told_in
from .planner import (
    Answered,
    CancellablePlanner,
    Plan,
    Planner,
    PlanResult,
    Progress,
    Question,
    ReadChart,
    Refusal,
    Reply,
    SeeingPlanner,
    checked,
)
from .state import (
    CHART,
    AgentState,
    Budget,
    Step,
    is_search,
    next_skill,
    progress_of,
    scene_of,
    with_names,
)
from .verifying import CONDITION, still_sought, undone, verify

_MOST_RECOGNISED = 2
"""Things of one instruction that are recognised by what they are asked for, at the most."""
_HOPELESS = frozenset({Code.STOPPED, Code.CANCELLED, Code.REFUSED})

Approve = Callable[[Skill, Scene], bool]


def call_of(skill: Skill) -> Call:
    """A skill call as data."""
    return Call(skill=skill.name, arguments=skill.model_dump(mode="json", exclude_defaults=True))


class Nodes:
    """The nodes; what they work with stays out of the state.

    Args:
        robot: guarded.
        observer: the robot's eyes.
        planner: chooses skill calls.
        budget: bounds of a run.
        approve: asked before each motion; "interrupt" pauses the graph for it; None approves all.
        emit: takes events.
        verify: whether to look for what a skill should have brought about.
    """

    def __init__(
        self,
        robot: Robot,
        observer: Observer,
        planner: Planner,
        budget: Budget,
        approve: Approve | str | None,
        emit: Callable[[Event], None],
        *,
        verify: bool = True,
    ) -> None:
        self._robot, self._observer, self._planner = robot, observer, planner
        self._budget, self._approve, self._emit = budget, approve, emit
        self._verify = verify
        self._stamp_s = 0.0
        self.cancel = CancelToken()

    def observe(self, state: AgentState) -> AgentState:
        """Look at the scene."""
        self.cancel.check()
        scene = self._observer.look()
        stamp = self.now()
        self._emit(Observed(stamp_s=stamp, scene=scene, description=describe(scene)))
        seen = scene.model_dump(mode="json")
        update: AgentState = {"scene": seen, "began_s": state.get("began_s", stamp)}
        if state.get("first") is None:
            update["first"] = seen
        return update

    def plan(self, state: AgentState) -> AgentState:
        """Choose skill calls, or a question, or an end."""
        progress = progress_of(state)
        first = (state.get("first") or {}).get("objects", {})
        lost = look_for_lost(progress, first, self._observer) if not state.get("sought") else None
        if lost is not None:
            return self._decided(lost, progress) | {"searched": True, "sought": True}
        result = self._planned(state["instruction"], scene_of(state), progress)
        read: AgentState = {}
        if isinstance(result, ReadChart):
            try:
                chart = self._read_chart()
            except ImageError as error:
                return {"status": "failed", "reason": str(error)}
            # Once for a run: what is planned anew goes by the same reading.
            read = {"chart": CHART.dump_python(chart, mode="json")}
            progress = progress.model_copy(update={"chart": chart})
            result = self._planned(state["instruction"], scene_of(state), progress)
        if isinstance(result, Refusal):
            # What one camera missed another may see; nothing is refused before all have looked.
            scene = self._observer.look(self._observer.cameras)
            if told_in(scene) != told_in(scene_of(state)):
                result = self._planned(state["instruction"], scene, progress)
        for _ in range(_MOST_RECOGNISED):
            if not isinstance(result, Refusal) or not self._observer.recognise(result.missing):
                break
            scene = self._observer.scene
            self._emit(Observed(stamp_s=self.now(), scene=scene, description=describe(scene)))
            result = self._planned(state["instruction"], scene, progress)
        search = search_for(result, self._observer) if not state.get("searched") else None
        if search is not None:
            return read | self._decided(search, progress) | {"searched": True}
        return read | self._decided(result, progress)

    def _decided(self, result: PlanResult, progress: Progress) -> AgentState:
        """What the planner's answer makes of the state."""
        if isinstance(result, Plan):
            calls = tuple(call_of(skill) for skill in result.skills)
            self._emit(Planned(stamp_s=self.now(), calls=calls, reading=result.reading))
            raw = [call.model_dump(mode="json") for call in calls]
            update: AgentState = {"plan": raw, "index": 0, "failure": None, "question": None}
            if result.names:
                update["past"] = with_names(progress.past, result.names)
            if not calls:
                update |= {"status": "succeeded", "reason": result.reading}
            return update
        if isinstance(result, Reply):
            self._emit(Replied(stamp_s=self.now(), text=result.text, objects=result.objects))
            told: AgentState = {"status": "succeeded", "answer": result.text}
            if progress.failure is not None:
                # Words about what went wrong do not mend it.
                told |= {"status": "failed", "reason": f"{result.text} ({progress.failure})"}
            if len(result.objects) == 1:
                told["mentioned"] = result.objects[0]
            return told
        if isinstance(result, Question):
            return {"question": result.text, "candidates": list(result.candidates)}
        if isinstance(result, Refusal):
            return {"status": "failed", "reason": result.text}
        return {"status": "failed", "reason": "the chart was read, and the planner wants it again"}

    def _read_chart(self) -> Chart:
        """Read the chart in view; raises ImageError where there is none to read."""
        frame, chart = self._observer.read_chart()
        self._emit(
            ChartRead(
                stamp_s=self.now(),
                camera=frame.camera,
                sequence=frame.sequence,
                chart=chart.as_dict(),
            )
        )
        return chart

    def _planned(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        """What the planner says; whatever it raises becomes one clear ModelError.

        Raises CancelledError where the run was stopped meanwhile, whatever the planner says.
        """
        try:
            if isinstance(self._planner, SeeingPlanner):
                self._planner.show(self._observer.frames)
            if isinstance(self._planner, CancellablePlanner):
                self._planner.cancelled_by(self.cancel)
            result = self._planner.plan(instruction, scene, progress)
            self.cancel.check()
            return checked(self._planner, result)
        except HandeyeError:
            self.cancel.check()
            raise
        except Exception as error:
            name = type(self._planner).__name__
            raise ModelError(f"{name}.plan failed: {type(error).__name__}: {error}") from error

    def ask(self, state: AgentState) -> AgentState:
        """Put the question to the user and wait for the answer."""
        from langgraph.types import interrupt

        question, candidates = state.get("question") or "", state.get("candidates", [])
        self._emit(Asked(stamp_s=self.now(), question=question, candidates=tuple(candidates)))
        answer = interrupt({"question": question, "candidates": candidates})
        said = Answered(question=question, text=str(answer), candidates=tuple(candidates))
        answers = [*state.get("answers", []), said.model_dump(mode="json")]
        return {"answers": answers, "question": None}

    def approve(self, state: AgentState) -> AgentState:
        """Let the next motion be approved."""
        if self._approve is None:
            return {}
        skill, scene = next_skill(state), scene_of(state)
        call = call_of(skill)
        ask = self._approve
        said = told_by(ask, skill, scene) if callable(ask) else answer_to(call, scene)
        approved = is_yes(said)
        self._emit(Approved(stamp_s=self.now(), call=call, approved=approved))
        if not approved:
            return {"status": "stopped", "reason": f"{call.words()} was not approved"}
        return {} if callable(ask) else self._since(scene, call)

    def _since(self, scene: Scene, call: Call) -> AgentState:
        """What is seen once a call was approved, for people take their time."""
        now = self._observer.look()
        moved = moved_of(scene, now, call)
        update: AgentState = {"scene": now.model_dump(mode="json")}
        if moved:
            failure = f"{moved} was moved while {call.words()} was to be approved"
            self._emit(Replanned(stamp_s=self.now(), failure=failure, attempt=0))
            update["failure"] = failure
        return update

    def act(self, state: AgentState) -> AgentState:
        """Execute the next skill."""
        skill, index = next_skill(state), len(state.get("steps", []))
        call = call_of(skill)
        goal = goal_of(skill, self._observer.scene)
        self._emit(Acting(stamp_s=self.now(), index=index, call=call))
        context = SkillContext(
            robot=self._robot,
            sight=self._observer,
            cancel=self.cancel,
            deadline_s=self._budget.skill_s,
            report=lambda line: self._emit(Progressed(stamp_s=self.now(), line=line)),
        )
        outcome = executed(skill, context)
        self._emit(
            Acted(
                stamp_s=self.now(),
                index=index,
                call=call,
                code=outcome.code.value,
                message=outcome.message,
                duration_s=outcome.duration_s,
                evidence=outcome.evidence,
            )
        )
        step = Step(
            call=call,
            code=outcome.code.value,
            message=outcome.message,
            duration_s=outcome.duration_s,
            in_the_way=outcome.in_the_way,
        )
        update: AgentState = {
            "steps": [*state.get("steps", []), step.model_dump(mode="json")],
            "goal": goal.model_dump(mode="json") if goal is not None else None,
        }
        if outcome.code in _HOPELESS or (outcome.code is Code.FAULT and not self._healthy()):
            stopped = outcome.code in (Code.STOPPED, Code.CANCELLED)
            update |= {"status": "stopped" if stopped else "failed", "reason": outcome.message}
        return update

    def verify(self, state: AgentState) -> AgentState:
        """Look whether the skill brought about what it should have."""
        step = Step.model_validate(state["steps"][-1])
        raw = state.get("goal")
        ok = step.code == Code.OK.value
        if not self._verify:
            self._observer.look()
        if raw is None or not self._verify:
            return self._after(state, step, holds=ok, seen=step.message)
        found = verify(CONDITION.validate_python(raw), self._observer, self._observer.cameras)
        self._emit(
            Verified(
                stamp_s=self.now(),
                index=len(state["steps"]) - 1,
                truth=found.verdict.truth.value,
                evidence=found.verdict.evidence,
                asked=found.question,
                answer=found.answer.text if found.answer else None,
                confidence=found.answer.confidence if found.answer else None,
            )
        )
        step = step.model_copy(
            update={"verified": found.verdict.truth.value, "evidence": found.verdict.evidence}
        )
        # What is seen counts, whatever the skill thinks of itself. Whether a door is open the
        # model alone says; where nothing moved, that is no witness enough.
        moved = ok or raw["kind"] != "opened"
        holds = found.verdict.truth is Truth.YES and moved
        seen = found.verdict.evidence if ok else f"{step.message}; {found.verdict.evidence}"
        return self._after(state, step, holds=holds, seen=seen)

    def _after(self, state: AgentState, step: Step, *, holds: bool, seen: str) -> AgentState:
        """On to the next step, to the end, or back to planning."""
        steps = [*state["steps"][:-1], step.model_dump(mode="json")]
        update: AgentState = {
            "steps": steps,
            "scene": self._observer.scene.model_dump(mode="json"),
            "mentioned": step.call.arguments.get("target") or state.get("mentioned"),
        }
        if step.call.skill == LookAround.name and is_search(state):
            return self._bounded(update | {"plan": [], "index": 0}, state)
        failure = f"after {step.call.words()}: {seen}"
        if holds:
            index, raw = state["index"] + 1, state.get("goal")
            goal = CONDITION.validate_python(raw) if raw is not None else None
            before = state.get("achieved", [])
            achieved = still_sought(before, step.call, goal, self._observer.scene)
            done = index >= len(state["plan"])
            update |= {"index": index, "achieved": achieved}
            again, instead = self._undone(achieved) if done else ([], "")
            if done and not again and getattr(self._planner, "asks_again", False):
                return self._bounded(update | {"plan": [], "index": 0}, state)
            if not again:
                return self._bounded(update | {"status": "succeeded" if done else None}, state)
            # A later step has spoilt what an earlier one had reached.
            update |= {"plan": again, "index": 0}
            failure = f"in the end: {instead}"
        else:
            left = [call_of(self._left(state)).model_dump(mode="json")]
            left += state["plan"][state["index"] + 1 :]
            update |= {"plan": left, "index": 0}
            # Where a tower fell, what is below comes first.
            free = self._observer.scene.holding is None
            again, instead = self._undone(state.get("achieved", [])) if free else ([], "")
            if again:
                update["plan"] = [*again, *left]
                failure = f"{failure}; {instead}"
        retries = state.get("retries", 0) + 1
        if retries > self._budget.retries:
            return update | {"status": "failed", "reason": f"{failure} (tried {retries} times)"}
        self._emit(Replanned(stamp_s=self.now(), failure=failure, attempt=retries))
        update |= {"failure": failure, "retries": retries}
        return self._bounded(update, state)

    def _left(self, state: AgentState) -> Skill:
        """The call for what the one that failed left undone."""
        skill, raw = next_skill(state), state.get("goal")
        if raw is None or not self._verify:
            return skill
        return once_more(skill, CONDITION.validate_python(raw), self._observer.scene)

    def _undone(self, achieved: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
        if not self._verify:
            return [], ""
        return undone(achieved, self._observer, self._observer.cameras)

    def _bounded(self, update: AgentState, state: AgentState) -> AgentState:
        """End a run that is out of its budget."""
        if update.get("status"):
            return update
        took = self.now() - state.get("began_s", 0.0)
        if len(update["steps"]) >= self._budget.steps:
            return update | {"status": "failed", "reason": f"out of steps ({self._budget.steps})"}
        if took > self._budget.seconds:
            return update | {"status": "failed", "reason": f"out of time ({took:.0f} s)"}
        return update

    def _healthy(self) -> bool:
        """Whether the arm, after a fault, says of itself that it can go on."""
        try:
            state = reading(self._robot)
        except RobotError:
            return False
        return state.fault is None and not state.stopped

    def now(self) -> float:
        """Seconds on the robot's clock; the last ones known where it cannot be read any more."""
        with suppress(RobotError):
            self._stamp_s = reading(self._robot).stamp_s
        return self._stamp_s
