"""Calibration: thresholds and confidences of a checkpoint, fitted on scenes of their own."""

import json
from pathlib import Path

import numpy as np

from handeye.perception.frame import Frame
from handeye.perception.vlm.embedded import EmbeddedVLM
from handeye.perception.vlm.features import Features

from .bench import counted, excused, iou, misnamed, phrases, questions
from .shards import Sample, Shards
from .targets import CATEGORIES, COLORS

Heats = tuple[list[tuple[float, bool]], int]
"""(score, whether it is right) of every detection, and how many objects have none."""
_LAPSE = 0.2
"""Most that a fit may allow for what is missed, or taken for another, whatever its score."""
_FEW = 20
"""With fewer answers of a kind than this, nothing is fitted to them."""


_ALARMS = {"": 0.005, "relational": 0.02}
"""Share of the phrases of what is not there, or not so, that may be grounded all the same."""
_BETWEEN = (0.15, 0.6)
"""Thresholds of grounding: what is hardly true is not accepted, however rare alarms are."""


def calibrate(checkpoint: Path, data: Path, images: int = 600) -> dict[str, float]:
    """Fit a checkpoint's thresholds and answer calibration, and write them to its config.

    Args:
        checkpoint: folder; its config.json is rewritten.
        data: shards of a split that is neither trained nor measured on.
        images: how many to use.

    Returns:
        The fitted values.
    """
    config = json.loads((checkpoint / "config.json").read_text())
    config["thresholds"] = {"found": 0.1, "parse": 0.1, "ground": 0.05, "related": 0.05}
    config["calibration"] = {}
    _write(checkpoint, config)
    shards = Shards(data, depth=True)
    samples = [shards[index] for index in range(min(images, len(shards)))]
    vlm = EmbeddedVLM(checkpoint)
    # What is not found can be neither grounded nor asked about, so recall counts more; of what
    # is found, parsing tells what is most likely there and rightly named.
    boxed, named = _heats(vlm, samples)
    found = _best_threshold(*boxed, recall=2)
    parse = _best_threshold(*named, recall=1)
    config["thresholds"] |= {"found": round(found, 3), "parse": round(max(found, parse), 3)}
    _write(checkpoint, config)
    config["thresholds"] |= _least_alarming(EmbeddedVLM(checkpoint), samples)
    _write(checkpoint, config)
    # Answers rest on what is detected, so they are fitted at the threshold that will be used.
    answers = _answers(EmbeddedVLM(checkpoint), samples)
    fits = {kind: fitted(found) for kind, found in answers.items() if len(found) >= _FEW}
    config["calibration"] = {kind: [round(v, 4) for v in fit] for kind, fit in fits.items()}
    _write(checkpoint, config)
    return {**config["thresholds"], **{kind: fit[0] for kind, fit in fits.items()}}


def _frame(sample: Sample, index: int) -> Frame:
    """Every other one without depth: the thresholds are for cameras with it and without."""
    return sample.frame(index, depth=index % 2 == 0)


def _heats(vlm: EmbeddedVLM, samples: list[Sample]) -> tuple[Heats, Heats]:
    """How detections score by their boxes alone, and by their boxes and names."""
    boxed: Heats = ([], 0)
    named: Heats = ([], 0)
    for index, sample in enumerate(samples):
        features = vlm.features(_frame(sample, index))
        boxed = _more(boxed, features, sample, named=False)
        named = _more(named, features, sample, named=True)
    return boxed, named


def _more(heats: Heats, features: Features, sample: Sample, *, named: bool) -> Heats:
    """The heats with those of one more image."""
    boxes = range(len(features.boxes))
    taken: set[int] = set()
    missed = 0
    for record in counted(sample):
        names = (CATEGORIES[record["category"]], COLORS[record["color"]])
        hits = [
            (iou(features.box(k), tuple(record["box"])), k)
            for k in boxes
            if k not in taken and (not named or features.name(k)[:2] == names)
        ]
        overlap, k = max(hits, default=(0.0, -1))
        missed += overlap < 0.5
        taken |= {k} if overlap >= 0.5 else set()
    scored = [
        (float(features.scores[k]), k in taken)
        for k in boxes
        if k in taken or not excused(features.box(k), sample)
    ]
    return heats[0] + scored, heats[1] + missed


def _least_alarming(vlm: EmbeddedVLM, samples: list[Sample]) -> dict[str, float]:
    """The lowest thresholds at which few phrases of what is not there are grounded."""
    alarms: dict[str, list[float]] = {"": [], "relational": []}
    for index, sample in enumerate(samples):
        frame = _frame(sample, index)
        rng = np.random.default_rng([8, index])
        absent = [(phrase, kind) for phrase, thing, kind in phrases(sample, rng) if thing is None]
        for phrase, kind in (
            *absent,
            *((wrong, "relational") for wrong, _ in misnamed(sample, rng)),
        ):
            found = vlm.ground(frame, phrase)
            alarms[kind].append(found[0].score if found else 0.0)
    allowed = {
        kind: float(np.quantile(scores, 1 - _ALARMS[kind])) for kind, scores in alarms.items()
    }
    return {
        "ground": round(float(np.clip(allowed[""], *_BETWEEN)), 3),
        "related": round(float(np.clip(allowed["relational"], *_BETWEEN)), 3),
    }


def _answers(vlm: EmbeddedVLM, samples: list[Sample]) -> dict[str, list[tuple[float, bool]]]:
    """(probability of yes, truth) of every question, by its kind."""
    answers: dict[str, list[tuple[float, bool]]] = {}
    for index, sample in enumerate(samples):
        frame = _frame(sample, index)
        rng = np.random.default_rng([9, index])
        wrong = ((f"is {phrase}?", False, kind) for phrase, kind in misnamed(sample, rng))
        for question, truth, kind in (*questions(sample, rng), *wrong):
            answer = vlm.ask(frame, question)
            yes = answer.confidence if answer.text == "yes" else 1.0 - answer.confidence
            answers.setdefault(kind, []).append((yes, truth))
    return answers


def _write(checkpoint: Path, config: object) -> None:
    (checkpoint / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def _best_threshold(heats: list[tuple[float, bool]], missed: int, recall: float) -> float:
    """The score that gives the best F of detection, in which recall counts so many times."""
    best, at = 0.0, 0.3
    for threshold in np.linspace(0.12, 0.84, 37):
        kept = [right for score, right in heats if score > threshold]
        dropped = sum(right for score, right in heats if score <= threshold)
        good = (1 + recall) * sum(kept)
        wrong, lacking = len(kept) - sum(kept), dropped + missed
        f = good / max(good + recall * lacking + wrong, 1)
        if f > best:
            best, at = f, float(threshold)
    return at


def fitted(answers: list[tuple[float, bool]]) -> tuple[float, float, float, float]:
    """Slope and intercept of a logistic fit from log-odds to truth (Platt 1999), and its limits.

    Like a psychometric function with lapses (Wichmann and Hill 2001), it runs from a least to a
    most probability: what was missed altogether may be so however little speaks for it.
    """
    from scipy.optimize import minimize

    sure = np.clip([a for a, _ in answers], 1e-4, 1 - 1e-4)
    x, y = np.log(sure / (1 - sure)), np.array([b for _, b in answers], dtype=np.float64)

    def loss(w: np.ndarray) -> float:
        p = w[2] + (1 - w[2] - w[3]) / (1 + np.exp(-(w[0] * x + w[1])))
        return float(-np.mean(np.log(np.where(y > 0, p, 1 - p))) + 1e-3 * w[0] ** 2)

    bounds = [(0.1, 5.0), (-9.0, 9.0), (1e-4, _LAPSE), (1e-4, _LAPSE)]
    found = minimize(loss, np.array([1.0, 0.0, 0.01, 0.01]), bounds=bounds).x
    return float(found[0]), float(found[1]), float(found[2]), float(1 - found[3])
