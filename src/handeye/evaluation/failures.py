"""Where an episode failed, told from its record."""

from ..episode import EpisodeResult, ran_out

STAGES = (
    "perception",
    "chart",
    "grounding",
    "language",
    "planning",
    "refused wrongly",
    "grasp",
    "place",
    "motion",
    "verification",
    "timeout",
    "broken",
)
"""The stages, in the order in which an episode goes through them."""

_GRASP = frozenset({"no_grasp", "slipped"})
_MOTION = frozenset({"unreachable", "blocked", "fault", "refused"})


def failed_at(result: EpisodeResult) -> str | None:
    """The stage that an episode failed at; None for a success.

    "perception": something that is there was not seen, or not seen as what it is; a wrong answer.
    "chart": one could not be read, or does not tell what was asked of it as it was read.
    "grounding": it asked which one where the instruction says it, or did not ask where it does
    not. "planning": nothing was planned, or something that cannot be done. "refused wrongly": it
    understood, and said that what can be done cannot. "verification": it believed what is not so,
    or could not see what is. "broken": a model, camera or robot ended it, or it came to no end.
    """
    if result.judged:
        return None
    if result.error:
        return "broken"
    if result.status == "succeeded":
        return _wrongly_done(result)
    if result.status == "needs_input":
        if result.question.startswith("the chart"):
            return "chart"
        return "grounding" if result.question.startswith("which") else "language"
    if ran_out(result):
        return "timeout"
    if not result.skills:
        return _before_motion(result.reason)
    step = result.skills[-1]
    if step.code == "timeout":
        return "timeout"
    if step.code in _MOTION:
        return "motion"
    if step.code in _GRASP:
        return "grasp"
    if step.code == "not_found":
        return "perception"
    if step.code == "ok" and step.verified == "can't tell":
        return "verification"
    if step.call.skill == "pick":
        return "grasp"
    return "place" if step.call.skill in ("place", "stack", "handover") else "motion"


def false_success(result: EpisodeResult) -> bool:
    """Whether the agent said that it is done, and the judge says that it is not."""
    return result.status == "succeeded" and not result.judged


def false_alarm(result: EpisodeResult) -> bool:
    """Whether the agent gave up on what the judge calls done."""
    wanted = result.ending in ("done", "answers")
    return wanted and bool(result.judged) and result.status != "succeeded"


def recovered(result: EpisodeResult) -> bool:
    """Whether something went wrong in mid-episode, and it still succeeded."""
    return bool(result.disturbed_by and result.judged)


def _wrongly_done(result: EpisodeResult) -> str:
    if result.ending == "answers":
        return "perception"
    if result.ending == "asks":
        return "grounding"
    if result.ending == "refuses" or not result.skills:
        return "planning"
    return "verification"


def _before_motion(reason: str) -> str:
    if "failed:" in reason or reason.startswith("the episode"):
        return "broken"
    if reason.startswith(("no chart", "the chart")) or "I cannot read" in reason:
        return "chart"
    if "nothing here matches" in reason:
        return "perception"
    if "understand" in reason or "what they say together" in reason:
        return "language"
    return "refused wrongly"
