"""Language in, motion out, the camera in the loop.

    import handeye

    with handeye.connect("sim", seed=7) as robot:
        result = handeye.Agent(robot).run("put the red cup on the blue plate")

Everything is imported when it is first used, so `import handeye` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handeye import agents, errors, perception, sims, skills
    from handeye.agents.agent import Agent, Result
    from handeye.agents.state import Budget

    from .connecting import connect
    from .episode import run_episode
    from .evaluation import evaluate

__version__ = "0.1.0"

_HOMES = {
    "Agent": "handeye.agents.agent",
    "Budget": "handeye.agents.state",
    "Result": "handeye.agents.agent",
    "connect": "handeye.connecting",
    "evaluate": "handeye.evaluation",
    "run_episode": "handeye.episode",
}
_ROOMS = ("agents", "errors", "perception", "sims", "skills")

__all__ = [
    "Agent",
    "Budget",
    "Result",
    "__version__",
    "agents",
    "connect",
    "errors",
    "evaluate",
    "perception",
    "run_episode",
    "sims",
    "skills",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"handeye.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(
        f"module 'handeye' has no attribute {name!r}; it has: {', '.join(__all__)}"
    )


def __dir__() -> list[str]:
    return sorted(__all__)
