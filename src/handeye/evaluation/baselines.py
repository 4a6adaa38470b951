"""A planner that understands nothing: what chance alone would reach."""

import numpy as np

from handeye.agents.planner import Plan, PlanResult, Progress
from handeye.perception.scene import Scene
from handeye.skills.pick import Pick
from handeye.skills.place import Place
from handeye.skills.push import VECTORS, Push
from handeye.skills.skill import Skill


class RandomPlanner:
    """Picks, puts or pushes something, whatever it is told; gives up after the first try.

    Args:
        seed: of its choices.
    """

    def __init__(self, seed: np.random.SeedSequence) -> None:
        self._rng = np.random.default_rng(seed)

    def plan(self, instruction: str, scene: Scene, progress: Progress) -> PlanResult:  # noqa: ARG002
        """One of the things that tasks are about, with objects drawn at random."""
        if progress.failure is not None or not scene.objects:
            return Plan(skills=())
        names = [str(name) for name in self._rng.permutation(sorted(scene.objects))]
        target, other = names[0], names[-1]
        kind = self._rng.random()
        if kind < 1 / 3:
            skills: tuple[Skill, ...] = (Pick(target=target),)
        elif kind < 2 / 3:
            relation = "on" if self._rng.random() < 0.5 else "in"
            call = {"relation": relation, "reference": other, "target": target}
            skills = (Pick(target=target), Place.model_validate(call))
        else:
            direction = list(VECTORS)[int(self._rng.integers(len(VECTORS)))]
            skills = (Push.model_validate({"target": target, "direction": direction}),)
        return Plan(skills=skills, reading="whatever")
