"""Batches: samples, targets and phrases, made in a thread beside the training."""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from handeye.perception.vlm.configuration_handeye import HandeyeConfig
from handeye.perception.vlm.tokenizer import build_tokenizer

from .losses import Prompts
from .roughening import augment
from .shards import Sample, Shards
from .targets import CATEGORIES, COLORS, Targets, dense_targets, phrases_of

PHRASES_PER_IMAGE = 8


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step trains on.

    Attributes:
        pixel_values: [B, 3, H, W] float32, normalised.
        targets: of each image.
        prompts: category prompts, colour prompts, and all images' phrases.
    """

    pixel_values: Tensor
    targets: list[Targets]
    prompts: Prompts


def normalize(images: np.ndarray, config: HandeyeConfig) -> Tensor:
    """[B, H, W, 3] uint8 to [B, 3, H, W] float32 in the model's range."""
    pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255.0
    mean = torch.tensor(config.image_mean).view(1, 3, 1, 1)
    std = torch.tensor(config.image_std).view(1, 3, 1, 1)
    return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)


def ranges_of(samples: Sequence[Sample]) -> tuple[Tensor, Tensor] | None:
    """Depth [B, 1, H, W] and focal lengths [B, 2] of images that all have them, else None."""
    depths = [sample.depth for sample in samples if sample.depth is not None]
    focal_px = [sample.focal_px for sample in samples if sample.focal_px is not None]
    if len(depths) < len(samples) or len(focal_px) < len(samples):
        return None
    return torch.from_numpy(np.stack(depths))[:, None], torch.tensor(focal_px)


class BatchMaker:
    """Draws batches: step n is the same batch for the same seed and shards."""

    def __init__(
        self,
        shards: Shards,
        config: HandeyeConfig,
        *,
        batch_size: int,
        size: tuple[int, int],
        seed: int,
    ) -> None:
        self._shards, self._config = shards, config
        self._batch_size, self._size, self._seed = batch_size, size, seed
        self._tokenizer = build_tokenizer()

    def make(self, step: int) -> Batch:
        """The batch of one step."""
        rng = np.random.default_rng([self._seed, step])
        picks = rng.integers(len(self._shards), size=self._batch_size)
        samples = [augment(self._shards[int(i)], self._size, rng) for i in picks]
        targets = [dense_targets(sample) for sample in samples]
        words = [*CATEGORIES, *(f"{color} thing" for color in COLORS)]
        truth = []
        for sample, target in zip(samples, targets, strict=True):
            phrases, true = phrases_of(sample, target.kept, PHRASES_PER_IMAGE, rng)
            words += phrases
            truth.append(torch.from_numpy(true))
        tokens = self._tokenizer(words, padding=True, return_tensors="pt")
        prompts = Prompts(
            tokens["input_ids"], tokens["attention_mask"], len(CATEGORIES), len(COLORS), truth
        )
        pixels = normalize(np.stack([sample.rgb for sample in samples]), self._config)
        return Batch(pixels, targets, prompts)

    def stream(self, first: int, last: int) -> Iterator[Batch]:
        """Batches of steps [first, last), made ahead in a thread."""
        ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=4)
        stop = threading.Event()

        def work() -> None:
            try:
                for step in range(first, last):
                    if stop.is_set():
                        return
                    ready.put(self.make(step))
            except BaseException as error:
                ready.put(error)

        threading.Thread(target=work, daemon=True).start()
        try:
            for _ in range(first, last):
                item = ready.get()
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stop.set()
            while not ready.empty():
                ready.get_nowait()
