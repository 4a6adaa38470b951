"""Reading YAML as version 1.2 does: "on" is a word, not a truth value."""

from pathlib import Path
from typing import Any

import yaml

from .errors import SceneFileError

_TRUTH = "tag:yaml.org,2002:bool"


class _Loader(yaml.SafeLoader):
    """SafeLoader whose only truth values are true and false."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != _TRUTH or first in "tTfF"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str) -> Any:
    """Parse YAML or JSON text; raises yaml.YAMLError."""
    return yaml.load(text, Loader=_Loader)


def read_yaml(path: Path, what: str) -> Any:
    """Read a YAML or JSON file; raises SceneFileError that calls it `what`."""
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SceneFileError(f"cannot read {what} {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SceneFileError(f"{what} {path} is not UTF-8 text") from error
    except yaml.YAMLError as error:
        raise SceneFileError(f"{what} {path} is not valid YAML: {error}") from error
