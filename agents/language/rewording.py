"""Rewording: English terms in an order that the grammar does not have, in one that it has.

"In the bowl, put the ball", "I'd like the ball placed in the bowl", "give the ball a push" and
"get everything off the plate" say what shorter sentences say, too; here they become those. A rule
looks at the terms of one sentence alone, never at the scene.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

_WORDS = (
    r"(?:(?:NUMBER|RANK|COLOR|SIZE|SHAPE|STATE|TRAIT|CAT|CATS|UNK|PURPOSE)_\S+|DET|A|ALL|ANY|BOTH"
    r"|OF|OTHERS?|IT|THEM|EVERYTHING|SOMETHING|NOTHING|LEFTMOST|RIGHTMOST|FRONTMOST|BACKMOST"
    r"|NEAREST|FARTHEST|MATCHING|IS_NOT|EXCEPT|AND|COMPARE_exactly|,)"
)
_SIDE = r"(?:LEFT_OF|RIGHT_OF|FRONT_OF|BEHIND|NEXT_TO|BY|BETWEEN|UNDER|FAR_FROM)"
_AT = rf"(?:IN|ON|INTO|ONTO|{_SIDE})"
_LAST = (
    r"(?:(?:COLOR|SIZE|SHAPE|STATE|RANK|CAT|CATS|UNK)_\S+|IT|THEM|EVERYTHING|SOMETHING|NOTHING"
    r"|OTHERS|BOTH|MATCHING|LEFTMOST|RIGHTMOST|FRONTMOST|BACKMOST)"
)
_NP = rf"(?:{_WORDS} )*?(?:{_LAST} )"
"""Things, without what tells them apart by where they are."""
_LIST = rf"(?:{_WORDS} )*(?:{_LAST} )"
"""As many of them as stand in a row."""
_LONG = (
    rf"(?:(?:{_WORDS}|THAT_IS|{_AT}|OFF|FROM|WITH|TABLE|EDGE_\S+|DIR_\S+|SPOT_\S+) )*?"
    rf"(?:(?:{_LAST}|TABLE|EDGE_\S+|DIR_\S+|SPOT_\S+) )"
)
"""Things, with where they are."""
_ONE = (
    r"(?:(?:DET |A )?(?:(?:COLOR|SIZE|TRAIT|RANK|SHAPE)_\S+ )*(?:CATS?|UNK|COLOR)_\S+ |IT |THEM )"
)
_START = r"(?:(?<=^ )|(?<= [.,:] )|(?<= AND )|(?<= THEN )|(?<= OTHERWISE ))"
_FIRST = r"(?:(?<=^ )|(?<= [.:] )|(?<= THEN ))"
_END = r"(?=$|[.,:] |(?:AND|THEN|OTHERWISE|IF|UNLESS|BEFORE|AFTER|UNTIL) )"
_PLACE = rf"(?={_AT} |SPOT_|AROUND |TO |TOWARDS |DIR_|AT )"
_SOMEWHERE = rf"(?={_AT} |SPOT_|AROUND |IN_SHAPE_|AS_TOWER |STATE_|OPEN |EMPTY |UPRIGHT |TOGETHER )"
_BEING = r"(?:(?:BE|GOING|MUST|STAND|THAT_IS|DONE_PUT|PUT|BOTH|ALL|IS) )"
_THINGS_NEXT = r"(?=DET |A |IT |THEM |ALL |BOTH |ANY |EVERYTHING |COLOR_|SIZE_|CATS?_|NUMBER_)"
_PLATE = r"(?:(?:DET|A) )?(?:(?:COLOR|SIZE)_\S+ )*CAT_(?:plate|tray|bowl|box|drawer|basket) "
_DISH = r"(?:(?:DET|A) )?(?:(?:COLOR|SIZE)_\S+ )*CAT_(?:cup|bowl|glass|jar) "

_SIDES = {
    **dict.fromkeys(("DIR_left", "LEFTMOST"), "left"),
    **dict.fromkeys(("DIR_right", "RIGHTMOST"), "right"),
    **dict.fromkeys(("NEXT_TO", "FRONTMOST", "DIR_closer", "NEAREST"), "near"),
    **dict.fromkeys(("FAR", "BACK", "BACKMOST", "DIR_away", "FARTHEST"), "far"),
}
_SIDED = "|".join(_SIDES)
_THERE = r"(?:TO|TOWARDS|ON|AT|IN|INTO|ONTO|OFF) (?:DET |A )?"
_OF_TABLE = r"(?:OF (?:DET )*TABLE )?"
_FAR = r"(?:(?:BY|BIT|CM|MM|METRE|NUMBER_\S+) )*"


def _spot(match: re.Match[str]) -> str:
    return f"SPOT_{_SIDES[match[1]]} "


def _corner(match: re.Match[str]) -> str:
    said = {_SIDES[match[1]], _SIDES[match[2]]}
    for depth in ("near", "far"):
        for side in ("left", "right"):
            if said == {depth, side}:
                return f"SPOT_{depth}_{side}_corner "
    return match[0]


def _done(match: re.Match[str]) -> str:
    """ "I want the block turned by 90 degrees": what is wished for is done."""
    return f"{match[2]} {match[1]}"


_Rule = tuple[str, str | Callable[[re.Match[str]], str]]

_SENSES: tuple[_Rule, ...] = (
    # --- words with more than one sense ---
    (rf"{_START}GRIPPER {_THINGS_NEXT}", "GIVE "),
    (rf"{_START}DIR_right {_THINGS_NEXT}", "ERECT "),
    (rf"{_START}SIZE_short {_THINGS_NEXT}(?={_NP}{_AT} )", "PUT "),
    (rf"{_START}OTHERS (?=(?:DET|A|IT|THEM|ALL|BOTH) )", "PUT "),
    (rf"{_START}GOING {_THINGS_NEXT}(?={_NP}{_AT} )", "PUT "),
    (rf"(?<=[^.,:] )(?<!AND )(?<!THEN )SHUT {_END}", "STATE_closed "),
    (r"((?:IS|DET|MUST) )SHUT ", r"\1STATE_closed "),
    (r"SHUT ", "CLOSE "),
    (rf"{_FIRST}PACK ({_ONE}), (PUT {_LIST})IN IT ", r"\2IN \1"),
    (rf"{_START}PACK (?={_NP}WITH )", "FILL "),
    (r"PACK ", "PUT "),
    (rf"THROW (?={_NP}(?:IN|INTO|ONTO) )", "PUT "),
    (rf"DUMP (?={_DISH}(?:OUT )?{_AT} )", "POUR "),
    (r"DUMP ", "PUT "),
    (rf"SQUEEZE (?={_NP}{_AT} )", "PUT "),
    # What is wiped, tapped or pressed goes nowhere unless it is said where to.
    (rf"RUB (?={_NP}{_FAR}(?:DIR_|SPOT_|TO |TOWARDS |{_THERE}(?:{_SIDED}) ))", "PUSH "),
    (rf"(?<=ROTATE )({_NP})SHAPE_round {_END}", r"\1AROUND "),
    (rf"{_START}TOUCH ({_NP})(?:TO |AND )(?=TOWER )", r"\1TO "),
    # "Close it again" is done once: it was closed before.
    (
        rf"{_START}((?:CLOSE|OPEN|ERECT|STAND|PICK|GET|PUT|PUTDOWN|PUTBACK|DROP|WANT|GIVE|POUR) "
        rf"(?:(?!AND |THEN |[.,] )\S+ )+?)AGAIN {_END}",
        r"\1",
    ),
    # --- sides and corners of the table, in any of their many wordings ---
    (rf"(?:{_THERE})?({_SIDED}) BORDER {_OF_TABLE}", _spot),
    (rf"{_THERE}({_SIDED}) ({_SIDED}) CORNER {_OF_TABLE}", _corner),
    (r"(SPOT_\S+ )BORDER ", r"\1"),
    (r"(SPOT_\S+ )OF (?:DET )*TABLE ", r"\1"),
    # --- how many, and which ---
    (r"(?<=^ )RANK_1 (?=DET |A )", "THEN "),
    (r"((?:PICK|GET|PUT|GIVE|PUSH|PULL|ROTATE|STACK) )ANY OF (?=(?:DET |THEM))", r"\1NUMBER_1 OF "),
    (r"COMPARE_exactly A ", "A "),
    (r"ONLY (?=NUMBER_|A |COMPARE_|ANY )", ""),
    (r"((?:PUT|PICK|GET|PUSH|PULL|GIVE|STACK) )ONLY ", r"\1"),
    (r"ONLY (?=(?:PUT|PICK|GET|PUSH|PULL|GIVE|STACK) )", ""),
    (r"ANY (?=NUMBER_)", ""),
    (r"ALL (?:OF )?(?:DET )*(?=NUMBER_)", "DET "),
    (r"(NUMBER_\S+ OF DET )NUMBER_\S+ ", r"\1"),
    (r"ALL RANK_-1 ", "ALL "),
    (rf"{_FIRST}MUST (?=(?:PICK|GET|PUT|GIVE|PUSH|LOOK) )", ""),
    (rf"(EXCEPT {_NP}), (?={_AT} )", r"\1"),
    (r"NON (COLOR_\S+ )((?:CATS?)_\S+ )", r"\2IS_NOT \1"),
    (
        r"((?:SIZE|RANK)_\S+ |(?:LEFT|RIGHT|FRONT|BACK)MOST )(?:CAT_one )?OF "
        r"(?:ALL |DET |NUMBER_\S+ )*"
        r"((?:COLOR_\S+ )?)CATS_(\S+ )",
        r"\1\2CAT_\3",
    ),
    (rf"BOTH (?=DET (?:(?:COLOR|SIZE)_\S+ )*(?:CAT_\S+ |COLOR_\S+ )(?:{_LONG})?AND )", ""),
    (r", (?=ALL EXCEPT )", ""),
    (r"(?<=[^.,: ] )ALL (?=EXCEPT )", ""),
    (r"EXCEPT EXCEPT ", "EXCEPT "),
    (r"WITH NOTHING (?:ON|IN) IT ", "THAT_IS EMPTY "),
    (
        r"((?:PICK|GET|GIVE|LOOK|ROTATE) DET )((?:COLOR_\S+ )?CAT_\S+ )SPOT_middle ",
        r"\1RANK_0 \2",
    ),
    (r"(DET )((?:COLOR_\S+ )?CAT_\S+ )THAT_IS SPOT_middle ", r"\1RANK_0 \2"),
    (r"(?<=[^.,:] )(?<!THEN )(?<!AND )WHAT_IS ", "EVERYTHING THAT_IS "),
    (r"(EVERYTHING|SOMETHING) FELL ", r"\1 STATE_fallen "),
    (rf"{_FIRST}(?:EVERYTHING|SOMETHING) STATE_fallen (?=, )", "SOMETHING FELL "),
    (rf"{_FIRST}({_ONE})STATE_fallen {_END}", r"\1FELL "),
    (rf"(?<=IF )({_NP})STATE_fallen {_END}", r"\1FELL "),
)

_WISHES: tuple[_Rule, ...] = (
    # --- "should be", "should end up", "has to go": where something must be ---
    (rf"(?:BOTH |ALL )?(?:SHALL|MUST) {_BEING}+{_SOMEWHERE}", "MUST "),
    (r"(?:BOTH |ALL )MUST ", "MUST "),
    (r"SHALL BE ", "MUST "),
    (rf"HAVE_IN ({_LONG})IN IT ", r"HAVE \1IN IT "),
    (rf"HAVE_IN ({_LIST}){_END}", r"HAVE \1IN IT "),
    # --- "I want it to be", "have it stand", "let it go" ---
    (
        rf"{_START}CAUSE (?={_NP}(?:TO )?(?:{_BEING}|{_AT} |DONE_|SPOT_|IN_SHAPE_|OPEN "
        r"|STATE_closed ))",
        "WANT ",
    ),
    (rf"{_START}CAUSE (?={_NP}(?:SWAP|ARRANGE|SORT) )", "WANT "),
    (rf"{_START}ARRANGE (?={_NP}(?:TO )?(?:BE|GOING|STAND|MUST|SWAP|PUT) )", "WANT "),
    (rf"(?<=WANT )({_LONG})(?:TO )?{_BEING}+{_SOMEWHERE}", r"\1"),
    (rf"WANT ({_NP})(?:TO )?ERECT {_END}", r"ERECT \1"),
    (rf"WANT ({_NP})(?:TO )?STAND UP ", r"ERECT \1"),
    (rf"WANT ({_NP})(?:TO )?STAND (?=UPRIGHT )", r"WANT \1"),
    # --- what should be done, for what is to be done ---
    (rf"{_START}({_NP})(?:SHALL|MUST) (?:BE )?DONE_(?!PUT)(\S+) ", _done),
    (rf"WANT ({_LONG})(?:TO )?(?:BE )?DONE_(?!PUT)(\S+) ", _done),
    (rf"{_START}({_NP})(?:SHALL|MUST) (SWAP|ARRANGE) ", _done),
    (rf"WANT ({_NP})(?:TO )?(SWAP|ARRANGE|OPEN|CLOSE) {_END}", _done),
    (rf"WANT ({_NP})TO (SWAP|ARRANGE) ", r"\2 \1"),
    (rf"WANT ({_NP})SWAP ", r"SWAP \1"),
    (r"DONE_(?:PUT|STACK|ARRANGE) ", "THAT_IS "),
    (rf"NOT PUT ({_NP})OPEN {_END}", r"CLOSE \1"),
    (rf"NOT PUT ({_NP})STATE_closed {_END}", r"OPEN \1"),
    (rf"{_START}(?:PUT|KEEP) ({_NP})(OPEN|STATE_closed) {_END}", r"WANT \1\2 "),
)

_DEEDS: tuple[_Rule, ...] = (
    # --- where things belong ---
    (rf"{_START}({_PLATE})IS WHERE ({_LIST})(?:LIVE |MUST |GOING |PUT )?{_END}", r"PUT \2INTO \1"),
    (rf"{_START}GIVE ({_NP})({_PLATE})MATCHING {_END}", r"PUT \1ON \2MATCHING "),
    # --- what is given: a thing, a push, a turn ---
    (rf"GIVE ({_NP})(?:A )?(?:BIT |(SIZE_small) )?PUSH ", r"PUSH \1"),
    (rf"GIVE ({_NP})(TURN_\S+ )", r"ROTATE \1\2"),
    (rf"GIVE ({_NP})A (?:(NUMBER_\S+ )(DEGREE ))ROTATE ", r"ROTATE \1\2\3"),
    (rf"GIVE ({_NP})A ROTATE ", r"ROTATE \1"),
    (rf"ARRANGE (TURN_\S+ )WITH ({_LIST})", r"ROTATE \2\1"),
    (rf"GIVE ({_NP})ON {_END}", r"GIVE \1"),
    (rf"(?:PICK|GET|PUT|COLLECT|WANT) ({_LONG})(?:ON )?(?:TO|IN|INTO|TOWARDS) ME ", r"GIVE \1"),
    (rf"(?:PICK|GET) ({_ONE})(?:AND |, |THEN )+GIVE (?:ME )?IT ", r"GIVE \1"),
    (rf"GIVE ({_NP})(?:IN|INTO|TOWARDS) ME ", r"GIVE \1"),
    # --- what is taken in order to be put somewhere ---
    (
        rf"(?:GATHER|COLLECT|PICK|GET|REMOVE) ((?:UP )?{_LONG})(?:UP )?(?:, |AND |THEN )+"
        rf"(?:PUT|DROP) (?:THEM|IT) "
        rf"(?:ALL |DOWN )?{_PLACE}",
        r"PUT \1",
    ),
    (
        rf"(?:GATHER|COLLECT|PICK|GET) ({_LONG})(?:, |AND |THEN )+(STACK|ARRANGE|SORT|SWAP) THEM ",
        r"\2 \1",
    ),
    (rf"GET ({_NP})(?=IN_SHAPE_|AS_TOWER |TOGETHER )", r"PUT \1"),
    (r"(?<=PUT )UP ", ""),
    (rf"(?:PICK|GET) ({_NP})(?=(?:INTO|ONTO) )", r"PUT \1"),
    (rf"GET (?={_NP}(?:{_AT} |(?:OPEN|STATE_closed) {_END}))", "GETTING "),
    (rf"(?:STAND|ERECT) ({_NP})(?={_AT} )", r"PUT \1"),
    (rf"{_START}CLEAR (?={_PLATE}(?:IN|INTO) )", "POUR "),
    (
        rf"{_START}(?:TIDY|CLEAR|REMOVE) (?:DIR_away |UP )?({_NP})(?:DIR_away |UP )?"
        r"(?=(?:IN|INTO) )",
        r"PUT \1",
    ),
    (rf"(?<=PUT )({_NP})DIR_away (?=(?:IN|INTO) )", r"\1"),
    (
        r"(?:PICK|GET|REMOVE|CLEAR) EVERYTHING (?:THAT_IS )?(?:OFF|FROM) (?!DET TABLE)"
        rf"({_ONE}){_END}",
        r"CLEAR \1",
    ),
    (rf"CLEAR (?={_NP}(?:OFF|FROM) )", "REMOVE "),
    # --- where first, then what ---
    (
        rf"{_START}({_AT} (?:{_ONE})(?:AND (?:{_ONE}))?),? ?(PUT|WANT|STACK) "
        rf"({_LIST}){_END}",
        r"\2 \3\1",
    ),
    (rf"(?<=PUT )({_AT} (?:{_ONE}))((?:DET|A|ALL|BOTH|EVERYTHING) {_LIST}){_END}", r"\2\1"),
    (
        rf"{_FIRST}({_NP}), (PUT|PICK|GET|GIVE|PUSH|PULL|ROTATE|ERECT|DROP|OPEN|CLOSE|LOOK) IT ",
        r"\2 \1",
    ),
    # --- what is left out, and plain from what is said before ---
    (rf"((?:PUT|DROP) {_NP})(?:IN|INTO) {_END}", r"\1IN IT "),
    (
        rf"((?:PUT|DROP) {_NP}{_AT} {_LONG}(?:, )?(?:AND )?THEN )({_NP})(?=$|[.,] )",
        r"\1SAME WITH \2",
    ),
    (rf"(GIVE {_NP})(?:, )?(?:AND )?THEN ({_LIST})(?=$|[.] )", r"\1THEN GIVE \2"),
    (rf"(PUT|PUSH|GET|ARRANGE) ({_NP})SO_THAT (?:IT|THEM) {_BEING}+", r"PUT \2"),
    (rf"ARRANGE ({_NP})SO_THAT (?:IT|THEM) ARRANGE ", r"ARRANGE \1"),
    (rf"{_FIRST}(?!AND |, |EXCEPT )({_NP})(?=(?:INTO|ONTO) )", r"PUT \1"),
    (rf"((?:MUST |PUT {_NP}){_AT} (?:{_ONE}))AND ({_NP})TOO ", r"\1THEN \2TOO "),
    # "All onto the plate, the red one stays": what stays is no part of it.
    (
        rf"((?:PUT|MUST) {_LONG})(?:, |AND |WHILE |EXCEPT )+({_ONE})(?:MUST )?STAY "
        rf"(?:ALONE |PUT |UNK_there )?{_END}",
        r"\1EXCEPT \2",
    ),
    # --- uprightness ---
    (rf"HELP ({_NP})UPRIGHT ", r"ERECT \1"),
    (
        rf"(?:POUR|ROTATE|PICK|GET|GETTING|PUT|ERECT|SWING|FLIP|ARRANGE) ({_NP})UPRIGHT ",
        r"ERECT \1",
    ),
    (rf"ARRANGE ({_NP})(?:STAND UP|UPRIGHT) ", r"ERECT \1"),
    # --- towers ---
    (
        rf"(?:TOWER |STACK {_NP})(?:(?:OF|FROM|OFF) {_NP})?(?:, )?(?:WITH )?({_ONE})BOTTOM "
        rf"(?:, |AND |THEN )+({_ONE})(?:SPOT_middle |ON IT )?(?:, |AND |THEN )+"
        rf"({_ONE})ON IT {_END}",
        r"PUT \2ON \1THEN PUT \3ON \2",
    ),
    (
        rf"(?:TOWER |STACK {_NP})(?:(?:OF|FROM|OFF) {_NP})?(?:, )?(?:WITH )?({_ONE})BOTTOM "
        rf"(?:, |AND |THEN )+({_ONE})ON IT {_END}",
        r"PUT \2ON \1",
    ),
    (r"(?:ARRANGE|WANT|GIVE|BUILD) (?:ME )?(?:A |DET )(?:SIZE_\S+ )?(?:TOWERING|STACK) ", "TOWER "),
    (
        r"(?:ARRANGE|WANT|GIVE|BUILD) (?:ME )?(?:A |DET )(NUMBER_\S+ )CATS?_(\S+ )"
        r"(?:TOWERING|STACK) ",
        r"TOWER OF \1CATS_\2",
    ),
    (r"TOWER (?:THAT_IS )?(NUMBER_\S+ CATS_\S+ )SIZE_tall ", r"TOWER OF \1"),
    (rf"{_START}({_NP})TO TOWER ", r"TOWER OF \1"),
    # --- doors ---
    (rf"SWING ({_NP})(?:OPEN) ", r"OPEN \1"),
    (rf"SWING ({_NP})STATE_closed ", r"CLOSE \1"),
    (r"SWING ", "ROTATE "),
)

_ASKED: tuple[_Rule, ...] = (
    (r"((?:IS|EXIST|ASK|DOES|HAS|THERE_IS) (?:(?![.] )\S+ )*?)OR_NOT ", r"\1"),
    (r"TELL (?=WHERE |WHICH |WHAT_|HOW_|EXIST |SEE_WHAT |HOLDING_WHAT )", ""),
    (rf"WHERE ({_LONG})(?:GOING |MUST |IS ){_END}", r"WHERE \1"),
    (rf"ASK ({_LONG})IS ", r"IS \1"),
    (r"ASK THERE_IS ", "EXIST "),
    (rf"WHAT_COLOR ({_LONG})IS {_END}", r"WHAT_COLOR \1"),
    (rf"WHAT_COLOR DOES ({_LONG})CAUSE ", r"WHAT_COLOR \1"),
    (rf"DOES ({_ONE})(?:CAUSE|CONTAIN) ({_LONG})(IN|ON) IT ", r"IS \2\3 \1"),
    (rf"DOES ({_ONE})(?:CONTAIN) ({_NP}){_END}", r"IS \2IN \1"),
    (rf"{_FIRST}HAS ({_NP})(?:STATE_fallen|FELL) ", r"IS \1STATE_fallen "),
    (rf"(?<=IF )({_ONE})(?:HAS|WITH) ({_NP})(IN|ON) IT ", r"\2IS \3 \1"),
    (rf"HOW_MANY ({_NP})THERE_IS ", r"HOW_MANY \1"),
)

_SAME = {"GET": "PICK", "INTO": "IN", "ONTO": "ON", "HAVE_IN": "HAVE"}
"""Terms that only these rules tell from others."""
UNABLE = frozenset(("THROW", "FLIP", "SQUEEZE", "RUB"))
"""Verbs that only some of what is said with them can be done for."""
HELPERS = frozenset(
    {
        *("CAUSE", "HAS", "SHALL", "ONLY", "GOING", "DOES", "NON", "BORDER", "CORNER", "TOWERING"),
        *(
            "BUILD",
            "HELP",
            "STAY",
            "LIVE",
            "FAR",
            "CONTAIN",
            "ASK",
            "TELL",
            "SO_THAT",
            "BOTTOM",
            *UNABLE,
        ),
    }
)
"""Terms that only these rules know: where none applies, they are words without a meaning."""


def reworded(terms: Iterable[str], typed: Mapping[str, str]) -> list[str]:
    """Terms as the grammar orders them.

    Args:
        terms: as they were said.
        typed: by helping term, the words that it was said with.
    """
    return [
        f"UNK_{typed.get(term, term.lower())}" if term in HELPERS else _SAME.get(term, term)
        for term in _reworded(tuple(terms))
    ]


@lru_cache(maxsize=1024)
def _reworded(terms: tuple[str, ...]) -> tuple[str, ...]:
    text = f" {' '.join(terms)} "
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return tuple(text.split())


_RULES = tuple(
    (re.compile(pattern), instead) for pattern, instead in (*_SENSES, *_WISHES, *_DEEDS, *_ASKED)
)
