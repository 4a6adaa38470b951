"""Noting: what was said and makes no difference, so that the reading can say so."""

from collections.abc import Iterator

from .composing import Composer
from .structure import Note, Program


def notes(program: Program, composer: Composer) -> Iterator[str]:
    """What the reading of a plan says of how it was asked for, where something is to move."""
    about = {node.about for node in program if isinstance(node, Note)}
    if "speed" in about and composer.skills:
        yield "at my usual speed"
    if "only" in about:
        yield from _staying(composer)


def _staying(composer: Composer) -> Iterator[str]:
    """What lies where something is put, and stays there: "only" takes nothing away."""
    moved = {getattr(skill, "target", None) for skill in composer.skills}
    bases = {getattr(skill, "reference", None) for skill in composer.skills} - {None}
    for name, thing in composer.scene.objects.items():
        if name not in moved and bases & {thing.on, thing.in_}:
            yield f"{composer.name(name)} stays where it is"
