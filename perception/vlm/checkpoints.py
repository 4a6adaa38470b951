"""Loading transformers checkpoints: processor and model, with where and how they run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ..errors import ModelError
from ..frame import Frame
from .adapters import adapted

Dtype = Literal["auto", "float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class Loading:
    """How a checkpoint is loaded.

    Attributes:
        device: "auto" is CUDA where there is one, else the CPU.
        dtype: of the weights; "auto" is half precision on CUDA, single on the CPU.
        bits: 4 or 8 quantise with bitsandbytes (CUDA); None does not.
        compiled: run the model's parts through torch.compile, whose first call takes its time; a
            string names its backend.

    Raises:
        ModelError: dtype or bits are none of these.
    """

    device: str = "auto"
    dtype: Dtype = "auto"
    bits: Literal[4, 8] | None = None
    compiled: bool | str = False

    def __post_init__(self) -> None:
        if self.dtype not in get_args(Dtype):
            raise ModelError(
                f'"{self.dtype}" is no dtype of weights; accepted are {", ".join(get_args(Dtype))}'
            )
        if self.bits not in (None, 4, 8):
            raise ModelError(f"weights of {self.bits} bits cannot be loaded; accepted are 4 and 8")


@dataclass(frozen=True, eq=False)
class Parts:
    """A loaded checkpoint.

    Attributes:
        processor, model: of transformers; the model is in evaluation mode, and the processor
            None where the backend needs none.
        family: its `model_type`.
        name: folder or hub name.
        device: where it runs.
    """

    processor: Any
    model: Any
    family: str
    name: str
    device: str

    def inputs(self, **arguments: Any) -> Any:
        """What the processor makes of images and text, where the model runs."""
        return self.placed(self.processor(return_tensors="pt", **arguments))

    def placed(self, made: Any) -> Any:
        """Tensors by name, on the model's device; what is no index in the model's precision."""
        import torch

        moved = made.to(self.device)
        for key, value in moved.items():
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                moved[key] = value.to(self.model.dtype)
        return moved


def load_parts(
    name: str,
    auto: str,
    loading: Loading,
    family: str,
    *,
    adapter: Path | None = None,
    processor: bool = True,
) -> Parts:
    """Load processor and model of a checkpoint folder or hub name.

    Args:
        name: of the checkpoint.
        auto: name of the class of transformers that loads the model.
        loading: how.
        family: its `model_type`.
        adapter: folder of an adapter to merge into it.
        processor: whether to load the processor too.

    Raises:
        ModelError: a package is missing, or the files are damaged; says which.
    """
    import torch
    import transformers

    device = loading.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    half = torch.float16 if device.startswith("cuda") else torch.float32
    dtype = half if loading.dtype == "auto" else getattr(torch, loading.dtype)
    options: dict[str, Any] = {"dtype": dtype}
    if loading.bits is not None:
        options |= _quantised(loading.bits, device)
    try:
        loaded = transformers.AutoProcessor.from_pretrained(name) if processor else None
        model = getattr(transformers, auto).from_pretrained(name, **options)
        if loading.bits is None:
            model = model.to(device)
    except ImportError as error:
        raise ModelError(_missing(name, family, error)) from error
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"the checkpoint {name} ({family}) cannot be loaded: {reason}") from error
    if adapter is not None:
        model = adapted(model, adapter)
    model = model.eval()
    if loading.compiled:
        # In place, part by part: `generate` and `get_image_features` pass by the whole's forward.
        backend = "inductor" if loading.compiled is True else loading.compiled
        for part in model.children():
            part.compile(backend=backend)
    return Parts(loaded, model, family, name, device)


def picture_of(frame: Frame) -> Any:
    """A frame's image as the processors take it (PIL)."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(frame.rgb))


def config_of(name: str | Path) -> dict[str, Any]:
    """The config of a checkpoint folder or hub name, with its `model_type`; raises ModelError."""
    import json

    file = Path(name).expanduser() / "config.json"
    if file.is_file():
        try:
            config = json.loads(file.read_text())
            return {**config, "model_type": str(config["model_type"])}
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{file} names no model_type: it is damaged") from error
    from transformers import AutoConfig

    try:
        found: dict[str, Any] = AutoConfig.from_pretrained(str(name)).to_dict()
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f'there is no checkpoint "{name}" here or on the hub: {reason}') from error
    return found


def _quantised(bits: int, device: str) -> dict[str, Any]:
    from importlib.util import find_spec

    from transformers import BitsAndBytesConfig

    if find_spec("bitsandbytes") is None or not device.startswith("cuda"):
        raise ModelError(
            f"{bits}-bit loading needs bitsandbytes and a CUDA device; this machine lacks "
            f"{'bitsandbytes' if find_spec('bitsandbytes') is None else 'the device'}"
        )
    config = BitsAndBytesConfig(load_in_4bit=bits == 4, load_in_8bit=bits == 8)
    return {"quantization_config": config, "device_map": device}


def _missing(name: str, family: str, error: ImportError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    needs = "torchvision" if "torchvision" in str(error).lower() else (lines or ["a package"])[0]
    return f"the checkpoint {name} ({family}) needs {needs}, which is not installed here"
