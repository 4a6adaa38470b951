"""Tiny, randomly initialised checkpoints of the families that load_vlm knows, saved as folders.

Nothing of them is downloaded: configs are a few numbers, tokenizers a few words. They hold the
loading, prompting and reading of each family to account, not what it says.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as t

WORDS = [
    "a",
    "an",
    "the",
    "is",
    "it",
    "red",
    "blue",
    "cup",
    "bowl",
    "block",
    "what",
    "where",
    "yes",
    "no",
    "how",
    "many",
    "find",
    "of",
    "in",
    "on",
    "image",
    "describe",
    "this",
    "one",
    "sentence",
    "answer",
    "question",
    "short",
    "user",
    "assistant",
    "detect",
    "output",
    "bounding",
    "box",
    "generate",
    "underlying",
    "data",
    "table",
    "figure",
    "below",
    "with",
    "caption",
    "object",
    "grounding",
    "to",
    "phrase",
    ":",
    ".",
    ",",
    "?",
    "|",
    "<",
    ">",
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
]


def tokenizer(*special: str, framed: bool = False, **options: Any) -> Any:
    """A tokenizer of whole words with the special tokens that a family wants.

    `framed` sets a start and an end around what it reads.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    base = ["<pad>", "<unk>", "<s>", "</s>", "[CLS]", "[SEP]", "[PAD]", "[MASK]", *special]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([*base, *WORDS]))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if framed:
        ends = [("<s>", vocabulary["<s>"]), ("</s>", vocabulary["</s>"])]
        made.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=ends)
    settings = {
        "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>",
        "cls_token": "[CLS]", "sep_token": "[SEP]", "model_max_length": 120,
        "additional_special_tokens": list(special), **options,
    }  # fmt: skip
    return t.PreTrainedTokenizerFast(tokenizer_object=made, **settings)


_VISION = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 32, "patch_size": 16,
}  # fmt: skip
_LANGUAGE = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "max_position_embeddings": 128,
}  # fmt: skip
_SQUARE = {"height": 32, "width": 32}


def _clip() -> tuple[Any, Any]:
    words = tokenizer(framed=True)
    text = {**_LANGUAGE, "vocab_size": len(words), "eos_token_id": 3, "bos_token_id": 2}
    config = t.CLIPConfig(text_config=text, vision_config=_VISION, projection_dim=16)
    images = t.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=_SQUARE)
    return t.CLIPModel(config), t.CLIPProcessor(images, words)


def _siglip() -> tuple[Any, Any]:
    words = tokenizer(model_max_length=64)
    text = {**_LANGUAGE, "vocab_size": len(words), "max_position_embeddings": 64}
    config = t.SiglipConfig(text_config=text, vision_config=_VISION)
    return t.SiglipModel(config), t.SiglipProcessor(t.SiglipImageProcessor(size=_SQUARE), words)


def _chinese_clip() -> tuple[Any, Any]:
    words = tokenizer()
    text = {**_LANGUAGE, "vocab_size": len(words)}
    config = t.ChineseCLIPConfig(text_config=text, vision_config=_VISION, projection_dim=16)
    images = t.ChineseCLIPImageProcessor(size=_SQUARE, crop_size=_SQUARE)
    return t.ChineseCLIPModel(config), t.ChineseCLIPProcessor(images, words)


def _blip_caption() -> tuple[Any, Any]:
    return _blip(t.BlipForConditionalGeneration)


def _blip_vqa() -> tuple[Any, Any]:
    return _blip(t.BlipForQuestionAnswering)


def _blip(kind: Any) -> tuple[Any, Any]:
    words = tokenizer("[DEC]", "[ENC]")
    text = {
        **_LANGUAGE, "vocab_size": len(words), "encoder_hidden_size": 32, "bos_token_id": 2,
        "eos_token_id": 5, "sep_token_id": 5, "pad_token_id": 0, "projection_dim": 16,
        "is_decoder": True,
    }  # fmt: skip
    config = t.BlipConfig(text_config=text, vision_config=_VISION, projection_dim=16)
    return kind(config), t.BlipProcessor(t.BlipImageProcessor(size=_SQUARE), words)


def _git() -> tuple[Any, Any]:
    words = tokenizer()
    config = t.GitConfig(
        vision_config=_VISION, vocab_size=len(words), bos_token_id=4, eos_token_id=5,
        pad_token_id=0, **_LANGUAGE,
    )  # fmt: skip
    images = t.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=_SQUARE)
    return t.GitForCausalLM(config), t.GitProcessor(images, words)


def _vilt() -> tuple[Any, Any]:
    words = tokenizer()
    names = dict(enumerate(("yes", "no", "2", "red")))
    config = t.ViltConfig(
        vocab_size=len(words), image_size=32, patch_size=16, num_labels=4, id2label=names,
        label2id={v: k for k, v in names.items()}, **_LANGUAGE,
    )  # fmt: skip
    images = t.ViltImageProcessor(size={"shortest_edge": 32}, size_divisor=16)
    return t.ViltForQuestionAnswering(config), t.ViltProcessor(images, words)


def _owlv2() -> tuple[Any, Any]:
    words = tokenizer(model_max_length=16)
    text = {**_LANGUAGE, "vocab_size": len(words), "max_position_embeddings": 16}
    config = t.Owlv2Config(text_config=text, vision_config=_VISION, projection_dim=32)
    return t.Owlv2ForObjectDetection(config), t.Owlv2Processor(
        t.Owlv2ImageProcessor(size=_SQUARE), words
    )


def _llava() -> tuple[Any, Any]:
    words = tokenizer("<image>")
    vision = t.CLIPVisionConfig(**_VISION)
    text = t.LlamaConfig(vocab_size=len(words), **_LANGUAGE)
    place = words.convert_tokens_to_ids("<image>")
    config = t.LlavaConfig(vision_config=vision, text_config=text, image_token_index=place)
    images = t.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=_SQUARE)
    processor = t.LlavaProcessor(
        images, words, patch_size=16, vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )  # fmt: skip
    return t.LlavaForConditionalGeneration(config), processor


def _llava_next() -> tuple[Any, Any]:
    words = tokenizer("<image>")
    vision = t.CLIPVisionConfig(**_VISION)
    text = t.LlamaConfig(vocab_size=len(words), **_LANGUAGE)
    place = words.convert_tokens_to_ids("<image>")
    grid = [[32, 64], [64, 32]]
    config = t.LlavaNextConfig(
        vision_config=vision, text_config=text, image_token_index=place, image_grid_pinpoints=grid
    )
    images = t.LlavaNextImageProcessor(
        size={"shortest_edge": 32}, crop_size=_SQUARE, image_grid_pinpoints=grid
    )
    processor = t.LlavaNextProcessor(
        images, words, patch_size=16, vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )  # fmt: skip
    return t.LlavaNextForConditionalGeneration(config), processor


def _paligemma() -> tuple[Any, Any]:
    places = [f"<loc{i:04d}>" for i in range(1024)]
    words = tokenizer("<image>", *places)
    vision = t.SiglipVisionConfig(**_VISION, vision_use_head=False)
    text = t.GemmaConfig(
        vocab_size=len(words) + 128, head_dim=16, num_key_value_heads=1, **_LANGUAGE
    )
    config = t.PaliGemmaConfig(
        vision_config=vision, text_config=text, projection_dim=32,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    images = t.SiglipImageProcessor(size=_SQUARE)
    images.image_seq_length = 4
    return t.PaliGemmaForConditionalGeneration(config), t.PaliGemmaProcessor(images, words)


def _idefics3() -> tuple[Any, Any]:
    special = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    words = tokenizer(*special)
    text = t.LlamaConfig(vocab_size=len(words), **_LANGUAGE)
    config = t.Idefics3Config(
        vision_config=_VISION, text_config=text, scale_factor=2,
        image_token_id=words.convert_tokens_to_ids("<image>"), pad_token_id=0,
    )  # fmt: skip
    images = t.Idefics3ImageProcessor(
        size={"longest_edge": 32}, max_image_size={"longest_edge": 32}, do_image_splitting=False
    )
    template = (
        "{% for m in messages %}user : {% for c in m['content'] %}{% if c['type'] == 'image' %}"
        "<image>{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %} assistant :"
    )
    processor = t.Idefics3Processor(images, words, image_seq_len=1, chat_template=template)
    return t.Idefics3ForConditionalGeneration(config), processor


def _blip2() -> tuple[Any, Any]:
    words = tokenizer("<image>")
    config = t.Blip2Config(
        vision_config=_VISION,
        qformer_config={
            **_LANGUAGE, "vocab_size": len(words), "encoder_hidden_size": 32,
            "cross_attention_frequency": 1,
        },
        text_config=t.OPTConfig(
            vocab_size=len(words), hidden_size=32, ffn_dim=48, num_hidden_layers=2,
            num_attention_heads=2, word_embed_proj_dim=32, max_position_embeddings=128,
            bos_token_id=2, eos_token_id=3, pad_token_id=0,
        ),
        num_query_tokens=4,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    images = t.BlipImageProcessor(size=_SQUARE)
    processor = t.Blip2Processor(images, words, num_query_tokens=4)
    return t.Blip2ForConditionalGeneration(config), processor


def _grounding_dino() -> tuple[Any, Any]:
    words = tokenizer()
    backbone = t.SwinConfig(
        image_size=64, patch_size=4, embed_dim=16, depths=[1, 1, 1], num_heads=[2, 2, 2],
        window_size=4, out_features=["stage1", "stage2", "stage3"],
    )  # fmt: skip
    text = t.BertConfig(vocab_size=len(words), **_LANGUAGE)
    config = t.GroundingDinoConfig(
        backbone_config=backbone, text_config=text, d_model=32, num_queries=10, encoder_layers=1,
        decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=48, decoder_ffn_dim=48, num_feature_levels=4, max_text_len=32,
    )  # fmt: skip
    images = t.GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 96})
    return t.GroundingDinoForObjectDetection(config), t.GroundingDinoProcessor(images, words)


def _align() -> tuple[Any, Any]:
    words = tokenizer()
    text = {**_LANGUAGE, "vocab_size": len(words)}
    vision = {
        "image_size": 64, "hidden_dim": 32, "width_coefficient": 0.25, "depth_coefficient": 0.25,
    }  # fmt: skip
    config = t.AlignConfig(text_config=text, vision_config=vision, projection_dim=80)
    images = t.EfficientNetImageProcessor(size={"height": 64, "width": 64})
    return t.AlignModel(config), t.AlignProcessor(images, words)


def _florence2() -> tuple[Any, Any]:
    places = [f"<loc_{i}>" for i in range(1000)]
    words = tokenizer("<image>", *places, extra_special_tokens={"image_token": "<image>"})
    vision = {
        "embed_dim": [16, 16, 16, 32], "num_heads": [2, 2, 2, 2], "num_groups": [2, 2, 2, 2],
        "depths": [1, 1, 1, 1], "window_size": 4, "projection_dim": 32,
    }  # fmt: skip
    text = {
        "model_type": "bart", "vocab_size": len(words), "d_model": 32, "encoder_layers": 1,
        "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
        "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 128,
        "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0, "decoder_start_token_id": 3,
        "forced_eos_token_id": 3,
    }  # fmt: skip
    place = words.convert_tokens_to_ids("<image>")
    config = t.Florence2Config(vision_config=vision, text_config=text, image_token_id=place)
    images = t.CLIPImageProcessor(size={"height": 64, "width": 64}, do_center_crop=False)
    images.image_seq_length = 5
    tasks: dict[str, Any] = {"description_with_bboxes": {}, "phrase_grounding": {}, "pure_text": {}}
    processor = t.Florence2Processor(images, words, post_processor_config=tasks)
    return t.Florence2ForConditionalGeneration(config), processor


def _pix2struct() -> tuple[Any, Any]:
    words = tokenizer()
    text = {
        "vocab_size": len(words), "hidden_size": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2,
        "num_heads": 2, "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 3,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "patch_embed_hidden_size": 768, "d_ff": 48, "d_kv": 16,
        "num_hidden_layers": 2, "num_attention_heads": 2, "seq_len": 64,
    }  # fmt: skip
    config = t.Pix2StructConfig(text_config=text, vision_config=vision)
    config.is_encoder_decoder = True
    images = t.Pix2StructImageProcessor(max_patches=16)
    return t.Pix2StructForConditionalGeneration(config), t.Pix2StructProcessor(images, words)


def _kosmos2() -> tuple[Any, Any]:
    images = t.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=_SQUARE)
    processor = t.Kosmos2Processor(images, tokenizer())
    text = {
        "vocab_size": len(processor.tokenizer), "embed_dim": 32, "layers": 2, "ffn_dim": 48,
        "attention_heads": 2, "max_position_embeddings": 256, "bos_token_id": 2,
        "eos_token_id": 3, "pad_token_id": 1,
    }  # fmt: skip
    config = t.Kosmos2Config(text_config=text, vision_config=_VISION, latent_query_num=64)
    return t.Kosmos2ForConditionalGeneration(config), processor


def _idefics() -> tuple[Any, Any]:
    words = tokenizer("<fake_token_around_image>", "<image>", "<end_of_utterance>")
    vision = {
        "embed_dim": 32, "image_size": 32, "patch_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 48,
    }  # fmt: skip
    perceiver = {
        "use_resampler": True, "resampler_n_latents": 4, "resampler_depth": 1,
        "resampler_n_heads": 2, "resampler_head_dim": 16,
    }  # fmt: skip
    config = t.IdeficsConfig(
        vocab_size=len(words), additional_vocab_size=0, cross_layer_interval=1,
        vision_config=vision, perceiver_config=perceiver, use_resampler=True, bos_token_id=2,
        eos_token_id=3, pad_token_id=0, **_LANGUAGE,
    )  # fmt: skip
    images = t.IdeficsImageProcessor(image_size=32)
    return t.IdeficsForVisionText2Text(config), t.IdeficsProcessor(images, words, image_size=32)


def _instructblip() -> tuple[Any, Any]:
    words = tokenizer("<image>")
    model, _ = _blip2()
    text = model.config.text_config.to_dict()
    qformer = {
        **_LANGUAGE, "vocab_size": len(words), "encoder_hidden_size": 32,
        "cross_attention_frequency": 1,
    }  # fmt: skip
    config = t.InstructBlipConfig(
        vision_config=_VISION, qformer_config=qformer, text_config=text, num_query_tokens=4,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    images = t.BlipImageProcessor(size=_SQUARE)
    processor = t.InstructBlipProcessor(images, words, tokenizer(), num_query_tokens=4)
    return t.InstructBlipForConditionalGeneration(config), processor


def _sam2() -> tuple[Any, Any]:
    backbone = {
        "hidden_size": 8, "num_attention_heads": 1, "image_size": [64, 64],
        "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [8, 16, 24, 32],
        "num_attention_heads_per_stage": [1, 1, 2, 2], "window_size_per_stage": [8, 4, 8, 4],
        "global_attention_blocks": [3], "window_positional_embedding_background_size": [4, 4],
    }  # fmt: skip
    vision = {
        "backbone_config": {"model_type": "sam2_hiera_det_model", **backbone},
        "backbone_channel_list": [32, 24, 16, 8],
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]], "fpn_hidden_size": 32,
    }  # fmt: skip
    prompts = {"hidden_size": 32, "image_size": 64, "patch_size": 16}
    masks = {
        "hidden_size": 32, "mlp_dim": 48, "num_attention_heads": 2, "iou_head_hidden_dim": 16,
    }  # fmt: skip
    config = t.Sam2Config(
        vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=masks
    )
    return t.Sam2Model(config), None


BUILDERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "clip": _clip,
    "siglip": _siglip,
    "chinese_clip": _chinese_clip,
    "blip": _blip_caption,
    "blip-vqa": _blip_vqa,
    "git": _git,
    "vilt": _vilt,
    "owlv2": _owlv2,
    "llava": _llava,
    "llava_next": _llava_next,
    "paligemma": _paligemma,
    "idefics3": _idefics3,
    "blip-2": _blip2,
    "grounding-dino": _grounding_dino,
    "align": _align,
    "florence2": _florence2,
    "pix2struct": _pix2struct,
    "kosmos-2": _kosmos2,
    "idefics": _idefics,
    "instructblip": _instructblip,
    "sam2": _sam2,
}


def build(family: str, folder: Path) -> Path:
    """Save a tiny checkpoint of a family; the same weights every time."""
    torch.manual_seed(0)
    model, processor = BUILDERS[family]()
    if model.can_generate():
        # What is not trained does not know when to stop.
        model.generation_config.exponential_decay_length_penalty = [8, 8.0]
        model.generation_config.eos_token_id = model.generation_config.eos_token_id or 3
    model.eval().save_pretrained(folder)
    if processor is not None:
        processor.save_pretrained(folder)
    return folder
