"""What imports what: the arrows of the house point downward, and the command starts at once."""

import subprocess
import sys

import pytest

import handeye

HEAVY = {"torch", "transformers", "langgraph", "pybullet", "cv2", "scipy", "gymnasium", "av"}


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_command_starts_without_anything_heavy() -> None:
    assert not modules_after("import handeye.cli") & HEAVY


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("handeye.perception.observer", {"handeye.skills", "handeye.agents", "handeye.sims"}),
        ("handeye.skills.pick", {"handeye.agents", "handeye.sims"}),
        ("handeye.agents.agent", {"handeye.sims"}),
    ],
)
def test_the_arrows_only_point_downward(module: str, forbidden: set[str]) -> None:
    assert not modules_after(f"import {module}") & forbidden


def test_every_error_is_public_in_one_place() -> None:
    from handeye.perception import errors

    tree = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.HandeyeError)
    }
    assert set(handeye.errors.__all__) == tree
