"""Every error that handeye raises; the tree is drawn in `handeye.perception.errors`."""

from handeye.perception.errors import (
    AmbiguousError,
    CameraError,
    CancelledError,
    DeadlineError,
    EndOfStreamError,
    HandeyeError,
    ImageError,
    InstructionError,
    LimitError,
    ModelError,
    NotFoundError,
    RobotError,
    SceneFileError,
    StoppedError,
    UnreachableError,
    UserError,
)

__all__ = [
    "AmbiguousError",
    "CameraError",
    "CancelledError",
    "DeadlineError",
    "EndOfStreamError",
    "HandeyeError",
    "ImageError",
    "InstructionError",
    "LimitError",
    "ModelError",
    "NotFoundError",
    "RobotError",
    "SceneFileError",
    "StoppedError",
    "UnreachableError",
    "UserError",
]
