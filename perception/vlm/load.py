"""load_vlm: from a name, folder or address to something with the verbs."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelError

if TYPE_CHECKING:
    from .embedded import EmbeddedVLM


def load_vlm(name: str | Path = "embedded") -> "EmbeddedVLM":
    """Load a vision-language model.

    Args:
        name: "embedded" for the one that ships, or a checkpoint folder of its family.

    Raises:
        ModelError: nothing of this name can be loaded; says what can.
    """
    from .embedded import EmbeddedVLM

    if str(name) == "embedded":
        return EmbeddedVLM()
    if (Path(name) / "config.json").is_file():
        return EmbeddedVLM(Path(name))
    raise ModelError(
        f'there is no VLM "{name}"; accepted are "embedded" and a folder with a checkpoint of '
        "its family (config.json, model.safetensors, tokenizer.json)"
    )
