"""Looking from above, before a plan that rests on what no camera sees from where it is."""

from collections.abc import Container

from handeye.perception.observer import Observer
from handeye.perception.scene import DOUBTFUL, Scene
from handeye.skills.look import WRIST, LookAround
from handeye.skills.registry import skills

from .planner import Plan, PlanResult, Progress, Question, Refusal, Reply

_CROWD = 4
"""Among so many things some are hidden behind others."""


def search_for(result: PlanResult, observer: Observer) -> Plan | None:
    """A look for what is not seen, may be misnamed, or may stand behind other things."""
    scene = observer.scene
    if not _can_look(observer):
        return None
    if isinstance(result, Refusal) and result.missing:
        what = result.missing
        return Plan(skills=(LookAround(target=what),), reading=f"look for the {what}")
    asked = result.candidates if isinstance(result, Question) else ()
    if any(n in scene.objects and scene.objects[n].score < DOUBTFUL for n in asked):
        return Plan(skills=(LookAround(),), reading="look closer before asking")
    of_all = isinstance(result, Plan | Reply | Refusal) and result.of_all
    if of_all and sum(thing.visible for thing in scene.objects.values()) >= _CROWD:
        return Plan(skills=(LookAround(),), reading="look behind what stands in front")
    return None


def look_for_lost(progress: Progress, first: Container[str], observer: Observer) -> Plan | None:
    """A look for what the step that failed was about, where no camera sees it any more.

    Args:
        progress: with the failure.
        first: the ids of what was there at the beginning.
        observer: the robot's eyes.
    """
    targets = [getattr(skill, "target", None) for skill in progress.remaining[:1]]
    [target] = targets or [None]
    if progress.failure is None or target not in first or target in observer.scene.objects:
        return None
    if target in observer.look(observer.cameras).objects or not _can_look(observer):
        return None
    return Plan(skills=(LookAround(),), reading="look for what was lost from sight")


def _can_look(observer: Observer) -> bool:
    able = LookAround.name in skills() and WRIST in observer.cameras
    return able and observer.scene.holding is None


def told_in(scene: Scene) -> tuple[object, ...]:
    """What a scene says that may change a planner's mind: what there is, not where exactly."""
    return tuple((key, thing.name, thing.state) for key, thing in scene.objects.items())
