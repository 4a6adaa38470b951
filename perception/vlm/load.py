"""load_vlm: from a name, folder or address to something with the verbs."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl

from ..addresses import redacted
from ..errors import ModelError, UserError
from .adapters import base_of
from .answering import Answerer
from .checkpoints import Loading, Parts, config_of, load_parts
from .dual import DualEncoder
from .embedded import EmbeddedVLM
from .grounders import OpenVocabularyDetector, WritingGrounder
from .instructed import InstructedVLM, local_writer
from .masks import Segmenter
from .plots import PlotReader
from .remote import Server, boxes_of
from .written import Convention

_URL = re.compile(r"^(https?://[^#]+)(?:#([^?]*)(?:\?(.*))?)?$")


@dataclass(frozen=True)
class Family:
    """How checkpoints of one `model_type` are run.

    Attributes:
        backend: what runs a loaded checkpoint; its `verbs` are the family's.
        auto: the class of transformers that loads it.
        processor: whether the backend wants transformers' processor.
    """

    backend: Callable[[Parts], Any]
    auto: str = "AutoModelForImageTextToText"
    processor: bool = True


def _instructed(convention: Convention, boxes_prompt: str | None = None) -> Family:
    """A family that does what it is told; see `InstructedVLM`."""

    def backend(parts: Parts) -> InstructedVLM:
        return InstructedVLM(local_writer(parts), parts.name, convention, boxes_prompt)

    return Family(backend)


_DUAL = Family(DualEncoder, "AutoModel")
_SEGMENTER = Family(Segmenter, "Sam2Model", processor=False)
_DETECTOR = Family(OpenVocabularyDetector, "AutoModelForZeroShotObjectDetection")
FAMILIES: dict[str, Family] = {
    "clip": _DUAL,
    "chinese_clip": _DUAL,
    "siglip": _DUAL,
    "siglip2": _DUAL,
    "align": _DUAL,
    "blip": Family(Answerer),
    "blip-2": Family(Answerer),
    "instructblip": Family(Answerer),
    "git": Family(Answerer),
    "vilt": Family(Answerer, "AutoModelForVisualQuestionAnswering"),
    "florence2": Family(WritingGrounder),
    "kosmos-2": Family(WritingGrounder),
    "owlv2": _DETECTOR,
    "owlvit": _DETECTOR,
    "grounding-dino": _DETECTOR,
    "llava": _instructed("shares"),
    "llava_next": _instructed("shares"),
    "llava_onevision": _instructed("shares"),
    "idefics": _instructed("shares"),
    "idefics3": _instructed("auto"),
    "smolvlm": _instructed("auto"),
    "paligemma": _instructed("shares", "detect {phrase}"),
    "qwen2_vl": _instructed("thousandths", "Output the bounding box of {phrase} in the image."),
    "qwen2_5_vl": _instructed("pixels"),
    "qwen3_vl": _instructed("thousandths"),
    "sam2": _SEGMENTER,
    "sam2_video": _SEGMENTER,
    "pix2struct": Family(PlotReader, "Pix2StructForConditionalGeneration"),
}
"""The families of transformers checkpoints that are known, by `model_type`."""


def load_vlm(name: str | Path = "embedded", **options: Any) -> Any:
    """Load a vision-language model; `verbs` of what it returns says what it can do.

    Args:
        name: "embedded" for the one that ships; a checkpoint folder or hub name of one of
            FAMILIES, or the folder of an adapter to one (see `handeye tune`); or
            "http://host:port/v1#model" for an OpenAI-compatible server, whose key is taken from
            HANDEYE_VLM_API_KEY or OPENAI_API_KEY; "#model?boxes=pixels&most_tokens=4000" says
            how it writes boxes where its name does not tell, and how much a model that thinks may
            write.
        **options: for checkpoints, see `Loading`; for servers, `timeout_s`, `retries`,
            `spending`, `boxes`, `most_tokens` of `Server`; the embedded model takes `dtype`.

    Raises:
        UserError: nothing can have this name; says what can.
        ModelError: what has this name cannot be loaded, or not so.
    """
    url = _URL.match(str(name))
    if url:
        return _load_server(str(name), url, options)
    if str(name) == "embedded":
        return _with(partial(EmbeddedVLM, None), "embedded", options)
    return _load_checkpoint(str(name), options)


def _load_server(name: str, url: re.Match[str], options: dict[str, Any]) -> InstructedVLM:
    model, told = url[2] or "default", redacted(name)
    asked: dict[str, Any] = dict(parse_qsl(url[3] or "", keep_blank_values=True))
    if asked.get("most_tokens", "").isdecimal():
        asked["most_tokens"] = int(asked["most_tokens"])
    unknown = [key for key in asked if key not in ("boxes", "most_tokens")]
    chosen = {"boxes": boxes_of(model), **asked, **options}
    if unknown or chosen["boxes"] not in get_args(Convention):
        what = f"?{unknown[0]}=" if unknown else f'boxes in "{chosen["boxes"]}"'
        known = ", ".join(get_args(Convention))
        raise UserError(
            f'"{told}" takes no {what}; accepted is ?boxes= with {known}, and ?most_tokens= with a '
            "number"
        )
    server = _with(partial(Server, url[1], model), told, chosen)
    _ = server.line  # what it lacks is told now, not in mid-episode
    return InstructedVLM(server.write, told, server.boxes)


def _load_checkpoint(name: str, options: dict[str, Any]) -> Any:
    folder = Path(name).expanduser()
    adapter = folder if base_of(folder) and not (folder / "config.json").is_file() else None
    if adapter is not None:
        name = str(base_of(folder))
        folder = Path(name).expanduser()
    if not (folder / "config.json").is_file() and not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise UserError(
            f'there is no VLM "{name}"; accepted are "embedded", a checkpoint folder (with a '
            "config.json), a hub name such as Qwen/Qwen2.5-VL-3B-Instruct, and "
            "http://host:port/v1#model"
        )
    if folder.is_dir():
        name = str(folder)
    config = config_of(name)
    family = config["model_type"]
    if family == "handeye":
        return _with(partial(EmbeddedVLM, folder), name, options)
    if family not in FAMILIES:
        raise ModelError(
            f'the checkpoint {name} is of the family "{family}", which is not known; known are '
            f"{', '.join(sorted(FAMILIES))}"
        )
    known, auto = FAMILIES[family], FAMILIES[family].auto
    if "BlipForQuestionAnswering" in (config.get("architectures") or []):
        auto = "BlipForQuestionAnswering"
    parts = load_parts(
        name,
        auto,
        _with(Loading, name, options),
        family,
        adapter=adapter,
        processor=known.processor,
    )
    return known.backend(parts)


def _with(make: Callable[..., Any], name: str, options: dict[str, Any]) -> Any:
    """Make something with the options that were given; names those that it does not take."""
    taken = [*signature(make).parameters]
    unknown = [option for option in options if option not in taken]
    if unknown:
        raise ModelError(
            f'"{name}" takes no option {", ".join(unknown)}; it takes {", ".join(taken) or "none"}'
        )
    return make(**options)
