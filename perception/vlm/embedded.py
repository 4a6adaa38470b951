"""EmbeddedVLM: the small model that ships with the package, behind the verbs."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import ImageError
from ..frame import Frame, Intrinsics
from ..images import must_be_rgb
from .embedded_checkpoint import CHECKPOINT
from .lexicon import FURNITURE, Description, Relation, read
from .verbs import Answer, Detection

if TYPE_CHECKING:
    from .features import Features

Key = tuple[int, int, Intrinsics | None, str, int, float]
_HELD_SCORE = 0.5
_COUNTED = 0.5
_CANDIDATES = 4
_KEPT = 4
"""So many frames are remembered."""
_SEEN = 3 * 416 * 312
"""Values of the largest image that is looked at as it is. Trained on 320×240, the model sees things
best at the size that they have there. Of 40 scenes it names 99.6 % of what is there and nothing
else at 416×312; at 640×480 96 % and 29 other things; at 1280×960 76 % and 149."""
_UNLIKELY = 0.02
_NEAR_PX = 4
_NOWHERE = 0.05
"""Weight of that what is named is not among what is found; fitted on renders that neither training
nor measuring uses, so that a thing of another name is seldom taken for it."""
_QUESTIONS = (
    (re.compile(r"^(?:is|are) there (?:a |an |any )?(?P<phrase>.+)$"), "exists"),
    (re.compile(r"^how many (?P<phrase>.+?)(?: are there| do you see| are in view)?$"), "count"),
    (re.compile(r"^what(?: object| thing)? is (?:in|held by) the (?:gripper|hand)$"), "held"),
    (re.compile(r"^what colou?r is (?P<phrase>.+)$"), "color"),
    (re.compile(r"^is (?P<phrase>.+)$"), "state"),
)


class EmbeddedVLM:
    """Parses, grounds and answers with one pass of the dense detector per frame.

    Deterministic for a given number of threads; features of the last few frames are kept, so
    several questions about one frame cost one pass. Large frames are scaled down to the size at
    which it sees best; boxes, masks and heat maps are of the frame. Where a frame has depth and
    intrinsics it sees shapes and sizes too, which need no light. Frames whose rgb is no [H, W, 3]
    uint8, or whose depth is of other pixels, are refused with ImageError.

    Args:
        folder: a checkpoint folder of this family; the shipped one by default.
        dtype: "float32", "bfloat16", or "auto": the latter where the processor computes in it, at
            half the time and the same rates of success; single answers may differ.

    Raises:
        ModelError: the folder is missing, incomplete or damaged, or there is no such dtype.
    """

    verbs = ("parse", "ground", "ask", "explain")

    def __init__(self, folder: str | Path | None = None, *, dtype: str = "auto") -> None:
        from .features import Looker

        self.folder = Path(folder) if folder is not None else CHECKPOINT
        self._looker = Looker(self.folder, dtype)
        self._kept: OrderedDict[Key, tuple[Frame, Features]] = OrderedDict()
        self.passes = 0

    @property
    def categories(self) -> list[str]:
        """The categories that `parse` chooses from."""
        return list(self._looker.config.categories)

    @property
    def colors(self) -> list[str]:
        """The colours that `parse` chooses from."""
        return list(self._looker.config.colors)

    def parse(self, frame: Frame) -> list[Detection]:
        """Every object in view, best score first, with mask, colour, category; "held" as state."""
        features = self.features(frame)
        found = []
        for k in np.flatnonzero(features.scores > self._looker.config.thresholds["parse"]).tolist():
            category, color, sure = features.name(k)
            found.append(
                Detection(
                    f"{color} {category}",
                    features.box(k),
                    float(features.scores[k] * sure),
                    category,
                    color,
                    features.mask(k),
                    _state(features, k, category),
                )
            )
        return sorted(found, key=lambda d: -d.score)

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        """What a phrase refers to, best first; empty when it is not there or has unknown words."""
        description = read(phrase, self.categories)
        if description is None:
            return []
        features = self.features(frame)
        truth = self._truth(frame, phrase, description)
        plain = _kind_of(description) == "exists"
        least = self._looker.config.thresholds["ground" if plain else "related"]
        chosen = np.flatnonzero(truth > least)
        found = []
        for k in chosen[np.argsort(-truth[chosen])]:
            category, color, _ = features.name(int(k))
            found.append(
                Detection(
                    phrase,
                    features.box(int(k)),
                    float(truth[k]),
                    category,
                    color,
                    features.mask(int(k)),
                    _state(features, int(k), category),
                )
            )
        return found

    def ask(self, frame: Frame, question: str) -> Answer:
        """A short answer; ("", 0.0) for questions of a kind that it does not know."""
        text = re.sub(r"\s+", " ", question.lower().strip().rstrip("?")).strip()
        for pattern, kind in _QUESTIONS:
            match = pattern.match(text)
            if match:
                phrase = match.groupdict().get("phrase", "")
                return self._answer(frame, kind, phrase)
        return Answer("", 0.0)

    def explain(self, frame: Frame, phrase: str) -> npt.NDArray[np.float32]:
        """[H, W] float32 in 0..1: where in the frame the phrase rings true."""
        features = self.features(frame)
        return features.heat_map(self._looker.text([_plain(phrase)])[0])

    def _answer(self, frame: Frame, kind: str, phrase: str) -> Answer:
        features = self.features(frame)
        if kind == "held":
            return self._held_answer(features)
        description = read(phrase, self.categories)
        if description is None or not len(features.boxes):
            known = description is not None and kind in ("exists", "state")
            return Answer("no", 0.9) if known else Answer("", 0.0)
        asked = _kind_of(description)
        definite = kind in ("exists", "state") and asked != "exists"
        truth = (self._so if definite else self._truth)(frame, phrase, description)
        best = int(np.argmax(truth))
        if kind == "count":
            over = truth > _COUNTED
            sure = float(np.prod(np.where(over, truth, 1 - truth)))
            return Answer(str(int(over.sum())), sure)
        if kind == "color":
            return Answer(features.name(best)[1], float(truth[best]), features.box(best))
        probability = self._looker.calibrated(
            asked, float(truth.sum() if definite else truth[best])
        )
        if probability >= 0.5:
            return Answer("yes", probability, features.box(best))
        return Answer("no", 1.0 - probability)

    def _held_answer(self, features: "Features") -> Answer:
        if not len(features.boxes):
            return Answer("nothing", 0.9)
        held = features.held * features.scores
        best = int(np.argmax(held))
        if held[best] < _HELD_SCORE:
            return Answer("nothing", float(1 - held[best]))
        category, color, _ = features.name(best)
        return Answer(f"{color} {category}", float(held[best]), features.box(best))

    def _truth(
        self, frame: Frame, phrase: str, description: Description
    ) -> npt.NDArray[np.float32]:
        """[K] how likely a phrase is true of each object that was found in a frame.

        The phrase as a whole, and its colour and category by themselves, each have a say; the
        latter two generalise to pairs that were never seen together. What something is on or in
        is told by a closer look at the two.
        """
        features = self.features(frame)
        parts = self._parts(features, description)
        relation, other = description.relation, description.other
        if relation and other:
            return parts * self._related(frame, phrase, parts, relation, other)
        if description.held or description.state:
            return parts
        whole = features.match(self._looker.text([_plain(phrase)]))[:, 0]
        return np.asarray(np.maximum(parts, np.sqrt(whole * parts)), np.float32)

    def _so(self, frame: Frame, phrase: str, description: Description) -> npt.NDArray[np.float32]:
        """[K] how likely each object is the one thing that is asked of, and it is as asked.

        Who asks whether "the red cup" is in the bowl says that there is one: what looks most like
        it is meant, be it called a red can here.
        """
        features = self.features(frame)
        named = self._meant(features, replace(description, held=False, state=None))
        so = self._parts(features, Description(held=description.held, state=description.state))
        relation, other = description.relation, description.other
        if relation and other:
            so = so * self._related(frame, phrase, named, relation, other)
        return np.asarray(named * so, np.float32)

    def _meant(self, features: "Features", description: Description) -> npt.NDArray[np.float32]:
        """[K] how likely each object is the one thing that a description names; at most 1 in all.

        The rest is how likely it is that the thing is not among them.
        """
        fits = self._parts(features, description) * features.scores
        return np.asarray(fits / (fits.sum() + _NOWHERE), np.float32)

    def _parts(self, features: "Features", description: Description) -> npt.NDArray[np.float32]:
        """[K] how likely each word of a description is true of each object, together."""
        parts = np.ones_like(features.scores)
        if description.category:
            parts = parts * features.categories[:, self.categories.index(description.category)]
        if description.color:
            parts = parts * features.colors[:, self.colors.index(description.color)]
        if description.held:
            parts = parts * features.held
        if description.state:
            places = [self.categories.index(name) for name in FURNITURE if name in self.categories]
            jointed = features.categories[:, places].sum(axis=1)
            opened = features.opened if description.state == "open" else 1 - features.opened
            parts = parts * opened * jointed
        return np.asarray(parts, np.float32)

    def _related(
        self,
        frame: Frame,
        phrase: str,
        named: npt.NDArray[np.float32],
        relation: Relation,
        other: Description,
    ) -> npt.NDArray[np.float32]:
        """[K] how likely each object, if it is `named` by a phrase, is on or in the other.

        The other may be hidden under it. Then what the phrase as a whole calls up must do, unless
        the object is on something else that is in view.
        """
        features = self.features(frame)
        others = self._meant(features, other)
        pairs = [
            (int(a), b)
            for a in _likeliest(named)
            for b in range(len(others))
            if a != b and (others[b] > _UNLIKELY or _touch(features.boxes[a], features.boxes[b]))
        ]
        shares = np.zeros((len(named), len(named)), np.float32)
        if pairs:
            column = ("on", "in").index(relation)
            found = self._looker.relate(features, pairs)[:, column]
            shares[tuple(np.transpose(pairs))] = found
        whole = features.match(self._looker.text([_plain(phrase)]))[:, 0]
        hidden = (1 - others.sum()) * np.prod(1 - shares, axis=1) * np.sqrt(whole)
        return np.asarray(shares @ others + hidden, np.float32)

    def features(self, frame: Frame) -> "Features":
        """What one pass says of a frame; kept for the next question about the same frame."""
        kept = self._known(frame)
        return self._keep(frame, self._looker.look(_seen(frame))) if kept is None else kept

    def prepare(self, frames: Sequence[Frame]) -> None:
        """Look at several frames at once; questions about them then cost no further pass."""
        new = [frame for frame in frames if self._known(frame) is None]
        found = self._looker.look_at([_seen(frame) for frame in new])
        for frame, features in zip(new, found, strict=True):
            self._keep(frame, features, most=len(frames))

    def _known(self, frame: Frame) -> "Features | None":
        kept = self._kept.get(_key(frame))
        if kept is None or kept[0].rgb is not frame.rgb or kept[0].depth is not frame.depth:
            return None
        return kept[1]

    def _keep(self, frame: Frame, features: "Features", most: int = 0) -> "Features":
        self.passes += 1
        if frame.rgb.size > _SEEN:
            from .scaling import of_original

            features = of_original(features, frame)
        self._kept[_key(frame)] = (frame, features)
        while len(self._kept) > max(_KEPT, most):
            self._kept.popitem(last=False)
        return features


def _seen(frame: Frame) -> Frame:
    """A frame as the model looks at it: itself, or a smaller one; raises ImageError."""
    must_be_rgb(frame.rgb, "a Frame's rgb")
    if frame.depth is not None and frame.depth.shape != frame.rgb.shape[:2]:
        raise ImageError(
            f"a Frame's depth has the shape {frame.depth.shape}, its rgb {frame.rgb.shape[:2]}; "
            "both must be of the same pixels"
        )
    if frame.rgb.size <= _SEEN:
        return frame
    from .scaling import scaled

    return scaled(frame, _SEEN // 3)


def _key(frame: Frame) -> Key:
    # A camera may write its next picture into the same array.
    pixels = (id(frame.rgb), id(frame.depth), frame.intrinsics)
    return *pixels, frame.camera, frame.sequence, frame.stamp_s


def _likeliest(parts: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The few objects that a description may be meant for."""
    order = np.argsort(-parts)[:_CANDIDATES]
    return np.asarray(order[parts[order] > _UNLIKELY])


def _touch(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> bool:
    """Whether two boxes overlap, or nearly do."""
    return bool((np.maximum(a, b)[:2] < np.minimum(a, b)[2:] + _NEAR_PX).all())


def _state(features: "Features", k: int, category: str) -> str | None:
    """ "held", or of furniture "open" or "closed"."""
    if category in FURNITURE:
        return "open" if features.opened[k] > 0.5 else "closed"
    return "held" if features.held[k] > _HELD_SCORE else None


def _kind_of(description: Description) -> str:
    """What a description asks for besides names; confidences are fitted for each."""
    if description.relation:
        return description.relation
    if description.state:
        return "open"
    return "held" if description.held else "exists"


def _plain(phrase: str) -> str:
    """A phrase as the training writes it: lower case, without "is" and punctuation."""
    words = re.sub(r"[^a-z\s]", " ", phrase.lower()).split()
    return " ".join(word for word in words if word not in ("is", "that", "which"))
