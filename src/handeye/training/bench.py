"""Measuring a VLM on held-out scenes: what it finds, grounds, answers, and how sure it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from handeye.perception.errors import UserError
from handeye.perception.frame import Frame
from handeye.perception.perception import Perception
from handeye.perception.vlm.verbs import Box, Detection

from ..evaluation import wilson
from ..overlay import save_picture
from .shards import Sample, Shards
from .targets import CATEGORIES, COLORS, is_seen
from .worst import draw_worst

_WORST = 6
SPLITS: dict[str, dict[str, Any]] = {
    "seen": {"entropy": 779_000, "held_out": False},
    "unseen-pairs": {"entropy": 779_001, "held_out": True},
    "dark": {"entropy": 779_002, "held_out": None, "dark": True},
    "clutter": {"entropy": 779_003, "held_out": None, "objects": (11, 14)},
    "furniture": {"entropy": 779_005, "held_out": None, "furnished_every": 1},
    "heaped": {"entropy": 779_007, "held_out": None, "objects": (5, 12), "heaped": True},
    "wrist": {"entropy": 779_004, "held_out": None, "wrist_views": 5, "overview_views": 0},
}


@dataclass
class Tally:
    """Counts of one split: (right, asked) by figure, and (confidence, right) of answers."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    answers: list[tuple[float, bool]] = field(default_factory=list)

    def add(self, figure: str, right: int, asked: int = 1) -> None:
        """Count `right` of `asked`."""
        count = self.counts.setdefault(figure, [0, 0])
        count[0] += right
        count[1] += asked

    def row(self) -> dict[str, Any]:
        """Rates with intervals, F1, and the calibration error."""
        rates: dict[str, Any] = {}
        for figure, (right, asked) in self.counts.items():
            low, high = wilson(right, asked)
            rates[figure] = {"rate": right / max(asked, 1), "interval": [low, high], "n": asked}
        p = rates.get("precision", {"rate": 0.0})["rate"]
        r = rates.get("recall", {"rate": 0.0})["rate"]
        rates["parse F1"] = {"rate": 2 * p * r / max(p + r, 1e-9), "n": self.counts["recall"][1]}
        rates["calibration error"] = {"rate": calibration_error(self.answers)}
        return rates


def measure(
    vlm: object,
    data: Path,
    images: int,
    tick: Callable[[], None],
    worst: Path | None = None,
    *,
    depth: bool = True,
) -> dict[str, Any]:
    """Measure a VLM on one split's shards.

    Args:
        vlm: with the verbs parse, ground and ask.
        data: folder of the shards, named as the split.
        images: how many to use.
        tick: called after each image.
        worst: picture of the images that were read worst, to be written.
        depth: whether frames have depth, as those of the simulated cameras do.

    Raises:
        UserError: the shards have no depth, and it is asked for.
    """
    perception, shards, tally = Perception.of(vlm), Shards(data, depth=depth), Tally()
    cases = []
    for index in range(min(images, len(shards))):
        sample = shards[index]
        if depth and sample.depth is None:
            raise UserError(
                f"the renders in {data} are without depth, as earlier versions made them; "
                "remove the folder, or measure --without-depth"
            )
        frame = sample.frame(index, depth=depth)
        rng = np.random.default_rng([4, index])
        cases.append((sample.rgb, *_parse(perception, frame, sample, tally)))
        _ground(perception, frame, sample, tally, rng)
        _ask(perception, frame, sample, tally, rng)
        _misnamed(perception, frame, sample, tally, np.random.default_rng([5, index]))
        tick()
    if worst is not None:
        cases.sort(key=lambda case: -len(case[1]) - len(case[2]))
        worst.parent.mkdir(parents=True, exist_ok=True)
        save_picture(draw_worst(cases[:_WORST], data.name), worst)
    return tally.row()


def iou(a: Box, b: Box) -> float:
    """Overlap of two boxes over their union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    overlap = max(width, 0.0) * max(height, 0.0)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return overlap / max(areas - overlap, 1e-6)


def calibration_error(answers: list[tuple[float, bool]], bins: int = 10) -> float:
    """Expected calibration error (Naeini et al. 2015) of (confidence, right) pairs."""
    if not answers:
        return 0.0
    sure = np.array([a for a, _ in answers])
    right = np.array([b for _, b in answers], dtype=np.float64)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [
        abs(sure[place == b].mean() - right[place == b].mean()) * (place == b).sum()
        for b in range(bins)
        if (place == b).any()
    ]
    return float(sum(gaps) / len(answers))


def counted(sample: Sample) -> list[dict[str, Any]]:
    """The objects that count: those of which enough is seen."""
    return [o for o in sample.objects if o["box"] and is_seen(o)]


def excused(box: Box, sample: Sample) -> bool:
    """Whether a box is near something that is there, but of which too little is seen to count."""
    tiny = (o for o in sample.objects if o["box"] and not is_seen(o))
    return any(iou(box, tuple(o["box"])) > 0.2 for o in tiny)


def _name(record: dict[str, Any]) -> str:
    return f"{COLORS[record['color']]} {CATEGORIES[record['category']]}"


def _parse(
    perception: Perception, frame: Frame, sample: Sample, tally: Tally
) -> tuple[list[Detection], list[tuple[str, Box]]]:
    """Count what parsing finds; returns what it saw wrongly, and what it missed."""
    wanted = counted(sample)
    found = perception.parse(frame)
    matched: set[int] = set()
    wrong, missed = [], []
    for record in wanted:
        fitting = [
            (iou(d.box, tuple(record["box"])), k)
            for k, d in enumerate(found)
            if k not in matched and f"{d.color} {d.category}" == _name(record)
        ]
        best = max(fitting, default=(0.0, -1))
        if best[0] >= 0.5:
            matched.add(best[1])
        else:
            missed.append((_name(record), record["box"]))
        tally.add("recall", int(best[0] >= 0.5))
    for k, detection in enumerate(found):
        if k in matched:
            tally.add("precision", 1)
        elif not excused(detection.box, sample):
            tally.add("precision", 0)
            wrong.append(detection)
    return wrong, missed


def _ground(
    perception: Perception, frame: Frame, sample: Sample, tally: Tally, rng: np.random.Generator
) -> None:
    for phrase, record, kind in phrases(sample, rng):
        found = perception.ground(frame, phrase)
        if record is None:
            tally.add(f"false alarm {kind}".strip(), int(bool(found)))
        else:
            hit = bool(found) and iou(found[0].box, tuple(record["box"])) >= 0.5
            tally.add(f"ground {kind}".strip(), int(hit))


def phrases(
    sample: Sample, rng: np.random.Generator
) -> Iterator[tuple[str, dict[str, Any] | None, str]]:
    """(phrase, the object that it is of, "" or "relational"); None where it is of nothing."""
    wanted = counted(sample)
    for record in wanted:
        yield f"the {_name(record)}", record, ""
        relation = _relation(record, sample)
        if relation is not None:
            yield f"the {_name(record)} {relation}", record, "relational"
    present = {_name(o) for o in sample.objects}
    for _ in range(3):
        absent = f"{rng.choice(COLORS)} {rng.choice(CATEGORIES)}"
        if absent not in present:
            yield f"the {absent}", None, ""
    lone = [o for o in wanted if o["relation"] is None and not o["held"]]
    once = [o for o in lone if sum(_name(o) == _name(p) for p in sample.objects) == 1]
    if len(once) > 1:
        a, b = rng.choice(len(once), 2, replace=False)
        yield f"the {_name(once[a])} on the {_name(once[b])}", None, "relational"
        yield f"the {_name(once[a])} in the gripper", None, "relational"


def _relation(record: dict[str, Any], sample: Sample) -> str | None:
    if record["held"]:
        return "in the gripper"
    if record["relation"] is None:
        return None
    return f"{record['relation']} the {_name(_other(record, sample))}"


def _other(record: dict[str, Any], sample: Sample) -> dict[str, Any]:
    """What an object is on or in."""
    other: dict[str, Any] = sample.objects[record["other"]]
    return other


def _ask(
    perception: Perception, frame: Frame, sample: Sample, tally: Tally, rng: np.random.Generator
) -> None:
    for question, truth, kind in questions(sample, rng):
        answer = perception.ask(frame, question)
        right = answer.text == ("yes" if truth else "no")
        tally.add(f"ask {kind}", int(right))
        tally.answers.append((answer.confidence, right))


def _misnamed(
    perception: Perception, frame: Frame, sample: Sample, tally: Tally, rng: np.random.Generator
) -> None:
    for phrase, _ in misnamed(sample, rng):
        tally.add("false alarm misnamed", int(bool(perception.ground(frame, phrase))))
        answer = perception.ask(frame, f"is {phrase}?")
        right = answer.text == "no"
        tally.add("ask misnamed", int(right))
        tally.answers.append((answer.confidence, right))


def questions(sample: Sample, rng: np.random.Generator) -> Iterator[tuple[str, bool, str]]:
    """Balanced yes/no questions: what is there, held, on or in something, open.

    Nothing is asked of what too little is seen of to count, be it under something else.
    """
    wanted = counted(sample)
    held = [o for o in wanted if o["held"]]
    free = [o for o in wanted if not o["held"]]
    for group, truth in ((held, True), (free[:1] if held or rng.random() < 0.3 else [], False)):
        for record in group:
            yield f"is the {_name(record)} held by the gripper?", truth, "held"
    for record in wanted:
        if record.get("state"):
            word = ("open", "closed")[int(rng.integers(2))]
            yield f"is the {_name(record)} {word}?", record["state"] == word, "open"
    yield from _existence(sample, wanted, rng)
    for record in free:
        other = sample.objects[record["other"]]
        if record["relation"] is None or not any(o is other for o in wanted):
            continue
        verb = record["relation"]
        yield f"is the {_name(record)} {verb} the {_name(other)}?", True, verb
        lone = [o for o in free if o["relation"] is None and o is not other]
        if lone:
            chosen = lone[int(rng.integers(len(lone)))]
            yield f"is the {_name(chosen)} {verb} the {_name(other)}?", False, verb


def misnamed(sample: Sample, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """At most one phrase that would be true, were it not for a wrong name; what it asks for.

    Nothing in view has that name: "the red cup on the blue plate" where the plate is green.
    """
    seen = counted(sample)
    told = [o for o in seen if o["held"] or (o["relation"] and _other(o, sample) in seen)]
    if not told:
        return
    record = told[int(rng.integers(len(told)))]
    things = [record] if record["held"] else [record, _other(record, sample)]
    wrong = int(rng.integers(len(things)))
    changed = dict(things[wrong])
    part, names = (("color", COLORS), ("category", CATEGORIES))[int(rng.integers(2))]
    changed[part] = int(rng.integers(len(names)))
    if _name(changed) in {_name(o) for o in sample.objects}:
        return
    words = [_name(changed if k == wrong else thing) for k, thing in enumerate(things)]
    if record["held"]:
        yield f"the {words[0]} in the gripper", "held"
    else:
        yield f"the {words[0]} {record['relation']} the {words[1]}", record["relation"]


def _existence(
    sample: Sample, wanted: list[dict[str, Any]], rng: np.random.Generator
) -> Iterator[tuple[str, bool, str]]:
    """One thing that is there, one that is not."""
    if wanted:
        yield f"is there a {_name(wanted[int(rng.integers(len(wanted)))])}?", True, "exists"
    absent = f"{rng.choice(COLORS)} {rng.choice(CATEGORIES)}"
    if absent not in {_name(o) for o in sample.objects}:
        yield f"is there a {absent}?", False, "exists"
