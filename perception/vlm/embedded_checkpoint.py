"""Where the embedded VLM's weights lie, and how they are loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from .adapters import adapted, base_of, grown_embedded

if TYPE_CHECKING:
    import torch

CHECKPOINT = Path(__file__).parent / "checkpoint"
"""The folder that ships with the package."""


def load_checkpoint(folder: Path) -> "tuple[torch.nn.Module, object]":
    """Model and tokenizer of a checkpoint folder; raises ModelError saying what is wrong."""
    from transformers import PreTrainedTokenizerFast

    from .modeling_handeye import HandeyeModel

    base = base_of(folder)
    weights = "model.safetensors" if base is None else "adapter_model.safetensors"
    for name in ("config.json", weights, "tokenizer.json"):
        if not (folder / name).is_file():
            raise ModelError(
                f"the embedded VLM's {name} is missing in {folder}; reinstall handeye, or make "
                "the checkpoint with `handeye train`"
            )
    try:
        model: Any
        if base is None:
            loaded: Any
            with _unreported():
                loaded = HandeyeModel.from_pretrained(folder, output_loading_info=True)
            model, told = loaded
            _must_fit(folder, told["missing_keys"], told["unexpected_keys"])
        else:
            trunk = grown_embedded(folder, CHECKPOINT if base == "embedded" else Path(base))
            model = adapted(trunk, folder)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"the embedded VLM in {folder} cannot be read ({type(error).__name__}: {error}); "
            "its files are damaged: reinstall handeye"
        ) from error
    return model.float().eval(), tokenizer


@contextmanager
def _unreported() -> Iterator[None]:
    """Without the page that transformers writes on weights that do not fit; one line says it."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _must_fit(folder: Path, missing: set[str], unknown: set[str]) -> None:
    """Raise ModelError for weights that are missing, or not the model's: it would see at random."""
    for what, keys in (("no", missing), ("unknown", unknown)):
        if keys:
            parts = ", ".join(sorted({key.split(".")[0] for key in keys}))
            raise ModelError(
                f"the embedded VLM in {folder} has {what} weights for its {parts}; it is of "
                "another version of handeye: make it anew with `handeye train`"
            )
