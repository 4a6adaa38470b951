"""EmbeddedPlanner: understands sentences by grammar and lexicon, offline and in milliseconds."""

from handeye.perception.describe import listing
from handeye.perception.scene import Scene
from handeye.skills.pick import Pick
from handeye.skills.place import Place
from handeye.skills.skill import Skill
from handeye.skills.stack import Stack

from .language.composing import Composer, ImpossibleError
from .language.grounding import Grounding, UngroundedError
from .language.meaning import Reading, Thing
from .language.reading import readings
from .language.words import Terms, to_terms
from .planner import Plan, PlanResult, Progress, Question, Refusal

_CAN = "I can grab, put, stack, push, look at things, and go home"


class EmbeddedPlanner:
    """Deterministic; asks when several things fit, refuses when nothing does, never guesses."""

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:
        """Plan an instruction, or mend what is left of a plan after a failure."""
        if progress.failure is not None and progress.remaining:
            return Plan(skills=_mended(progress.remaining, scene), reading="try again")
        terms = to_terms(instruction)
        if not terms.terms and not terms.unknown:
            return Refusal(text=f"the instruction is empty; {_CAN}")
        found = [] if terms.unknown else readings(terms)
        if not found:
            return self._not_understood(instruction, terms, scene)
        answer = _answer(progress.answer)
        # Of several readings, the first that fits the scene is meant; else the first's trouble.
        trouble: PlanResult | None = None
        for reading in found:
            result = self._compose(reading, scene, progress.mentioned, answer)
            if isinstance(result, Plan):
                return result
            if trouble is None or (isinstance(result, Question) and isinstance(trouble, Refusal)):
                trouble = result
        return trouble or Refusal(text=_CAN)

    def _compose(
        self, reading: Reading, scene: Scene, mentioned: str | None, answer: Thing | None
    ) -> PlanResult:
        grounding = Grounding(scene, mentioned, answer)
        try:
            skills = Composer(scene, grounding).compose(reading)
        except UngroundedError as error:
            if error.candidates:
                return Question(text=error.text, candidates=error.candidates)
            return Refusal(text=error.text)
        except ImpossibleError as error:
            return Refusal(text=str(error))
        return Plan(skills=tuple(skills), reading=reading.words())

    def _not_understood(self, instruction: str, terms: Terms, scene: Scene) -> PlanResult:
        seen = ", ".join(listing(scene)) or "nothing"
        if terms.unknown and terms.terms and terms.terms[0] in ("PICK", "PUT", "PUSH", "STACK"):
            words = " ".join(terms.unknown)
            return Refusal(text=f'nothing here matches "{words}"; in view: {seen}')
        if terms.unknown:
            words = ", ".join(f'"{word}"' for word in terms.unknown[:8])
            return Refusal(text=f"I do not understand {words}; {_CAN}")
        short = instruction.strip()[:80]
        return Refusal(
            text=f'I know the words of "{short}", but not what they say together; {_CAN}'
        )


def _answer(text: str | None) -> Thing | None:
    """What an answer such as "the left one" or "the red" says, as a noun phrase."""
    if not text:
        return None
    found = to_terms(f"grab {text}")
    terms = found.terms
    if terms and terms[-1] in ("DIR_left", "DIR_right"):
        extreme = "LEFTMOST" if terms[-1] == "DIR_left" else "RIGHTMOST"
        terms = (*terms[:-1], extreme, "CAT_any")
    elif "DIR_left" in terms or "DIR_right" in terms:
        swap = {"DIR_left": "LEFTMOST", "DIR_right": "RIGHTMOST"}
        terms = tuple(swap.get(term, term) for term in terms)
    elif terms and terms[-1].startswith("SIZE_"):
        terms = (*terms, "CAT_any")
    for reading in readings(Terms(terms)):
        if reading.commands and reading.commands[0].things:
            return reading.commands[0].things[0]
    return None


def _mended(remaining: tuple[Skill, ...], scene: Scene) -> tuple[Skill, ...]:
    """What is left to do, from the scene as it is now.

    What should be held and isn't is picked up again; what is held already is not.
    """
    first = remaining[0]
    if isinstance(first, Pick) and first.target == scene.holding:
        return remaining[1:]
    if isinstance(first, Place) and first.target is not None and scene.holding != first.target:
        return (Pick(target=first.target), *remaining)
    if isinstance(first, Pick | Stack) and scene.holding not in (None, first.target):
        return (Place(relation="on", reference="table"), *remaining)
    return remaining
