"""EmbeddedVLM: the small model that ships with the package, behind the verbs."""

import re
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..frame import Frame
from .lexicon import Description, read
from .verbs import Answer, Detection

if TYPE_CHECKING:
    import torch

    from .features import Features

Key = tuple[int, str, int, float]
CHECKPOINT = Path(__file__).parent / "checkpoint"
_HELD_SCORE = 0.5
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
    several questions about one frame cost one pass.

    Args:
        folder: a checkpoint folder of this family; the shipped one by default.

    Raises:
        ModelError: the folder is missing, incomplete or damaged.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        from .features import Looker

        self.folder = Path(folder) if folder is not None else CHECKPOINT
        self._looker = Looker(self.folder)
        self._kept: OrderedDict[Key, tuple[npt.NDArray[np.uint8], Features]] = OrderedDict()
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
        for k in range(len(features.boxes)):
            category, color, sure = features.name(k)
            held = features.held[k] > _HELD_SCORE
            found.append(
                Detection(
                    f"{color} {category}",
                    features.box(k),
                    float(features.scores[k] * sure),
                    category,
                    color,
                    features.mask(k),
                    "held" if held else None,
                )
            )
        return sorted(found, key=lambda d: -d.score)

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        """What a phrase refers to, best first; empty when it is not there or has unknown words."""
        description = read(phrase)
        if description is None:
            return []
        features = self.features(frame)
        truth = self._truth(features, phrase, description)
        chosen = np.flatnonzero(truth > self._looker.config.thresholds["ground"])
        found = []
        for k in chosen[np.argsort(-truth[chosen])]:
            category, color, _ = features.name(int(k))
            held = features.held[k] > _HELD_SCORE
            found.append(
                Detection(
                    phrase,
                    features.box(int(k)),
                    float(truth[k]),
                    category,
                    color,
                    features.mask(int(k)),
                    "held" if held else None,
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
        description = read(phrase)
        if description is None or not len(features.boxes):
            known = description is not None and kind in ("exists", "state")
            return Answer("no", 0.9) if known else Answer("", 0.0)
        truth = self._truth(features, phrase, description)
        best = int(np.argmax(truth))
        if kind == "count":
            over = truth > self._looker.config.thresholds["ground"]
            sure = float(np.prod(np.where(over, truth, 1 - truth)))
            return Answer(str(int(over.sum())), sure)
        if kind == "color":
            return Answer(features.name(best)[1], float(truth[best]), features.box(best))
        probability = self._looker.calibrated("ask", float(truth[best]))
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
        self, features: "Features", phrase: str, description: Description
    ) -> npt.NDArray[np.float32]:
        """[K] how likely the phrase is true of each detected object.

        The phrase as a whole, and its colour and category by themselves, each have a say; the
        latter two generalise to pairs that were never seen together.
        """
        whole = features.match(self._looker.text([_plain(phrase)]))[:, 0]
        parts = np.ones_like(whole)
        if description.category:
            parts = parts * features.categories[:, self.categories.index(description.category)]
        if description.color:
            parts = parts * features.colors[:, self.colors.index(description.color)]
        related = description.held or description.relation is not None
        if description.held:
            parts = parts * features.held
        fused = np.sqrt(whole * parts) if related else np.maximum(parts, np.sqrt(whole * parts))
        return np.asarray(fused * np.minimum(1.0, features.scores / 0.5), np.float32)

    def features(self, frame: Frame) -> "Features":
        """What one pass says of a frame; kept for the next question about the same frame."""
        # A camera may write its next picture into the same array.
        key = (id(frame.rgb), frame.camera, frame.sequence, frame.stamp_s)
        kept = self._kept.get(key)
        if kept is not None and kept[0] is frame.rgb:
            return kept[1]
        features = self._looker.look(frame.rgb)
        self.passes += 1
        self._kept[key] = (frame.rgb, features)
        while len(self._kept) > 4:
            self._kept.popitem(last=False)
        return features


def _plain(phrase: str) -> str:
    """A phrase as the training writes it: lower case, without "is" and punctuation."""
    words = re.sub(r"[^a-z\s]", " ", phrase.lower()).split()
    return " ".join(word for word in words if word not in ("is", "that", "which"))


def load_checkpoint(folder: Path) -> "tuple[torch.nn.Module, object]":
    """Model and tokenizer of a checkpoint folder; raises ModelError saying what is wrong."""
    from transformers import PreTrainedTokenizerFast

    from .modeling_handeye import HandeyeModel

    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise ModelError(
                f"the embedded VLM's {name} is missing in {folder}; reinstall handeye, or make "
                "the checkpoint with `handeye train`"
            )
    try:
        model: Any = HandeyeModel.from_pretrained(folder)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    except Exception as error:
        raise ModelError(
            f"the embedded VLM in {folder} cannot be read ({type(error).__name__}: {error}); "
            "its files are damaged: reinstall handeye"
        ) from error
    return model.float().eval(), tokenizer
