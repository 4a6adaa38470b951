"""Perception: vision-language models composed by verb."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .charts.chart import Chart
from .deadlines import answered
from .errors import HandeyeError, ModelError, UserError
from .frame import Frame
from .vlm.masks import with_masks
from .vlm.sound import asked
from .vlm.verbs import (
    Answer,
    Asks,
    Detection,
    Explains,
    Grounds,
    HeatMap,
    Masks,
    Parses,
    Prepares,
    ReadsCharts,
)


@dataclass(frozen=True)
class Perception:
    """Which model does what; one model may do several things.

    Every call raises ModelError when no model has the verb, when the model fails, or when what it
    gives is not what the verb promises.

    Attributes:
        parse_with, ground_with, ask_with, chart_with: the models; None where there is none.
        mask_with: draws masks of what was parsed or grounded without one.
        fallback: asked where a model is missing, fails, or is late; what it finds is given even
            where `mask_with` fails.
        deadline_s: after which a model is late, each for itself; its answer is then not waited
            for, and nothing further is asked of it until it has ended.
    """

    parse_with: Parses | None = None
    ground_with: Grounds | None = None
    ask_with: Asks | None = None
    chart_with: ReadsCharts | None = None
    mask_with: Masks | None = None
    fallback: "Perception | None" = None
    deadline_s: float | None = None

    @classmethod
    def of(cls, vlm: object) -> "Perception":
        """Every verb that one model has, by its `verbs` where it tells them; a Perception is
        returned as it is.

        Charts are read by the default reader where the model does not read them.

        Raises:
            UserError: this is the class of a model.
            ModelError: it has no verb.
        """
        if isinstance(vlm, Perception):
            return vlm
        if isinstance(vlm, type):
            raise UserError(
                f"{vlm.__name__} is a class, no VLM; give an instance: {vlm.__name__}(…)"
            )
        from .charts.read import ChartReader

        verbs = getattr(vlm, "verbs", ("parse", "ground", "ask", "read_chart"))
        composed = cls(
            vlm if isinstance(vlm, Parses) and "parse" in verbs else None,
            vlm if isinstance(vlm, Grounds) and "ground" in verbs else None,
            vlm if isinstance(vlm, Asks) and "ask" in verbs else None,
            vlm if isinstance(vlm, ReadsCharts) and "read_chart" in verbs else None,
        )
        if composed == cls():
            raise ModelError(
                f"{type(vlm).__name__} is no VLM: it has none of parse, ground, ask, read_chart"
            )
        return composed if composed.chart_with else replace(composed, chart_with=ChartReader())

    def can(self, verb: str) -> bool:
        """Whether a model here, or one of the fallback, parses, grounds, asks or reads charts."""
        own = getattr(self, "chart_with" if verb == "read_chart" else f"{verb}_with")
        return own is not None or (self.fallback is not None and self.fallback.can(verb))

    def parse(self, frame: Frame) -> list[Detection]:
        """Every object in view, best score first."""
        return self._found(self.parse_with, "parse", frame)

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        """What a phrase refers to, best first."""
        return self._found(self.ground_with, "ground", frame, phrase)

    def ask(self, frame: Frame, question: str) -> Answer:
        """A short answer to a question."""
        answer: Answer = self._call(self.ask_with, "ask", frame, question)
        return answer

    def read_chart(self, frame: Frame) -> Chart:
        """The table of a chart; raises ImageError where the frame shows none."""
        chart: Chart = self._call(self.chart_with, "read_chart", frame)
        return chart

    def explain(self, frame: Frame, phrase: str) -> HeatMap:
        """Where in a frame the model that grounds (or else asks, or parses) sees a phrase."""
        models = (self.ground_with, self.ask_with, self.parse_with)
        model = next((model for model in models if isinstance(model, Explains)), None)
        heat: HeatMap = self._call(model, "explain", frame, phrase)
        return heat

    def prepare(self, verb: str, frames: Sequence[Frame]) -> None:
        """Let the model of a verb look at several frames together, before it is asked of each.

        Nothing happens where a model cannot do that; a failure shows when the verb is called.
        """
        model = getattr(self, f"{verb}_with")
        if len(frames) > 1 and isinstance(model, Prepares):
            with suppress(ModelError):
                _guarded(partial(model.prepare, frames), model, "prepare", self.deadline_s)

    def _found(self, model: object, verb: str, frame: Frame, *phrase: str) -> list[Detection]:
        """What a model finds, with masks; what the fallback finds where either model fails."""
        found: list[Detection] | None = None
        try:
            found = _called(model, verb, self.deadline_s, (frame, *phrase))
            return self._masked(frame, found)
        except ModelError:
            if self.fallback is None:
                raise
        rescued: list[Detection] = getattr(self.fallback, verb)(frame, *phrase)
        if found is None:
            with suppress(ModelError):
                return self._masked(frame, rescued)
        return rescued

    def _masked(self, frame: Frame, found: list[Detection]) -> list[Detection]:
        if self.mask_with is None:
            return found
        draw = partial(with_masks, frame, found, self.mask_with)
        masked: list[Detection] = _guarded(draw, self.mask_with, "masks", self.deadline_s)
        return masked

    def _call(self, model: object, verb: str, *arguments: Any) -> Any:
        try:
            return _called(model, verb, self.deadline_s, arguments)
        except ModelError:
            if self.fallback is None:
                raise
            return getattr(self.fallback, verb)(*arguments)


def _called(model: object, verb: str, deadline_s: float | None, arguments: tuple[Any, ...]) -> Any:
    """What a model's verb gives, held to what it promises."""
    if model is None:
        raise ModelError(f"no VLM here can {verb}; give one that has this verb", passing=False)
    return _guarded(partial(asked, model, verb, *arguments), model, verb, deadline_s)


def _guarded(call: Callable[[], Any], model: object, verb: str, deadline_s: float | None) -> Any:
    """What a call gives; whatever else it raises, or that it is late, becomes a ModelError."""
    name = f"{type(model).__name__}.{verb}"
    try:
        return call() if deadline_s is None else answered(call, name, deadline_s, model)
    except HandeyeError:
        raise
    except Exception as error:
        raise ModelError(f"{name} failed: {type(error).__name__}: {error}") from error
