"""Adapters (LoRA): folders of a few weights that go on top of another checkpoint's."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelError

if TYPE_CHECKING:
    from .modeling_handeye import HandeyeModel

_FILE = "adapter_config.json"


def base_of(folder: Path) -> str | None:
    """What an adapter folder goes on top of: a name for `load_vlm`; None of other folders.

    Raises ModelError where the folder does not say.
    """
    file = folder / _FILE
    if not file.is_file():
        return None
    try:
        return str(json.loads(file.read_text())["base_model_name_or_path"])
    except (ValueError, KeyError) as error:
        raise ModelError(f"{file} names no base_model_name_or_path: it is damaged") from error


def adapted(model: Any, folder: Path) -> Any:
    """A model with an adapter's weights merged into its own; as fast as it was without.

    Raises:
        ModelError: peft is not installed, or the adapter is of another model.
    """
    peft = import_peft(f"the adapter {folder}")
    try:
        return peft.PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"the adapter {folder} cannot be loaded: {reason}") from error


def grown_embedded(folder: Path, base: Path) -> "HandeyeModel":
    """The embedded model with the words of an adapter's config, and a base's weights.

    What has another shape than the base's, because there are more words, is not filled: the
    adapter brings it whole.
    """
    from safetensors.torch import load_file

    from .configuration_handeye import HandeyeConfig
    from .modeling_handeye import HandeyeModel

    model: Any = HandeyeModel(HandeyeConfig.from_pretrained(folder))
    state = model.state_dict()
    for key, value in load_file(base / "model.safetensors").items():
        if key in state and state[key].shape == value.shape:
            state[key] = value.to(state[key].dtype)
    model.load_state_dict(state)
    return model  # type: ignore[no-any-return]


def import_peft(what: str) -> Any:
    """The peft package; raises ModelError saying what needs it."""
    try:
        import peft
    except ImportError as error:
        raise ModelError(f"{what} needs peft: pip install 'handeye[tune]'") from error
    return peft
