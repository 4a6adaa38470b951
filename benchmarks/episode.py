"""Where the seconds of an episode go: python benchmarks/episode.py [--episodes N] [--task NAME].

build   making the simulated scene
render  camera images
model   the VLM's forward passes
scene   lifting detections to objects, tracking, relations
motion  stepping the physics while the arm moves
plan    reading the instruction
rest    grasps and collision-free paths, the graph, its checkpoints
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from handeye.agents.agent import Agent
from handeye.agents.eyes import make_observer
from handeye.agents.making import make_planner
from handeye.agents.planner import PlanResult
from handeye.perception.vlm.load import load_vlm
from handeye.sims.simulation import simulate
from handeye.sims.tasks import get_task
from handeye.skills.guarded import Guarded
from handeye.skills.robot import Robot, RobotState

from handeye.evaluation import episode_seed

STAGES = ("build", "render", "model", "scene", "motion", "plan", "rest")


class Stopwatch(Guarded):
    """A guarded robot that counts the wall-clock seconds of its motions."""

    def __init__(self, robot: Robot) -> None:
        super().__init__(robot)
        self.seconds = 0.0

    def _timed(self, motion: Callable[[], RobotState]) -> RobotState:
        start = time.perf_counter()
        try:
            return motion()
        finally:
            self.seconds += time.perf_counter() - start

    def move_to(self, *args: Any, **options: Any) -> RobotState:
        return self._timed(lambda: Guarded.move_to(self, *args, **options))

    def move_joints(self, *args: Any, **options: Any) -> RobotState:
        return self._timed(lambda: Guarded.move_joints(self, *args, **options))

    def set_gripper(self, *args: Any, **options: Any) -> RobotState:
        return self._timed(lambda: Guarded.set_gripper(self, *args, **options))


class TimedPlanner:
    """The embedded planner with a clock."""

    def __init__(self) -> None:
        self._planner = make_planner("embedded")
        self.seconds = 0.0

    def plan(self, *args: Any, **options: Any) -> PlanResult:
        start = time.perf_counter()
        result = self._planner.plan(*args, **options)
        self.seconds += time.perf_counter() - start
        return result


def episode(task: str, number: int, model: object) -> tuple[Counter[str], float, bool]:
    """Seconds by stage, simulated seconds, and whether it was judged a success."""
    began = time.perf_counter()
    with simulate(get_task(task), episode_seed(task, number)) as simulation:
        spent = Counter(build=time.perf_counter() - began)
        observer = make_observer(simulation.robot, model)
        robot, planner = Stopwatch(simulation.robot), TimedPlanner()
        with Agent(robot, planner=planner, observer=observer) as agent:
            agent.run(simulation.setup.instruction)
        spent.update(observer.seconds)
        spent.update(motion=robot.seconds, plan=planner.seconds)
        judged = bool(simulation.judged())
        spent["rest"] = time.perf_counter() - began - sum(spent.values())
        return spent, simulation.world.time_s, judged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--task", default="put_on")
    options = parser.parse_args()
    model = load_vlm("embedded")
    episode(options.task, options.episodes, model)  # warms caches up
    total: Counter[str] = Counter()
    simulated, good = 0.0, 0
    for number in range(options.episodes):
        spent, seconds, judged = episode(options.task, number, model)
        total.update(spent)
        simulated += seconds
        good += judged
    count, whole = options.episodes, sum(total.values())
    print(f"{options.task}: {count} episodes, {good} succeeded, {whole / count:.1f} s each")
    print(f"{simulated / count:.1f} s of simulated time each\n")
    print("| stage | seconds | share |\n|---|---|---|")
    for stage in STAGES:
        print(f"| {stage} | {total[stage] / count:.2f} | {100 * total[stage] / whole:.0f} % |")


if __name__ == "__main__":
    main()
