"""Growing a checkpoint: new words and categories beside those that it has learnt."""

import json
from pathlib import Path

import torch
from torch import Tensor

from handeye.perception.vlm.modeling_handeye import HandeyeModel
from handeye.perception.vlm.tokenizer import build_tokenizer


def grow(
    model: HandeyeModel, folder: Path, vocabulary: dict[str, int] | None = None
) -> HandeyeModel:
    """Copy what a checkpoint has learnt into a model that knows more words.

    Rows of word embeddings follow the tokens; rows of the named heads follow the categories and
    colours; what the checkpoint has not stays as it was made.

    Args:
        model: with fresh weights; changed in place, and returned.
        folder: the checkpoint's.
        vocabulary: word -> token of the model's own tokenizer; by default of the lexicon's.
    """
    from safetensors.torch import load_file
    from transformers import PreTrainedTokenizerFast

    config = json.loads((folder / "config.json").read_text())
    words = PreTrainedTokenizerFast.from_pretrained(folder).get_vocab()
    theirs = [*config["categories"], *config["colors"]]
    mine = [*model.config.categories, *model.config.colors]
    names = [(mine.index(name), i) for i, name in enumerate(theirs) if name in mine]
    mine_words = build_tokenizer().get_vocab() if vocabulary is None else vocabulary
    tokens = [(i, words[w]) for w, i in mine_words.items() if w in words]
    state = model.state_dict()
    for key, value in load_file(folder / "model.safetensors").items():
        if key.startswith(("names.", "glimpse.names.", "gaze.names.", "relief.names.")):
            state[key] = _placed(state[key], value, names)
        elif key.endswith("word_embeddings.weight"):
            state[key] = _placed(state[key], value, tokens)
        elif key in state and state[key].shape == value.shape:
            state[key] = value.to(state[key].dtype)
    model.load_state_dict(state)
    return model


def _placed(target: Tensor, source: Tensor, rows: list[tuple[int, int]]) -> Tensor:
    result = target.clone()
    to, of = torch.tensor(rows).T
    result[to] = source[of].to(result.dtype)
    return result
