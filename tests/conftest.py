"""Shared fixtures: real simulations, small and seeded."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path

import pytest
from chat_server import Server
from handeye.perception.scene import Scene, SceneObject
from handeye.sims.simulation import Simulation, simulate
from handeye.sims.tasks import get_task

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def grab() -> Iterator[Simulation]:
    """ "grab the red cup" among distractors."""
    with simulate(get_task("grab_red_cup"), 11) as simulation:
        yield simulation


@pytest.fixture(scope="session")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a shard of one scene, from the overview and from the wrist, with depth."""
    import numpy as np
    from handeye.sims.labelling import write_shard
    from handeye.sims.training_data import SceneOptions, render_scene

    folder = tmp_path_factory.mktemp("shards")
    options = SceneOptions(overview_views=1, wrist_views=1)
    write_shard(folder / "shard-00000.npz", [*render_scene(np.random.default_rng(1), options)])
    return folder


def thing(
    name: str,
    x: float,
    y: float,
    size: tuple[float, float, float] = (0.05, 0.05, 0.05),
    z: float | None = None,
    **fields: object,
) -> SceneObject:
    """A scene object whose colour and category are its name's two words."""
    color, category = name.split()
    return SceneObject.model_validate(
        {
            "name": name,
            "color": color,
            "category": category,
            "position": (x, y, size[2] / 2 if z is None else z),
            "size": size,
            **fields,
        }
    )


@pytest.fixture
def table() -> Scene:
    """Two cups, a plate with a block on it, a bowl, a ball and two more blocks."""
    return Scene(
        objects={
            "cup_1": thing("red cup", 0.5, 0.1, (0.08, 0.08, 0.09)),
            "cup_2": thing("blue cup", 0.5, -0.1, (0.08, 0.08, 0.09)),
            "plate_1": thing("blue plate", 0.4, 0.25, (0.18, 0.18, 0.02)),
            "bowl_1": thing("green bowl", 0.6, 0.2, (0.15, 0.15, 0.05)),
            "ball_1": thing("red ball", 0.6, -0.2),
            "block_1": thing("green block", 0.4, -0.2, (0.04, 0.04, 0.04)),
            "block_2": thing("red block", 0.4, -0.05),
            "block_3": thing("yellow block", 0.4, 0.25, (0.04, 0.04, 0.04), z=0.03, on="plate_1"),
        }
    )


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of a language model, on loopback."""
    running = Server()
    yield running
    running.close()


@pytest.fixture(scope="session")
def chat_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model of a few thousand parameters, never trained."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<unk>", "<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    raw.train_from_iterator(["grab the red cup"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<end>", pad_token="<end>", unk_token="<unk>"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
        "{% if tools %}tools: {{ tools | length }}\n{% endif %}assistant: "
    )
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=16384,
        eos_token_id=tokenizer.eos_token_id,
    )
    folder = tmp_path_factory.mktemp("chat")
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
