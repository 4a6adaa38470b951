"""Structure: how the steps of a text hang together, before any of them is read.

"If …, … otherwise …", "… until …", "… three times", "before …, …" and "don't …" are found among
the terms; what is left between them are steps, each from a verb to the next.
"""

from collections.abc import Callable
from dataclasses import dataclass

Terms = tuple[str, ...]

VERBS = frozenset(
    {
        *("PICK", "PUT", "PUTDOWN", "PUTBACK", "DROP", "STACK", "TOWER", "PUSH", "LOOK", "HOME"),
        *("WANT", "REMOVE", "CLEAR", "EMPTY", "TIDY", "SWAP", "OPEN", "CLOSE", "POUR", "GIVE"),
        *("SORT", "GATHER", "SEPARATE", "ARRANGE", "UNDO", "SAME", "AGAIN", "NAME", "KEEP"),
        *("TOUCH", "STAND", "MATCH", "COLLECT", "INSERT", "ROTATE", "ERECT", "GETTING", "FILL"),
        "PULL",
    }
)
_QUESTIONS = frozenset(
    {
        *("HOW_MANY", "HOW_FAR", "WHERE", "WHICH", "WHAT_COLOR", "WHAT_IS", "SEE_WHAT"),
        *("HOLDING_WHAT", "IS", "EXIST"),
    }
)
_GLUE = frozenset(("THEN", "AND", ",", "."))
_ADJECTIVES = frozenset(("OPEN", "EMPTY"))
_BEFORE_ADJECTIVE = frozenset(("IS", "THAT_IS", "IS_NOT", "NOT", "DET", "A", "MUST", "ALL", "ANY"))
_PLACES = frozenset(
    ("ON", "IN", "NEXT_TO", "LEFT_OF", "RIGHT_OF", "FRONT_OF", "BEHIND", "UNDER", "FAR_FROM")
)
_BEFORE_NOUN = ("DET", "A", "ALL", "ANY", "BOTH", "OTHER", "OTHERS")
NOTE = "NOTE_"
"""How the terms begin that say nothing of what is done."""
_MAX_TERMS = 40
_MAX_STEPS = 30
_MAX_TIMES = 10


class TangledError(Exception):
    """A text is too long, or can be read in too many ways to choose among them."""


@dataclass(frozen=True)
class Say:
    """One step: a command, a question, or a phrase."""

    terms: Terms


@dataclass(frozen=True)
class If:
    """What is done if a condition holds, and what otherwise."""

    condition: Terms
    then: "Program"
    otherwise: "Program" = ()
    negated: bool = False


@dataclass(frozen=True)
class Repeat:
    """What is done several times, or until a condition holds."""

    body: "Program"
    times: int = 1
    until: Terms = ()
    negated: bool = False


@dataclass(frozen=True)
class Leave:
    """What must not be done to something: it is left alone."""

    terms: Terms


@dataclass(frozen=True)
class Note:
    """What was said of how something is done, and changes nothing in what is done.

    Attributes:
        about: "speed", "only".
    """

    about: str


Program = tuple[Say | If | Repeat | Leave | Note, ...]


def structure(terms: Terms, *, verb_last: bool = False) -> Program:
    """The program of a text; raises TangledError for one that is too long.

    Where a verb may stand behind what it is done to, as in Chinese, steps end at commas alone.
    """
    notes = [Note(term.removeprefix(NOTE)) for term in terms if term.startswith(NOTE)]
    merged = _merged(_sentences(tuple(term for term in terms if not term.startswith(NOTE))))
    cut = _clauses if verb_last else _steps
    program = tuple(node for sentence in merged for node in _sentence(sentence, cut))
    if _length(program) > _MAX_STEPS:
        raise TangledError
    return (*program, *notes)


def _sentences(terms: Terms) -> list[Terms]:
    found: list[list[str]] = [[]]
    for term in terms:
        if term == ".":
            found.append([])
        else:
            found[-1].append(term)
    return [bare(tuple(sentence)) for sentence in found if bare(tuple(sentence))]


def _merged(sentences: list[Terms]) -> list[Terms]:
    """ "Otherwise …" belongs to the sentence before, and so does a condition with nothing to do."""
    found: list[Terms] = []
    for sentence in sentences:
        lonely = found and found[-1][0] in ("IF", "UNLESS") and not _verbs(found[-1])
        if found and sentence[0] == "OTHERWISE" and found[-1][0] in _QUESTIONS:
            found.append(("UNLESS", ",", *sentence[1:]))  # "Is there one? If not, …"
        elif found and (sentence[0] == "OTHERWISE" or lonely):
            found[-1] = (*found[-1], ",", *sentence)
        else:
            found.append(sentence)
    return found


def _sentence(terms: Terms, cut: "Cut") -> Program:
    """One sentence; what holds it together is looked for from the outside in."""
    terms = bare(terms)
    if not terms:
        return ()
    for word in ("IF", "UNLESS"):
        if word in terms:
            return _conditional(terms, terms.index(word), word == "UNLESS", cut)
    for word in ("UNTIL", "WHILE"):
        if word in terms:
            at = terms.index(word)
            body = _sentence(terms[:at], cut)
            return (Repeat(body, _MAX_TIMES, bare(terms[at + 1 :]), word == "WHILE"),)
    if terms[0] == "EXCEPT" and "," in terms and terms[1] not in (*VERBS, "NOT"):
        # "Apart from the red one, put every block there": the red one is left alone.
        end = terms.index(",")
        return (Leave(terms[1:end]), *_sentence(terms[end:], cut))
    times = next((term for term in terms if term.startswith("TIMES_")), None)
    if times is not None:
        rest = list(terms)
        rest.remove(times)
        count = int(float(times.split("_")[1]))
        if not 0 < count <= _MAX_TIMES:
            raise TangledError
        return (Repeat(_sentence(tuple(rest), cut), count),)
    for word, first_is_later in (("BEFORE", True), ("AFTER", False)):
        if word in terms:
            return _ordered(terms, terms.index(word), first_is_later, cut)
    return cut(terms)


def _conditional(terms: Terms, at: int, negated: bool, cut: "Cut") -> Program:
    before, after = bare(terms[:at]), terms[at + 1 :]
    otherwise: Terms = ()
    if "OTHERWISE" in after:
        end = after.index("OTHERWISE")
        after, otherwise = after[:end], bare(after[end + 1 :])
    if before:
        # "grab the cup if it is on the plate": the condition reaches to the end, or a comma.
        end = next((i for i, term in enumerate(after) if term in (",", "THEN")), len(after))
        body, condition, following = before, bare(after[:end]), bare(after[end:])
        condition = _of_one(condition, body)
    else:
        end = _condition_end(after, cut)
        condition, body, following = bare(after[:end]), bare(after[end:]), ()
    if otherwise and body and body[0] in VERBS and not _verbs(otherwise):
        # "… otherwise the ball": the same is done to it; "… otherwise on the plate": with it.
        what = next((i for i, t in enumerate(body) if _is_place(t)), 1)
        otherwise = (*body[: what if _is_place(otherwise[0]) else 1], *otherwise)
    # "If so": the question before is the condition.
    condition = condition or ("SO",)
    node = If(condition, _sentence(body, cut), _sentence(otherwise, cut), negated)
    return (node, *_sentence(following, cut)) if following else (node,)


def _of_one(condition: Terms, body: Terms) -> Terms:
    """ "Grab the duck if there is one": one is what something is done to, a duck."""
    if condition[-1:] != ("CAT_one",) or not _verbs(body):
        return condition
    things = body[_verbs(body)[0] + 1 :]
    end = next((i for i, term in enumerate(things) if term in (*_PLACES, "TO", *_GLUE)), None)
    noun = tuple(term for term in things[:end] if term not in ("DET", "A", "UP"))
    return (*condition[:-1], "A", *noun) if noun else condition


def _condition_end(terms: Terms, cut: "Cut") -> int:
    """Where a condition ends that comes first: at a comma, "then", or the first verb."""
    verbs = _verbs(terms)
    stops = [i for i, term in enumerate(terms) if term in (",", "THEN")]
    # A comma may be one of a list; the last one before the first verb ends the condition.
    if verbs and cut is _steps:
        early = [i for i in stops if i < verbs[0]]
        return early[-1] if early else verbs[0]
    return stops[0] if stops else len(terms)


def _ordered(terms: Terms, at: int, first_is_later: bool, cut: "Cut") -> Program:
    """ "before A, B" is B, A; "A before B" is A, B; "after A, B" is A, B; "A after B" is B, A."""
    before, after = bare(terms[:at]), terms[at + 1 :]
    if before:
        one, two = _sentence(before, cut), _sentence(after, cut)
        return (*one, *two) if first_is_later else (*two, *one)
    verbs = _verbs(after)
    end = next((i for i, t in enumerate(after) if t == "," and i > (verbs or (0,))[0]), None)
    if end is None:
        end = verbs[1] if len(verbs) > 1 else len(after)
    one, two = _sentence(after[:end], cut), _sentence(after[end:], cut)
    return (*two, *one) if first_is_later else (*one, *two)


def _steps(terms: Terms) -> Program:
    """Steps, cut before each verb; what precedes the first verb is a step of its own."""
    # "… but don't touch it": no exception to a thing, but a step of its own.
    terms = tuple(
        "THEN" if term == "EXCEPT" and following in (*VERBS, "NOT") else term
        for term, following in zip(terms, (*terms[1:], ""), strict=True)
    )
    begins = set(_verbs(terms))
    found: list[list[str]] = [[]]
    for i, term in enumerate(terms):
        fresh = found[-1] not in ([], ["NOT"], ["KEEP"], ["NOT", "KEEP"])
        if (
            (i in begins and fresh)
            or (term in ("THEN", "NOT") and i + 1 in begins and fresh)
            or (term == "THEN" and found[-1])
        ):
            found.append([])
        found[-1].append(term)
    return _said(found)


def _clauses(terms: Terms) -> Program:
    """Steps, cut at commas and "then"."""
    found: list[list[str]] = [[]]
    for term in terms:
        if term in (",", "THEN"):
            found.append([])
        else:
            found[-1].append(term)
    return _said(found)


Cut = Callable[[Terms], Program]


def _said(found: list[list[str]]) -> Program:
    kept = [part for step in found for part in _gapped(bare(tuple(step)))]
    kept = _with_verbs([_exact(goal) for step in kept if step for goal in _goals(step)])
    if any(len(step) > _MAX_TERMS for step in kept):
        raise TangledError
    return tuple(_left(step) or Say(step) for step in kept)


def _gapped(step: Terms) -> list[Terms]:
    """ "Stack A on B and C on D" says two things: the second without its verb."""
    places = [i for i, term in enumerate(step) if term == "ON"]
    if not step or step[0] != "STACK" or len(places) != 2:
        return [step]
    ands = [i for i, term in enumerate(step) if term == "AND" and places[0] < i < places[1]]
    return [bare(step[: ands[-1]]), bare(step[ands[-1] + 1 :])] if ands else [step]


def _goals(step: Terms) -> list[Terms]:
    """ "A goes on B and C on D" says two things: each where something must be."""
    several = step.count("MUST") > 1
    if "MUST" not in step or "BETWEEN" in step or _verbs(step):
        return [step]
    if not several and not any(map(_is_place, step)):
        return [step]
    found: list[Terms] = []
    part: Terms = ()
    for term in (*step, ","):
        if term in ("AND", ",") and ("MUST" in part or any(map(_is_place, part))):
            at = next(i for i, t in enumerate(part) if t == "MUST" or _is_place(t))
            found.append(part if "MUST" in part else (*part[:at], "MUST", *part[at:]))
            part = ()
        elif part or term not in _GLUE:
            part = (*part, term)
    # What is left says no place of its own: the last one goes on.
    return found if not bare(part) else [step]


def _is_place(term: str) -> bool:
    return term in _PLACES or term.startswith("SPOT_")


def _with_verbs(steps: list[Terms]) -> list[Terms]:
    """What follows a putting and says where something goes, but not what to do, is put too."""
    found: list[Terms] = []
    for step in steps:
        if step[0] in ("ALL", "DET") and "TO" in step and not _verbs(step) and not _states(step):
            step = ("PUT", *step)  # "Every block to its bowl."
        putting = bool(found) and found[-1][0] in ("PUT", "STACK")
        placed = any(map(_is_place, step[1:]))
        plain = step[0] in _BEFORE_NOUN or step[0].startswith(("CAT", "COLOR", "SIZE"))
        if putting and placed and plain and not _verbs(step) and "MUST" not in step:
            step = ("PUT", *step)
        found.append(step)
    return found


def _states(step: Terms) -> bool:
    """Whether a step says how things are, or should be."""
    return any(term in ("MUST", "IS", "IS_NOT", "HAVE", "THAT_IS") for term in step)


def _exact(step: Terms) -> Terms:
    """Of what is done, "exactly two" are two; only questions tell the words apart."""
    if step and (step[0] in VERBS or {"MUST", "HAVE"} & set(step)):
        return tuple(term for term in step if term != "COMPARE_exactly")
    return step


def _left(step: Terms) -> Leave | None:
    """ "Don't touch it", "leave it alone"."""
    if step[0] == "NOT":
        return Leave(step[1:])
    return Leave(step[1:-1]) if step[0] == "PUT" and step[-1] == "ALONE" else None


def _verbs(terms: Terms) -> tuple[int, ...]:
    """Where verbs stand; "open" and "empty" are verbs only where something follows to do it to."""
    if terms and (terms[0] in _QUESTIONS or terms[0].startswith("HOW_SIZE")):
        return ()
    found = []
    for i, term in enumerate(terms):
        if term not in VERBS:
            continue
        if term in _ADJECTIVES:
            last = i + 1 == len(terms) or terms[i + 1] in (*_GLUE, *VERBS)
            if last or (i > 0 and terms[i - 1] in _BEFORE_ADJECTIVE):
                continue
        found.append(i)
    return tuple(found)


def bare(terms: Terms) -> Terms:
    """Terms without the glue at both ends."""
    first, last = 0, len(terms)
    while first < last and (terms[first] in _GLUE or terms[first].startswith(NOTE)):
        first += 1
    while last > first and (terms[last - 1] in _GLUE or terms[last - 1].startswith(NOTE)):
        last -= 1
    return terms[first:last]


def _length(program: Program) -> int:
    total = 0
    for node in program:
        if isinstance(node, If):
            total += _length(node.then) + _length(node.otherwise) + 1
        elif isinstance(node, Repeat):
            total += _length(node.body)
        else:
            total += 1
    return total
