"""Running: a program of steps, held against a scene, becomes a plan, an answer or a question."""

import math
from dataclasses import dataclass

from handeye.perception.relations import CONTAINERS
from handeye.perception.scene import Scene

from ..planner import Plan, PlanResult, Question, Refusal, Reply
from .composing import Composer
from .forbidding import Ban, ban_on, spoken_of
from .grounding import Grounding, UngroundedError
from .knowing import answer, holds
from .meaning import Command, Fact, Reading
from .moving import ForbiddenError, ImpossibleError, UnsaidError
from .noting import notes
from .reading import conditions, facts, nesting, phrase, readings
from .structure import If, Leave, Program, Repeat, Say, Terms
from .words import canonical, lexicon

CAN = (
    "I can grab, put, stack, push, swap, sort and arrange things, look at them, "
    "answer questions about them, and go home"
)

WAITING = "I cannot wait for something to happen; ask me how things are, or say what to do now"


class EndedError(Exception):
    """A step ends the planning.

    Attributes:
        result: with what.
    """

    def __init__(self, result: Question | Refusal) -> None:
        super().__init__(result.text)
        self.result = result


@dataclass
class Run:
    """One program on its way through a scene.

    Attributes:
        text: what was said, for messages.
        language: of the text.
        composer: collects the skill calls.
    """

    text: str
    language: str
    composer: Composer

    def __post_init__(self) -> None:
        self._read: list[str] = []
        self._answers: list[tuple[str, tuple[str, ...]]] = []
        self._last: Fact | None = None
        self._told = False
        self._heard: str | None = None
        self._said = ""
        self._left: dict[int, str] = {}
        self._heaped: set[str] = set()

    def result(self, program: Program) -> PlanResult:
        """Run a program to its end.

        Raises TangledError where a step can be read in too many ways.
        """
        try:
            self._spare(program)
            self._program(program)
        except EndedError as error:
            return error.result
        if not (self._read or self._told or self._answers):
            return Refusal(text=f'"{self.text.strip()[:80]}" says nothing to do; {CAN}')
        reading = "; ".join((", then ".join(self._read), *notes(program, self.composer)))
        if self._answers and not self.composer.skills:
            named = tuple(dict.fromkeys(n for _, names in self._answers for n in names))
            return Reply(
                text="; ".join(text for text, _ in self._answers), objects=named, reading=reading
            )
        if self._told and not self._read:
            about = (self._heard,) if self._heard is not None else ()
            what = "".join(f" with {self.composer.name(name)}" for name in about)
            return Question(text=f"what should I do{what}?", candidates=about)
        return Plan(skills=tuple(self.composer.skills), reading=reading, names=self.composer.names)

    def _program(self, program: Program) -> None:
        for node in program:
            if isinstance(node, Say):
                self._say(node.terms)
            elif isinstance(node, If):
                if not (node.then or node.otherwise):
                    raise EndedError(Question(text="what should I do then?"))
                so = self._holds(node.condition, node.then) != node.negated
                self._read.append(f"{'unless' if node.negated else 'if'} {self._said}")
                branch, other = (node.then, node.otherwise)[:: 1 if so else -1]
                self._check(other)
                self._spare(branch)
                self._program(branch)
            elif isinstance(node, Repeat):
                self._repeat(node)
            elif isinstance(node, Leave):
                if id(node) not in self._left:
                    self._leave(node)
                self._read.append(self._left[id(node)])

    def _check(self, program: Program) -> None:
        """What is not done this time must be understood all the same."""
        for node in program:
            if isinstance(node, Say) and not (
                readings(node.terms, self.language)
                or facts(node.terms, self.language)
                or conditions(node.terms, self.language)
            ):
                raise EndedError(self._not_understood(node.terms))

    def _spare(self, program: Program) -> None:
        """What is to be left alone is so from the start, wherever in the text it is said.

        Only "it" may be what is dealt with before: "put the ball on the plate and don't touch it".
        """
        before: Terms = ()
        for node in program:
            if isinstance(node, Say):
                before = node.terms
            elif isinstance(node, Leave) and not self._is_later(node, before):
                self._leave(node)

    def _is_later(self, node: Leave, before: Terms) -> bool:
        if not before or not {"IT", "THEM"} & set(node.terms):
            return False
        many = any(term in _MANY or term.startswith("CATS_") for term in before)
        return self.composer.grounding.mentioned is None or not many

    def _leave(self, node: Leave) -> None:
        ways = spoken_of(node.terms, self.language)
        if not ways:
            why = f"I understand what to do, but not what not to do; {CAN}"
            raise EndedError(Refusal(text=why, understood=False))
        grounding = self.composer.grounding
        trouble: UngroundedError | None = None
        read: list[str] = []
        for things, command in ways:
            whatever = any(thing.any for thing in things)
            try:
                names = [name for thing in things for name in grounding.all(thing)]
                ban = ban_on(names, command, grounding.all)
            except UngroundedError as error:
                trouble = error
                continue
            self._check_untouched(names)
            read.append(self._banned(ban, command))
            grounding.bans = (*grounding.bans, ban)
            if not (ban.where and whatever):
                # "Put nothing on the plate" leaves everything free to go elsewhere.
                grounding.spared = (*grounding.spared, *names)
            if not whatever:
                break  # "Don't move anything on the plate": neither off it nor onto it.
        if not read:
            raise EndedError(_trouble(trouble or UngroundedError(CAN)))
        self._left[id(node)] = " and ".join(read)

    def _banned(self, ban: Ban, command: Command | None) -> str:
        """What is not to be done, in plain words."""
        if command is not None and not ban.whole:
            return f"do not {command.words()}"
        names = self.composer.scene.objects
        return f"leave {' and '.join(self.composer.name(n) for n in names if n in ban.names)} alone"

    def _check_untouched(self, names: list[str]) -> None:
        """ "Put everything in the bowl, but don't touch it": too late to find out what it is."""
        moved = [self.composer.name(name) for name in names if name in self._heaped]
        if moved:
            why = f"I would have moved {' and '.join(moved)} before you say to leave it alone"
            raise EndedError(Refusal(text=f"{why}; say first what to leave alone"))

    def _repeat(self, node: Repeat) -> None:
        if not node.body:
            raise EndedError(Refusal(text=WAITING))
        self._spare(node.body)
        for _ in range(node.times):
            if node.until and self._holds(node.until, ()) != node.negated:
                if not self._read:
                    self._read.append(f"until {self._said}")
                return
            before = len(self.composer.skills)
            self._program(node.body)
            if node.until and len(self.composer.skills) == before:
                break
        if node.until and self._holds(node.until, ()) == node.negated:
            reason = f"I do not see how to come to an end here: {self._said}"
            raise EndedError(Refusal(text=reason))

    def _say(self, terms: Terms) -> None:
        if terms[0] == "KEEP" and len(terms) > 1:
            terms = terms[1:]
        found = readings(terms, self.language)
        asked = () if found else facts(terms, self.language)
        if asked:
            return self._answer(asked)
        if not found:
            return self._hear(terms)
        done = composed(found, self.composer)
        if isinstance(done, Question | Refusal):
            raise EndedError(done)
        before = len(self.composer.skills)
        self.composer, reading = done
        moved = {getattr(skill, "target", None) for skill in self.composer.skills[before:]} - {None}
        self._heaped |= {str(name) for name in moved} if len(moved) > 1 else set()
        self._read.append(", then ".join(command.words() for command in reading))
        return None

    def _hear(self, terms: Terms) -> None:
        """ "The can fell over, stand it up": what is told, and not asked for, is taken as so."""
        told = () if phrase(terms, self.language) else conditions(terms, self.language)
        if not told:
            raise EndedError(self._not_understood(terms))
        self._told = True
        if told[0].negated:
            return
        try:
            self.composer.speak_of(told[0])
        except UngroundedError as error:
            raise EndedError(_trouble(error)) from error
        self._heard = self.composer.grounding.mentioned

    def _answer(self, asked: tuple[Fact, ...]) -> None:
        trouble: UngroundedError | None = None
        for fact in asked:
            try:
                self._answers.append(answer(fact, self.composer.grounding))
            except UngroundedError as error:
                trouble = trouble or error
                continue
            self._read.append(fact.words())
            self._last = fact
            return
        if trouble is not None:
            raise EndedError(_trouble(trouble))

    def _holds(self, condition: Terms, then: Program) -> bool:
        """Whether a condition holds in the scene as it will be by then."""
        grounding = self.composer.grounding
        if condition in (("FACT_yes",), ("FACT_no",)):
            # What a chart says is settled before.
            self._said = condition[0].removeprefix("FACT_")
            return condition == ("FACT_yes",)
        if condition == ("SO",) and self._last is not None:
            return holds(self._last, grounding)
        found = conditions(condition, self.language) or facts(condition, self.language)
        if not found or all(fact.kind == "state" and _strange(fact) for fact in found):
            raise EndedError(self._not_understood(condition))
        if {"IT", "THEM"} & set(condition) and grounding.mentioned is None:
            # "grab the cup if it is on the plate": "it" is said before, or only then.
            grounding.mentioned = self._first_target(then)
        subject = grounding.mentioned
        if "IT" in condition:
            self._mention_what_can(found, then)
        other = grounding.mentioned != subject
        so = self._any_holds(found)
        if other:
            grounding.mentioned = subject
        return so

    def _any_holds(self, found: tuple[Fact, ...]) -> bool:
        grounding = self.composer.grounding
        for fact in found:
            try:
                so = holds(fact, grounding)
            except UngroundedError as error:
                if error.candidates:
                    raise EndedError(_trouble(error)) from error
                so = False
            self._said = f"{fact.words()}: {'yes' if so else 'no'}"
            self._mention(fact)
            if so:
                return True
        return False

    def _mention(self, fact: Fact) -> None:
        """ "If nothing is in the bowl, put it there": then "it" is what was spoken of."""
        grounding = self.composer.grounding
        spoken = [thing for clause in fact.thing.clauses for thing in clause.things]
        if grounding.mentioned is None and len(spoken) == 1:
            try:
                grounding.one(spoken[0])
            except UngroundedError:
                return

    def _mention_what_can(self, found: tuple[Fact, ...], then: Program) -> None:
        """ "Put the ball in the drawer if it is open": "it" is what can be open."""
        states = {fact.clause.relation for fact in found if fact.thing.it and fact.clause}
        if not states & {"open", "closed", "empty"}:
            return
        grounding = self.composer.grounding
        objects = self.composer.scene.objects

        def can(name: str | None) -> bool:
            if name not in objects:
                return False
            seen = objects[str(name)]
            return seen.state is not None or (
                "empty" in states and canonical(seen.category, "CAT") in {*CONTAINERS, "plate"}
            )

        if can(grounding.mentioned):
            return
        aside = Run(self.text, self.language, self.composer.fork())
        aside._program(then)
        spoken = [getattr(skill, "reference", None) for skill in aside.composer.skills]
        grounding.mentioned = next((n for n in spoken if can(n)), grounding.mentioned)

    def _first_target(self, program: Program) -> str | None:
        aside = Run(self.text, self.language, self.composer.fork())
        aside._program(program)
        return aside.composer.grounding.mentioned

    def _not_understood(self, terms: Terms) -> Question | Refusal:
        unknown = [
            term.split("_", 1)[1].replace("_", " ") for term in terms if term.startswith("UNK_")
        ]
        unable = [word for word in unknown if word in lexicon(self.language).unable]
        if unable:
            return Refusal(text=f"I cannot {unable[0]}; {CAN}")
        if "AWAIT" in terms:
            return Refusal(text=WAITING)
        if "OR_NOT" in terms:
            return Question(text="should I do that, or not?")
        if unknown:
            words = ", ".join(f'"{word}"' for word in unknown[:8])
            return Refusal(text=f"I do not understand {words}; {CAN}", understood=False)
        thing = phrase(terms, self.language)
        if thing is not None:
            return Question(text=f"what should I do with the {thing.words()}?")
        short = self.text.strip()[:80]
        return Refusal(text=f'I know the words of "{short}", but not what they say together; {CAN}')


_MANY = frozenset({"EVERYTHING", "ALL", "BOTH", "OTHERS", "THEM", "TIDY"})
"""Terms that speak of several things."""


def _strange(fact: Fact) -> bool:
    """Whether a fact speaks of what no word is known for: then nobody knows whether it is so."""
    about = (fact.thing, *(fact.clause.things if fact.clause else ()))
    return any(thing.unknown for thing in about)


def composed(
    found: tuple[Reading, ...], composer: Composer
) -> tuple[Composer, Reading] | Question | Refusal:
    """The likeliest reading that fits the scene; a question where two are as likely.

    Where the likeliest one is forbidden, what is less likely is not meant.
    """
    fitting: tuple[Composer, Reading] | None = None
    trouble: Question | Refusal | None = None
    against: Refusal | None = None
    deepest = math.inf
    for reading in found:
        if nesting(reading) > deepest:
            break
        trial = composer.fork()
        try:
            trial.compose(reading)
        except ForbiddenError as error:
            against = against or Refusal(text=str(error))
            deepest = min(deepest, nesting(reading))
            continue
        except (UngroundedError, UnsaidError, ImpossibleError) as error:
            result = _trouble(error)
            if trouble is None or (isinstance(result, Question) and isinstance(trouble, Refusal)):
                trouble = result
            continue
        if fitting is None:
            fitting = trial, reading
            deepest = min(deepest, nesting(reading))
        elif trial.skills != fitting[0].skills:
            ways = ", or ".join(", then ".join(c.words() for c in r) for r in (fitting[1], reading))
            return Question(text=f"do you mean: {ways}?")
    return fitting or against or trouble or Refusal(text=CAN)


def chain_of(program: Program, scene: Scene, language: str) -> Reading:
    """The commands that "the same" refers to: those of the last subject of an earlier text."""
    run = Run("", language, Composer(scene, Grounding(scene)))
    run.result(program)
    return run.composer.chain


def _trouble(error: UngroundedError | UnsaidError | ImpossibleError) -> Question | Refusal:
    if isinstance(error, UnsaidError):
        return Question(text=str(error))
    if isinstance(error, UngroundedError) and error.candidates:
        return Question(text=error.text, candidates=error.candidates)
    missing = error.missing if isinstance(error, UngroundedError) else ""
    return Refusal(text=str(error), missing=missing)
