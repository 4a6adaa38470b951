"""EmbeddedPlanner: understands sentences by grammar and lexicon, offline and in milliseconds."""

from handeye.perception.scene import Scene
from handeye.skills.pick import Pick
from handeye.skills.place import Place
from handeye.skills.skill import Skill
from handeye.skills.stack import Stack

from .language.composing import Composer, ImpossibleError, UngroundedError, UnsaidError
from .language.grounding import Grounding
from .language.meaning import Reading, Thing
from .language.reading import VERBS, TangledError, nesting, phrase, readings, steps
from .language.words import Wordings, scene_words, to_terms
from .planner import Answered, Plan, PlanResult, Progress, Question, Refusal

_CAN = "I can grab, put, stack, push, look at things, and go home"
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
        if progress.failure is not None and progress.remaining:
            return Plan(skills=_mended(progress.remaining, scene), reading="try again")
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
    own = scene_words(scene)
    terms = to_terms(text, own).terms
    if not terms:
        short = text.strip()[:80]
        why = f'"{short}" says nothing to do' if short else "the instruction is empty"
        return Refusal(text=f"{why}; {_CAN}")
    if "NOT" in terms:
        return Refusal(text=f"I understand what to do, but not what not to do; {_CAN}")
    grounding = Grounding(scene, progress.mentioned, answers=_answers(progress.answers, own))
    composer = Composer(scene, grounding)
    read: list[Reading] = []
    try:
        for step in steps(terms):
            found = readings(step)
            if not found:
                return _not_understood(text, step)
            done = _composed(found, composer)
            if isinstance(done, Question | Refusal):
                return done
            composer, reading = done
            read.append(reading)
    except TangledError:
        return Refusal(text="that is too much at once; say it in shorter sentences")
    words = ", then ".join(command.words() for reading in read for command in reading)
    return Plan(skills=tuple(composer.skills), reading=words)


def _composed(
    found: tuple[Reading, ...], composer: Composer
) -> tuple[Composer, Reading] | Question | Refusal:
    """The likeliest reading that fits the scene; a question where two are as likely."""
    fitting: tuple[Composer, Reading] | None = None
    trouble: Question | Refusal | None = None
    for reading in found:
        if fitting is not None and nesting(reading) > nesting(fitting[1]):
            break
        trial = composer.fork()
        try:
            trial.compose(reading)
        except (UngroundedError, UnsaidError, ImpossibleError) as error:
            result = _trouble(error)
            if trouble is None or (isinstance(result, Question) and isinstance(trouble, Refusal)):
                trouble = result
            continue
        if fitting is None:
            fitting = trial, reading
        elif trial.skills != fitting[0].skills:
            ways = ", or ".join(", then ".join(c.words() for c in r) for r in (fitting[1], reading))
            return Question(text=f"do you mean: {ways}?")
    return fitting or trouble or Refusal(text=_CAN)


def _trouble(error: UngroundedError | UnsaidError | ImpossibleError) -> Question | Refusal:
    if isinstance(error, UnsaidError):
        return Question(text=str(error))
    if isinstance(error, UngroundedError) and error.candidates:
        return Question(text=error.text, candidates=error.candidates)
    return Refusal(text=str(error))


def _not_understood(text: str, step: tuple[str, ...]) -> Question | Refusal:
    unknown = [term.split("_", 1)[1] for term in step if term.startswith("UNK_")]
    if unknown:
        words = ", ".join(f'"{word}"' for word in unknown[:8])
        return Refusal(text=f"I do not understand {words}; {_CAN}")
    thing = phrase(step)
    if thing is not None:
        return Question(text=f"what should I do with the {thing.words()}?")
    short = text.strip()[:80]
    return Refusal(text=f'I know the words of "{short}", but not what they say together; {_CAN}')


def _answers(
    answers: tuple[Answered, ...], own: Wordings
) -> list[tuple[frozenset[str] | None, Thing]]:
    """What answers such as "the left one" or "red" say, with the candidates they decide between."""
    found = []
    for answer in reversed(answers):
        terms = to_terms(answer.text, own).terms
        while terms and (terms[0] in VERBS or terms[0] == ","):
            terms = terms[1:]
        while terms and terms[-1] == ",":
            terms = terms[:-1]
        try:
            whatever = _plain(answer.text) in _WHATEVER
            thing = Thing(any=True) if whatever else phrase(terms)
        except TangledError:
            continue
        if thing is not None:
            found.append((frozenset(answer.candidates) or None, thing))
    return found


def _subject(text: str, scene: Scene, progress: Progress) -> str | None:
    """What a text names that is a noun phrase and nothing else; else what "it" was before."""
    own = scene_words(scene)
    try:
        thing = phrase(to_terms(text, own).terms)
        answers = _answers(progress.answers, own)
        return Grounding(scene, progress.mentioned, answers=answers).one(thing) if thing else None
    except (TangledError, UngroundedError):
        return progress.mentioned


def _plain(text: str) -> str:
    return text.strip().lower().rstrip(".!")


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


__all__ = ["EmbeddedPlanner"]
