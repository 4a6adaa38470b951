"""EmbeddedPlanner: understands sentences by grammar and lexicon, offline and in milliseconds."""

from contextlib import suppress
from itertools import pairwise

from handeye.perception.scene import Scene
from handeye.skills.pick import Pick
from handeye.skills.place import Place
from handeye.skills.skill import Skill
from handeye.skills.stack import Stack

from .language.charted import Charted, answered, charted, speaks_of_chart
from .language.composing import Composer
from .language.consulting import UnreadError
from .language.forbidding import Ban
from .language.grounding import Grounding, UngroundedError
from .language.meaning import Reading, Thing
from .language.moving import ImpossibleError, Moves
from .language.reading import phrase
from .language.running import CAN, Run, chain_of
from .language.structure import VERBS, Program, TangledError, bare, structure
from .language.words import MAX_CHARACTERS, Wordings, language_of, scene_words, to_terms
from .planner import (
    Answered,
    Past,
    Plan,
    PlanResult,
    Progress,
    Question,
    ReadChart,
    Refusal,
    Reply,
)

_VERB_LAST = frozenset({"zh"})
"""Languages in which a verb may stand behind what it is done to."""
_NEVER_MIND = frozenset(
    ("never mind", "nevermind", "no", "none", "neither", "cancel", "forget it", "stop", "nothing")
)
_WHATEVER = frozenset(
    ("any", "either", "whichever", "whatever", "i don't care", "you choose", "doesn't matter")
)


class EmbeddedPlanner:
    """Deterministic; asks when several things fit, refuses when nothing does, never guesses."""

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        """Plan an instruction, or mend what is left of a plan after a failure."""
        retrying = progress.failure is not None and bool(progress.remaining)
        # What was lost from sight may be back under another id: then all is planned anew.
        if retrying and _is_known(progress.remaining, scene):
            cleared = _cleared(instruction, scene, progress)
            if cleared is not None:
                return cleared
            skills = _with_picks(_mended(progress.remaining, scene))
            return Plan(skills=skills, reading="try again")
        said = _plain(progress.answers[-1].text) if progress.answers else ""
        if said in _NEVER_MIND:
            return Refusal(text="never mind then; nothing was done")
        result = _understood(instruction, scene, progress)
        if said and isinstance(result, Question) and not result.candidates:
            # What was missing was said now; or everything was said anew.
            about = progress.model_copy(
                update={"mentioned": _subject(instruction, scene, progress)}
            )
            for text, known in ((f"{instruction} {said}", progress), (said, about)):
                again = _understood(text, scene, known)
                if not isinstance(again, Refusal) and again != result:
                    return again
        return result


def _understood(text: str, scene: Scene, progress: Progress) -> PlanResult:
    """Plan a text, step by step."""
    if len(text) > MAX_CHARACTERS:
        return _too_much()
    if speaks_of_chart(text):
        return _with_chart(text, scene, progress)
    return _read(Charted(text, {}, ()), scene, progress)


def _with_chart(text: str, scene: Scene, progress: Progress) -> PlanResult:
    """Plan a text that takes something from a chart, once that is read."""
    chart = progress.chart
    if chart is None:
        return ReadChart()
    answers = [said.text for said in progress.answers]
    try:
        about = answered(text, chart, answers)
        if about is not None:
            return Reply(text=about[0], reading=about[1])
        return _read(charted(text, chart, answers), scene, progress)
    except UnreadError as error:
        return Question(text=error.text) if error.asks else Refusal(text=error.text)


def _read(told: Charted, scene: Scene, progress: Progress) -> PlanResult:
    """Plan a text in which what a chart tells is told."""
    return _read_with_bans(told, scene, progress)[0]


def _read_with_bans(
    told: Charted, scene: Scene, progress: Progress
) -> tuple[PlanResult, tuple[Ban, ...]]:
    """The same, and what the text forbids."""
    text, language = told.text, language_of(told.text)
    own = {**_own_words(scene, progress.past, language), **told.words}
    terms = to_terms(text, own, language).terms
    if not bare(terms):
        short = text.strip()[:80]
        why = f'"{short}" says nothing to do' if short else "the instruction is empty"
        return Refusal(text=f"{why}; {CAN}"), ()
    grounding = Grounding(scene, progress.mentioned, answers=_answers(progress.answers, own))
    try:
        chain = _chain(progress.past, scene, language)
        composer = Composer(scene, grounding, progress.past.scene, chain)
        result = Run(text, language, composer).result(_structured(terms, language))
    except TangledError:
        return _too_much(), ()
    if grounding.wholes and isinstance(result, Plan | Reply | Refusal):
        result = result.model_copy(update={"of_all": True})
    if told.said and isinstance(result, Plan | Reply):
        reading = "; ".join((*told.said, result.reading))
        result = result.model_copy(update={"reading": reading})
    return result, grounding.bans


def _cleared(instruction: str, scene: Scene, progress: Progress) -> Plan | None:
    """First what was in the way is put aside, unless the instruction forbids that."""
    names = [name for name in progress.in_the_way if name in scene.objects]
    first = progress.remaining[0]
    base = getattr(first, "reference", None) or getattr(first, "target", None)
    if not names or base not in scene.objects or scene.holding in names:
        return None
    told = Charted(instruction, {}, ())
    if speaks_of_chart(instruction) and progress.chart is not None:
        answers = [said.text for said in progress.answers]
        with suppress(UnreadError):
            told = charted(instruction, progress.chart, answers)
    result, bans = _read_with_bans(told, scene, progress)
    if not isinstance(result, Plan):
        return None  # What may not be touched is not known for sure.
    moves = Moves(scene, Grounding(scene, bans=bans))
    try:
        moves.empty_hand()
        for name in names:
            moves.carry(name, moves.aside(name, base))
    except ImpossibleError:
        return None
    skills = _with_picks((*moves.skills, *_mended(progress.remaining, moves.scene)))
    return Plan(skills=skills, reading=f"put {' and '.join(map(moves.name, names))} aside first")


def _too_much() -> Refusal:
    text = "that is too much at once; say it in shorter sentences"
    return Refusal(text=text, understood=False)


def _own_words(scene: Scene, past: Past, language: str) -> Wordings:
    """What the scene and the user call things."""
    words = dict(scene_words(scene, language))
    for name, identity in past.names.items():
        if identity in scene.objects:
            words[tuple(name.split())] = f"CAT_#{identity}"
    return words


def _chain(past: Past, scene: Scene, language: str) -> Reading:
    if not past.instruction:
        return ()
    before = past.scene or scene
    terms = to_terms(past.instruction, _own_words(before, past, language), language).terms
    return chain_of(_structured(terms, language), before, language) if bare(terms) else ()


def _structured(terms: tuple[str, ...], language: str) -> Program:
    return structure(terms, verb_last=language in _VERB_LAST)


def _answers(
    answers: tuple[Answered, ...], own: Wordings
) -> list[tuple[frozenset[str] | None, Thing]]:
    """What answers such as "the left one" or "red" say, with the candidates they decide between."""
    found = []
    for answer in reversed(answers):
        language = language_of(answer.text)
        terms = bare(to_terms(answer.text, own, language).terms)
        while terms and terms[0] in VERBS:
            terms = bare(terms[1:])
        try:
            whatever = _plain(answer.text) in _WHATEVER
            thing = Thing(any=True) if whatever else phrase(terms, language)
        except TangledError:
            continue
        if thing is not None:
            found.append((frozenset(answer.candidates) or None, thing))
    return found


def _subject(text: str, scene: Scene, progress: Progress) -> str | None:
    """What a text names that is a noun phrase and nothing else; else what "it" was before."""
    language = language_of(text)
    own = _own_words(scene, progress.past, language)
    try:
        thing = phrase(bare(to_terms(text, own, language).terms), language)
        answers = _answers(progress.answers, own)
        return Grounding(scene, progress.mentioned, answers=answers).one(thing) if thing else None
    except (TangledError, UngroundedError):
        return progress.mentioned


def _plain(text: str) -> str:
    return text.strip().lower().rstrip(".!")


def _is_known(remaining: tuple[Skill, ...], scene: Scene) -> bool:
    """Whether all that is left to do speaks of things that are in the scene."""
    named = {
        value
        for skill in remaining
        for key in ("target", "reference", "second")
        if isinstance(value := getattr(skill, key, None), str)
    }
    return named <= {*scene.objects, "table"}


def _mended(remaining: tuple[Skill, ...], scene: Scene) -> tuple[Skill, ...]:
    """What is left to do, from the scene as it is now.

    What should be held and isn't is picked up again; what is held already is not.
    """
    first = remaining[0]
    if isinstance(first, Pick) and first.target == scene.holding:
        return remaining[1:]
    if isinstance(first, Place) and first.target is None and scene.holding is None:
        # It was to free the hand, and the hand is free.
        return _mended(remaining[1:], scene) if len(remaining) > 1 else ()
    if isinstance(first, Place) and first.target is not None and scene.holding != first.target:
        return _mended((Pick(target=first.target), *remaining), scene)
    if isinstance(first, Pick | Stack) and scene.holding not in (None, first.target):
        return (Place(relation="on", reference="table"), *remaining)
    return remaining


def _with_picks(skills: tuple[Skill, ...]) -> tuple[Skill, ...]:
    """The same calls, each thing picked up before it is put somewhere; the first call stays."""
    found = list(skills[:1])
    for before, skill in pairwise(skills):
        if isinstance(skill, Place) and skill.target is not None and not isinstance(before, Pick):
            found.append(Pick(target=skill.target))
        found.append(skill)
    return tuple(found)


__all__ = ["EmbeddedPlanner"]
