"""How fast the embedded VLM is: its verbs beside its own bare forward pass, and beside big models.

    python benchmarks/vlm.py [--frames 30] [--depth] [--dtype float32]

The big models have the shape of OWLv2-base and Florence-2-base with random weights: the time that
they take does not depend on what they know. All is measured in one run, in turns, on two threads.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from statistics import median
from typing import Any

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import numpy as np
import torch
from handeye.perception.frame import Frame
from handeye.perception.vlm.closer_looks import RELIEF_SIZE, SEEN, SURROUNDINGS_SIZE
from handeye.perception.vlm.dense_relief import GlimpseRelief
from handeye.perception.vlm.embedded import EmbeddedVLM
from handeye.sims.simulation import simulate
from handeye.sims.tasks import get_task
from rich.console import Console
from rich.table import Table

from handeye.training.proposing import proposals_of

THREADS = 2


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--depth", action="store_true", help="frames as of an RGB-D camera")
    parser.add_argument("--dtype", default="auto", help="of the embedded VLM")
    options = parser.parse_args()
    count = options.frames
    torch.set_num_threads(THREADS)
    with simulate(get_task("grab_red_cup"), 3) as simulation:
        seen = simulation.robot.cameras["overview"].read()
    before = peak_mb()
    vlm = EmbeddedVLM(dtype=options.dtype)
    depth, camera = seen.depth if options.depth else None, seen.intrinsics
    frames = [Frame(seen.rgb.copy(), "overview", i, float(i), depth, camera) for i in range(count)]
    rgb = torch.from_numpy(np.ascontiguousarray(seen.rgb)).permute(2, 0, 1)[None].float() / 255
    bare = vlm._looker._model
    vlm.parse(frames[0])
    memory = peak_mb() - before
    detections = len(vlm.parse(frames[0]))
    ranges = None
    if depth is not None:
        focal_px = torch.tensor([(camera.fx, camera.fy)])
        ranges = torch.from_numpy(np.asarray(depth))[None, None], focal_px
    proposed, kept = (
        len(proposals_of(bare, seen.rgb[None], ranges, glimpsed=glimpsed)[0].boxes)
        for glimpsed in (False, True)
    )

    def fresh() -> Frame:
        frames.append(frames.pop(0))
        vlm._kept.clear()
        return frames[0]

    work: dict[str, Callable[[], object]] = {
        "bare forward pass": lambda: forward(bare, rgb, ranges, proposed, kept),
        "parse": lambda: vlm.parse(fresh()),
        "ground": lambda: vlm.ground(fresh(), "the red cup"),
        "ask": lambda: vlm.ask(fresh(), "is the red cup held by the gripper?"),
        "ask again of the same frame": lambda: vlm.ask(frames[0], "is the red cup on the plate?"),
        "OWLv2-base, one image": owlv2(),
        "Florence-2-base, one image": florence2(),
    }
    times = measure(work, count)
    table = Table(title=f"{THREADS} threads, 320×240, medians of {count}; {detections} objects")
    for column in ("what", "ms", "× bare forward", "× parse"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, seconds in times.items():
        table.add_row(
            name,
            f"{1000 * seconds:.1f}",
            f"{seconds / times['bare forward pass']:.2f}",
            f"{seconds / times['parse']:.1f}",
        )
    Console().print(table)
    print(f"memory above torch and the simulator: {memory:.0f} MB")


def measure(work: dict[str, Callable[[], object]], count: int) -> dict[str, float]:
    """Median seconds of each, measured in turns, so that all see the same machine."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(count + 2):
        for name, call in work.items():
            if name.endswith("one image") and turn > max(count // 10, 3):
                continue
            start = time.perf_counter()
            call()
            if turn >= 2:
                taken[name].append(time.perf_counter() - start)
    return {name: median(times) for name, times in taken.items()}


def forward(
    model: Any,
    pixels: torch.Tensor,
    ranges: tuple[torch.Tensor, torch.Tensor] | None,
    proposed: int,
    kept: int,
) -> None:
    """The model's own arithmetic and nothing else: the dense pass, glimpses, gazes and reliefs."""
    with torch.inference_mode():
        model(pixels.contiguous(memory_format=torch.channels_last), *(ranges or ()))
        glimpse = closer_look(model.glimpse, proposed)
        closer_look(model.gaze, 2 * kept)  # A gaze is two looks.
        if ranges is not None:
            side = GlimpseRelief.SIDE
            around = torch.ones(proposed, GlimpseRelief.CHANNELS, side, side)
            model.glimpse_relief(glimpse, torch.zeros(proposed, SEEN), around)
            model.relief(
                torch.zeros(kept, SEEN),
                torch.zeros(kept, 2, RELIEF_SIZE, RELIEF_SIZE),
                torch.zeros(kept, 7),
                torch.ones(kept),
            )


def closer_look(part: Any, count: int) -> object:
    """A glimpse, or a gaze, at so many crops."""
    around = torch.zeros(count, 4, SURROUNDINGS_SIZE, SURROUNDINGS_SIZE)
    return part(
        torch.zeros(count, 4, part.side, part.side),
        torch.zeros(count, 2),
        around if part.surroundings is not None else None,
    )


def owlv2() -> Callable[[], object]:
    """A detector of the shape of google/owlv2-base-patch16, with one query."""
    from transformers import Owlv2Config, Owlv2ForObjectDetection

    config = Owlv2Config(vision_config={"image_size": 960, "patch_size": 16})
    model = Owlv2ForObjectDetection(config).eval()
    pixels = torch.zeros(1, 3, 960, 960)
    ids = torch.tensor([[49406, 320, 736, 1937, 49407]])

    def call() -> object:
        with torch.inference_mode():
            return model(pixel_values=pixels, input_ids=ids, attention_mask=torch.ones_like(ids))

    return call


def florence2() -> Callable[[], object]:
    """A model of the shape of microsoft/Florence-2-base; it writes twenty tokens."""
    from transformers import Florence2Config, Florence2ForConditionalGeneration

    config = Florence2Config(text_config={"model_type": "bart", "vocab_size": 51_328})
    model = Florence2ForConditionalGeneration(config).eval()
    size = 768
    tokens = 577  # 24 × 24 places of a 768 px image, and their mean
    ids = torch.cat([torch.full((1, tokens), config.image_token_id), torch.tensor([[0, 5, 2]])], 1)

    def call() -> object:
        with torch.inference_mode():
            return model.generate(
                input_ids=ids,
                pixel_values=torch.zeros(1, 3, size, size),
                max_new_tokens=20,
                min_new_tokens=20,
                num_beams=1,
                do_sample=False,
            )

    return call


def peak_mb() -> float:
    """Most memory that this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
