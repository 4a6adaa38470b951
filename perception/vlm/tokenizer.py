"""The embedded VLM's tokenizer: one token a word of its lexicon."""

from transformers import PreTrainedTokenizerFast

from .lexicon import vocabulary


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A lower-casing word tokenizer over the lexicon; unknown words become [UNK]."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = ["[PAD]", "[UNK]", *vocabulary()]
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    )
