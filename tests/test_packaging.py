"""The wheel holds what the tree holds: a forgotten package would only be missed by its users."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    "src/handeye": "handeye",
    "agents": "handeye/agents",
    "perception": "handeye/perception",
    "skills": "handeye/skills",
    "sims": "handeye/sims",
}
_CACHES = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in a wheel that is built from the tree."""
    # From a copy: a build folder in the tree may still hold what was deleted long ago.
    source, out = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for folder in ROOMS:
        shutil.copytree(ROOT / folder, source / folder, ignore=_CACHES)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "-w", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    [built] = out.glob("handeye-*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def tree() -> set[str]:
    return {
        f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, package in ROOMS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


def test_the_wheel_and_the_tree_hold_the_same_files(wheel: set[str]) -> None:
    packed = {name for name in wheel if ".dist-info/" not in name}
    assert packed == tree()


def test_the_wheel_ships_its_licence_types_and_weights(wheel: set[str]) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
    assert "handeye/perception/vlm/checkpoint/model.safetensors" in wheel
    for package in ROOMS.values():
        assert f"{package}/py.typed" in wheel


def test_every_package_is_listed() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        f"{package}/{path.parent.relative_to(ROOT / folder).as_posix()}".removesuffix("/.")
        for folder, package in ROOMS.items()
        for path in (ROOT / folder).rglob("*.py")
    }
    assert set(setup["packages"]) == {name.replace("/", ".") for name in found}


def test_every_dependency_is_pinned_for_the_set_up() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {plain(line.split(">=")[0].split("[")[0]) for line in wanted}
    pins = (ROOT / "constraints.txt").read_text().split()
    pinned = {plain(line.split("==")[0]) for line in pins}
    assert names <= pinned
    assert not [line for line in pins if "+" in line]


def plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
