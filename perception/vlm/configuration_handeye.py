"""Configuration of the embedded VLM."""

from typing import Any

from transformers import BertConfig, PreTrainedConfig, ResNetConfig


class HandeyeConfig(PreTrainedConfig):
    """What a HandeyeModel is made of.

    Args:
        backbone: keyword arguments of transformers' ResNetConfig.
        text: keyword arguments of transformers' BertConfig.
        neck_dim: channels of the fused features at stride 8.
        embed_dim: size of the space in which locations and phrases are compared.
        mask_dim: channels of the mask head at stride 4.
        gaze_depth: how many residual blocks the gaze has more than the glimpse.
        gaze_surroundings: whether the gaze sees what is around a thing besides.
        sees_depth: whether a depth image, where a frame has one, adds to what the gaze says.
        categories, colors: the prompts that `parse` chooses from.
        image_mean, image_std: of RGB in 0..1.
        thresholds: fitted on held-out scenes: what is "found" at all, and of that what "parse"
            tells; "ground" (of plain phrases) and "related".
        calibration: kind of question ("exists", "held", "on", "in", "open") -> (slope, intercept,
            least, most) of a logistic fit from score to probability.
    """

    model_type = "handeye"

    def __init__(
        self,
        backbone: dict[str, Any] | None = None,
        text: dict[str, Any] | None = None,
        neck_dim: int = 96,
        embed_dim: int = 128,
        mask_dim: int = 32,
        gaze_depth: int = 4,
        gaze_surroundings: bool = False,
        sees_depth: bool = False,
        categories: list[str] | None = None,
        colors: list[str] | None = None,
        image_mean: tuple[float, float, float] = (0.45, 0.43, 0.41),
        image_std: tuple[float, float, float] = (0.24, 0.24, 0.24),
        thresholds: dict[str, float] | None = None,
        calibration: dict[str, tuple[float, ...]] | None = None,
        **kwargs: Any,
    ) -> None:
        self.backbone = backbone or {
            "embedding_size": 32,
            "hidden_sizes": [32, 64, 128, 192],
            "depths": [1, 2, 2, 1],
            "layer_type": "basic",
        }
        self.text = text or {
            "vocab_size": 128,
            "hidden_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 256,
            "max_position_embeddings": 32,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        }
        self.neck_dim = neck_dim
        self.embed_dim = embed_dim
        self.mask_dim = mask_dim
        self.gaze_depth = gaze_depth
        self.gaze_surroundings = gaze_surroundings
        self.sees_depth = sees_depth
        self.categories = categories or []
        self.colors = colors or []
        self.image_mean = image_mean
        self.image_std = image_std
        given = thresholds or {}
        found = given.get("parse", 0.3)
        self.thresholds = {"found": found, "parse": 0.3, "ground": 0.5, "related": 0.5} | given
        self.calibration = calibration or {}
        super().__init__(**kwargs)

    def backbone_config(self) -> ResNetConfig:
        """Of the ResNet backbone; all four stages come out."""
        stages = [f"stage{i}" for i in range(1, 5)]
        return ResNetConfig(**{**self.backbone, "out_features": stages})

    def text_config(self) -> BertConfig:
        """Of the text tower."""
        return BertConfig(**self.text)
