"""load_vlm: from a name, folder or address to something with the verbs."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import ModelError
from .written import Convention

_URL = re.compile(r"^(https?://[^#]+)(?:#(.+))?$")
Kind = Literal["dual", "answers", "vocabulary", "writes", "instructed", "plots"]


@dataclass(frozen=True)
class Family:
    """How checkpoints of one `model_type` are run.

    Attributes:
        kind: which backend runs it.
        auto: the class of transformers that loads it.
        verbs: what it can do.
        convention: in which it writes boxes.
        boxes_prompt: how it is asked for boxes, if it has a form of its own.
    """

    kind: Kind
    auto: str
    verbs: tuple[str, ...]
    convention: Convention = "auto"
    boxes_prompt: str | None = None


_DUAL = Family("dual", "AutoModel", ("classify", "embed", "embed_text", "search", "ask"))
_WRITES = ("parse", "ground", "caption")
_ALL = ("parse", "ground", "ask", "caption", "read_chart")
_TEXT = "AutoModelForImageTextToText"
_QWEN2_BOXES = "Output the bounding box of {phrase} in the image."
FAMILIES: dict[str, Family] = {
    "clip": _DUAL,
    "chinese_clip": _DUAL,
    "siglip": _DUAL,
    "siglip2": _DUAL,
    "align": _DUAL,
    "blip": Family("answers", _TEXT, ("caption", "ask")),
    "blip-2": Family("answers", _TEXT, ("caption", "ask")),
    "instructblip": Family("answers", _TEXT, ("caption", "ask")),
    "git": Family("answers", _TEXT, ("caption", "ask")),
    "vilt": Family("answers", "AutoModelForVisualQuestionAnswering", ("ask",)),
    "florence2": Family("writes", _TEXT, _WRITES, "thousandths"),
    "kosmos-2": Family("writes", _TEXT, _WRITES, "shares"),
    "owlv2": Family("vocabulary", "AutoModelForZeroShotObjectDetection", ("ground",), "pixels"),
    "owlvit": Family("vocabulary", "AutoModelForZeroShotObjectDetection", ("ground",), "pixels"),
    "grounding-dino": Family(
        "vocabulary", "AutoModelForZeroShotObjectDetection", ("ground",), "pixels"
    ),
    "llava": Family("instructed", _TEXT, _ALL, "shares"),
    "llava_next": Family("instructed", _TEXT, _ALL, "shares"),
    "llava_onevision": Family("instructed", _TEXT, _ALL, "shares"),
    "idefics": Family("instructed", _TEXT, _ALL, "shares"),
    "idefics3": Family("instructed", _TEXT, _ALL, "auto"),
    "smolvlm": Family("instructed", _TEXT, _ALL, "auto"),
    "paligemma": Family("instructed", _TEXT, _ALL, "shares", "detect {phrase}"),
    "qwen2_vl": Family("instructed", _TEXT, _ALL, "thousandths", _QWEN2_BOXES),
    "qwen2_5_vl": Family("instructed", _TEXT, _ALL, "pixels"),
    "qwen3_vl": Family("instructed", _TEXT, _ALL, "thousandths"),
    "pix2struct": Family("plots", "Pix2StructForConditionalGeneration", ("read_chart", "ask")),
}
"""The families of transformers checkpoints that are known, by `model_type`."""


def load_vlm(name: str | Path = "embedded", **loading: Any) -> Any:
    """Load a vision-language model; `verbs` of what it returns says what it can do.

    Args:
        name: "embedded" for the one that ships; a checkpoint folder or hub name of one of
            FAMILIES; or "http://host:port/v1#model" for an OpenAI-compatible server, whose key is
            taken from HANDEYE_VLM_API_KEY or OPENAI_API_KEY.
        **loading: for checkpoints, see `Loading`; for servers, `timeout_s`, `retries`,
            `spending` of `Server`.

    Raises:
        ModelError: nothing of this name can be loaded; says what can.
    """
    url = _URL.match(str(name))
    if url:
        from .instructed import InstructedVLM
        from .remote import Server

        server = Server(url[1], url[2] or "default", **loading)
        return InstructedVLM(server.write, str(name), "thousandths")
    if str(name) == "embedded":
        from .embedded import EmbeddedVLM

        return EmbeddedVLM()
    return _load_checkpoint(str(name), loading)


def _load_checkpoint(name: str, loading: dict[str, Any]) -> Any:
    folder = Path(name).expanduser()
    if not (folder / "config.json").is_file() and not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ModelError(
            f'there is no VLM "{name}"; accepted are "embedded", a checkpoint folder (with a '
            "config.json), a hub name such as Qwen/Qwen2.5-VL-3B-Instruct, and "
            "http://host:port/v1#model"
        )
    if folder.is_dir():
        name = str(folder)
    from .checkpoints import family_of

    family = family_of(name)
    if family == "handeye":
        from .embedded import EmbeddedVLM

        return EmbeddedVLM(folder)
    if family not in FAMILIES:
        raise ModelError(
            f'the checkpoint {name} is of the family "{family}", which is not known; known are '
            f"{', '.join(sorted(FAMILIES))}"
        )
    return _of_family(name, family, loading)


def _of_family(name: str, family: str, loading: dict[str, Any]) -> Any:
    from .checkpoints import Loading, load_parts

    known = FAMILIES[family]
    auto = known.auto
    if family == "blip" and _is_question_answerer(name):
        auto, known = "BlipForQuestionAnswering", Family(known.kind, auto, ("ask",))
    parts = load_parts(name, auto, Loading(**loading), family)
    if known.kind == "dual":
        from .dual import DualEncoder

        return DualEncoder(parts)
    if known.kind == "answers":
        from .answering import Answerer

        return Answerer(parts, known.verbs)
    if known.kind == "vocabulary":
        from .grounders import OpenVocabularyDetector

        return OpenVocabularyDetector(parts)
    if known.kind == "writes":
        from .grounders import WritingGrounder

        return WritingGrounder(parts)
    if known.kind == "plots":
        from .plots import PlotReader

        return PlotReader(parts)
    from .instructed import InstructedVLM, local_writer

    return InstructedVLM(local_writer(parts), name, known.convention, known.boxes_prompt)


def _is_question_answerer(name: str) -> bool:
    import json

    config = Path(name) / "config.json"
    if not config.is_file():
        return "vqa" in name.lower()
    return "BlipForQuestionAnswering" in (json.loads(config.read_text()).get("architectures") or [])
