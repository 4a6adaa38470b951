"""Reading: what a language model wrote, held to the skills and the scene before anything moves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from handeye.perception.errors import UserError
from handeye.perception.scene import Scene
from handeye.perception.vlm.written import without_thoughts
from handeye.skills.look import LookAround
from handeye.skills.place import TABLE
from handeye.skills.registry import skill_from_call, skills
from handeye.skills.skill import Skill

from ..events import Call
from ..planner import Plan, PlanResult, Progress, Question, ReadChart, Refusal, Reply
from .prompts import DONE, EXTRA_TOOLS
from .references import things_of

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, BaseMessage

_ENDS = tuple(str(tool["name"]) for tool in EXTRA_TOOLS)
_MOST_CALLS = 40
_MOST_REPEATED = 3
_REASONS = ("finish_reason", "stop_reason", "done_reason")
"""Where the servers of LangChain's chat models say why an answer ended."""
_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_context_window_exceeded"})
_WITHHELD = frozenset(
    {"content_filter", "safety", "recitation", "blocklist", "prohibited_content", "refusal"}
)


class InvalidOutputError(Exception):
    """What a model wrote is no plan; the message tells it why."""


def read(message: "AIMessage", scene: Scene, progress: Progress | None = None) -> PlanResult:
    """What a model's message says, validated.

    Where calls were done and none failed, an answer of text only says that nothing is left.

    Raises InvalidOutputError, whose words tell the model what to do better.
    """
    said = without_thoughts(str(message.text))
    refusal = _refusal(message)
    if refusal:
        return Refusal(text=refusal)
    _must_be_whole(message)
    for broken in message.invalid_tool_calls[:1]:
        raise InvalidOutputError(
            f"the arguments of {broken.get('name')} are not valid JSON: {broken.get('args')!r}"
        )
    calls = message.tool_calls
    if not calls:
        if said and progress is not None and _may_be_over(progress):
            return Plan(skills=(), reading=said[:300])
        raise InvalidOutputError(f"no tool was called; the answer was only text: {said[:200]!r}")
    if len(calls) > _MOST_CALLS:
        raise InvalidOutputError(f"{len(calls)} calls are too many; plan at most {_MOST_CALLS}")
    if len(calls) > 1 and calls[-1]["name"] == DONE:
        calls = calls[:-1]  # It is done once they are.
    ends = [call for call in calls if call["name"] in _ENDS]
    if ends and len(calls) > 1:
        raise InvalidOutputError(f"{ends[0]['name']} stands alone; no other tool beside it")
    if ends:
        return _ended(ends[0]["name"], ends[0]["args"], scene, said)
    planned = tuple(_skill(call["name"], call["args"], scene) for call in calls)
    if len(planned) == 1 and progress is not None:
        _must_lead_on(planned[0], progress)
    return Plan(skills=planned, reading=said[:300])


def corrections(message: "AIMessage | None", error: str) -> "list[BaseMessage]":
    """What was no plan and the validator's words to it: one for each call where there were calls.

    Args:
        message: as the model wrote it; None for one of which no message could be made.
        error: what is wrong with it.
    """
    from langchain_core.messages import HumanMessage, ToolMessage

    words = f"That is no valid plan, and nothing was done: {error}. Plan again, in full."
    if message is None:
        return [HumanMessage(words)]
    told: list[BaseMessage] = [
        ToolMessage(words, tool_call_id=str(call.get("id") or ""))
        for call in (*message.tool_calls, *message.invalid_tool_calls)
    ]
    return [message, *(told or [HumanMessage(words)])]


def _may_be_over(progress: Progress) -> bool:
    """Whether something was done, and nothing of it failed; looking around alone does nothing."""
    done = [done for done in progress.done if not done.call.startswith(f"{LookAround.name}(")]
    return bool(done) and progress.failure is None


def _must_lead_on(skill: Skill, progress: Progress) -> None:
    """Raise InvalidOutputError for a call that was done over and over, one at a time."""
    arguments = skill.model_dump(mode="json", exclude_defaults=True)
    words = Call(skill=skill.name, arguments=arguments).words()
    last = [done.call for done in progress.done[-_MOST_REPEATED:]]
    if progress.failure is None and last == [words] * _MOST_REPEATED:
        raise InvalidOutputError(
            f"{words} was done {_MOST_REPEATED} times in a row; call {DONE} if the instruction is "
            "carried out, and if more of them are meant, all of them in one answer"
        )


def _refusal(message: "AIMessage") -> str:
    """The words by which a model's provider declines to answer, or ""."""
    blocks = message.content if isinstance(message.content, list) else []
    told: list[Any] = [
        message.additional_kwargs.get("refusal"),
        *(block.get("refusal") for block in blocks if isinstance(block, dict)),
    ]
    return next((text.strip() for text in told if isinstance(text, str) and text.strip()), "")


def _must_be_whole(message: "AIMessage") -> None:
    """Raise InvalidOutputError for an answer of which the end is missing."""
    data = message.response_metadata
    details = data.get("incomplete_details")
    reasons = [data.get(key) for key in _REASONS]
    reasons += [details.get("reason")] if isinstance(details, dict) else []
    for reason in reasons:
        if str(reason).lower() in _CUT:
            raise InvalidOutputError(
                f"the answer was cut off ({reason}); write less, or have more tokens allowed"
            )
        if str(reason).lower() in _WITHHELD:
            raise InvalidOutputError(f"the server withheld the answer, or a part of it ({reason})")


def _ended(name: str, arguments: dict[str, Any], scene: Scene, said: str) -> PlanResult:
    """What a call that moves nothing says."""
    if name == "read_chart":
        return ReadChart()
    if name == DONE:
        return Plan(skills=(), reading=(_text(name, "text", arguments) or said)[:300])
    if name == "reply":
        return Reply(text=_text(name, "text", arguments, needed=True))
    if name == "refuse":
        missing = _text(name, "missing", arguments)
        return Refusal(text=_text(name, "reason", arguments, needed=True), missing=missing)
    text = _text(name, "question", arguments, needed=True)
    candidates = arguments.get("candidates") or []
    if not isinstance(candidates, list) or not all(_is_id(one, scene) for one in candidates):
        raise InvalidOutputError(f"candidates must be ids of the scene: {_ids(scene)}")
    return Question(text=text, candidates=tuple(candidates))


def _text(name: str, key: str, arguments: dict[str, Any], *, needed: bool = False) -> str:
    text = arguments.get(key) or ""
    if not isinstance(text, str) or (needed and not text.strip()):
        raise InvalidOutputError(f'{name} needs "{key}", a text')
    return text.strip()


def _skill(name: str, arguments: dict[str, Any], scene: Scene) -> Skill:
    if name not in skills():
        known: Sequence[str] = (*skills(), *_ENDS)
        raise InvalidOutputError(f'there is no tool "{name}"; there are {", ".join(known)}')
    try:
        skill = skill_from_call(name, arguments)
    except UserError as error:
        raise InvalidOutputError(str(error)) from error
    named: dict[str, str] = {}
    for key, mark, value in things_of(skill):
        if not _is_id(value, scene) and not (mark == "surface" and value == TABLE):
            raise InvalidOutputError(
                f'{name}({key}="{value}"): there is no such id in the scene; there are '
                f"{_ids(scene)}"
            )
        if named.setdefault(value, key) != key:
            raise InvalidOutputError(
                f'{name}: {named[value]} and {key} are both "{value}"; they must be two things'
            )
    return skill


def _is_id(value: object, scene: Scene) -> bool:
    return isinstance(value, str) and value in scene.objects


def _ids(scene: Scene) -> str:
    return ", ".join(scene.objects) or "none"
