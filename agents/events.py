"""Events: what an agent tells while it works; each one JSON-serialisable."""

from typing import Annotated, Any, Literal

from handeye.perception.scene import Scene
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class _Event(BaseModel):
    """Attributes: stamp_s is on the robot's clock."""

    model_config = ConfigDict(frozen=True)

    stamp_s: float


class Call(BaseModel):
    """A skill call as data: its name and its arguments."""

    model_config = ConfigDict(frozen=True)

    skill: str
    arguments: dict[str, Any] = {}

    def words(self) -> str:
        """The call as one would write it."""
        inside = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f"{self.skill}({inside})"


class Started(_Event):
    """An instruction was taken on."""

    kind: Literal["started"] = "started"
    instruction: str
    thread: str


class Observed(_Event):
    """The scene was looked at."""

    kind: Literal["observed"] = "observed"
    scene: Scene
    description: str


class ChartRead(_Event):
    """The chart in view was read.

    Attributes:
        camera, sequence: of the frame that it was read from.
        chart: as `Chart.as_dict` gives it, each row with its confidence.
    """

    kind: Literal["chart_read"] = "chart_read"
    camera: str
    sequence: int
    chart: dict[str, Any]

    def words(self) -> str:
        """The table in a line."""
        rows = self.chart["rows"]
        names = [" ".join(str(r[k]) for k in ("series", "x") if r[k] != "") for r in rows]
        values = [f"{name} {r['y']:.3g}" for name, r in zip(names, rows, strict=True)]
        return ", ".join([*values, *self.chart["unread"]])


class Planned(_Event):
    """Skill calls were chosen."""

    kind: Literal["planned"] = "planned"
    calls: tuple[Call, ...]
    reading: str


class Approved(_Event):
    """A call was approved, or not."""

    kind: Literal["approved"] = "approved"
    call: Call
    approved: bool


class Acting(_Event):
    """A skill begins."""

    kind: Literal["acting"] = "acting"
    index: int
    call: Call


class Progressed(_Event):
    """A step within a skill."""

    kind: Literal["progressed"] = "progressed"
    line: str


class Acted(_Event):
    """A skill ended."""

    kind: Literal["acted"] = "acted"
    index: int
    call: Call
    code: str
    message: str
    duration_s: float
    evidence: dict[str, Any] = {}


class Verified(_Event):
    """What a skill should have brought about was checked."""

    kind: Literal["verified"] = "verified"
    index: int
    truth: Literal["yes", "no", "can't tell"]
    evidence: str
    asked: str | None = None
    answer: str | None = None
    confidence: float | None = None


class Replanned(_Event):
    """What is left was planned anew after a failure."""

    kind: Literal["replanned"] = "replanned"
    failure: str
    attempt: int


class Replied(_Event):
    """A question of the user was answered."""

    kind: Literal["replied"] = "replied"
    text: str
    objects: tuple[str, ...] = ()


class Asked(_Event):
    """The user is asked something."""

    kind: Literal["asked"] = "asked"
    question: str
    candidates: tuple[str, ...] = ()


class Ended(_Event):
    """The run came to an end."""

    kind: Literal["ended"] = "ended"
    status: Literal["succeeded", "failed", "needs_input", "stopped"]
    reason: str = ""
    question: str = ""


Event = Annotated[
    Started
    | Observed
    | ChartRead
    | Planned
    | Approved
    | Acting
    | Progressed
    | Acted
    | Verified
    | Replanned
    | Replied
    | Asked
    | Ended,
    Field(discriminator="kind"),
]
"""Any one of the events."""

EVENTS: TypeAdapter[Event] = TypeAdapter(Event)
"""Reads events back from JSON."""
