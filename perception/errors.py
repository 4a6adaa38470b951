"""Every error that handeye raises, as one tree.

HandeyeError
├── UserError                what was asked for or given is wrong; nothing moved
│   ├── InstructionError     the instruction cannot be understood or carried out
│   ├── SceneFileError       a scene or task file is missing, broken or contradicts itself
│   ├── ImageError           an image cannot be opened, or does not show what was looked for
│   ├── NotFoundError        a name or phrase matches nothing
│   └── AmbiguousError       a phrase matches several things
├── CameraError              a camera gave nothing, too late, or garbage
│   └── EndOfStreamError     a finite camera, such as a video file, gave its last frame
├── ModelError               a model could not be loaded, or failed while looking or planning
├── RobotError               the arm or its connection is at fault
│   ├── LimitError           a command was refused by a limit; the arm did not move for it
│   ├── UnreachableError     no joint configuration puts the TCP there
│   ├── StoppedError         stop() is latched; reset() clears it
│   └── DeadlineError        the motion did not end in time; the arm holds still
└── CancelledError           the caller cancelled; the arm holds still

A skill that fails reports an Outcome; these are for misuse and for broken hardware.
The tree lives in the lowest room so that every part can raise from it; `handeye.errors` is its
public name.
"""

from collections.abc import Sequence


class HandeyeError(Exception):
    """Root of all errors of this package."""


class UserError(HandeyeError):
    """What was asked for or given is wrong; the message says what would be right."""


class InstructionError(UserError):
    """The instruction cannot be understood or carried out."""


class SceneFileError(UserError):
    """A scene or task file is missing, broken or contradicts itself."""


class ImageError(UserError):
    """An image cannot be opened, or does not show what was looked for."""


class NotFoundError(UserError):
    """A name or phrase matches nothing.

    Attributes:
        wanted: the name or phrase.
        known: what there is instead.
    """

    def __init__(self, wanted: str, known: Sequence[str], *, where: str = "in view") -> None:
        listing = ", ".join(known) if known else "nothing"
        super().__init__(f'nothing here matches "{wanted}"; {where}: {listing}')
        self.wanted = wanted
        self.known = tuple(known)


class AmbiguousError(UserError):
    """A phrase matches several things.

    Attributes:
        wanted: the phrase.
        candidates: the ids of what it matches.
    """

    def __init__(self, wanted: str, candidates: Sequence[str]) -> None:
        super().__init__(f'"{wanted}" could be any of: {", ".join(candidates)}')
        self.wanted = wanted
        self.candidates = tuple(candidates)


class CameraError(HandeyeError):
    """A camera gave nothing, too late, or garbage."""


class EndOfStreamError(CameraError):
    """A finite camera, such as a video file, gave its last frame."""


class ModelError(HandeyeError):
    """A model could not be loaded, or failed while looking or planning.

    Attributes:
        passing: whether another try may do better at once.
    """

    def __init__(self, words: str = "", *, passing: bool = True) -> None:
        super().__init__(words)
        self.passing = passing


class RobotError(HandeyeError):
    """The arm or its connection is at fault."""


class LimitError(RobotError):
    """A command was refused by a limit; the arm did not move for it."""


class UnreachableError(RobotError):
    """No joint configuration puts the TCP there."""


class StoppedError(RobotError):
    """stop() is latched; reset() clears it, deliberately."""


class DeadlineError(RobotError):
    """The motion did not end in time; the arm holds still."""


class CancelledError(HandeyeError):
    """The caller cancelled; the arm holds still."""
