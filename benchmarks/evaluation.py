"""What the evaluation engine costs, and what workers gain: python -m benchmarks.evaluation.

Episodes a minute of the plain loop (`run_episode`, one after another), of the engine with one
worker, and with two. The rounds are
interleaved, so that whatever else the machine does meets all of them alike, and the engine's
clock starts when its workers have their models: it measures episodes, not the start of Python.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from handeye.quiet import import_simulator


def plain_loop(plan: Sequence[object], tasks: object) -> float:
    """Seconds that the episodes take when nothing but they is run."""
    from handeye.evaluation.job import run_job

    began = time.perf_counter()
    for job in plan:
        run_job(job, tasks[job.task])  # type: ignore[index,attr-defined]
    return time.perf_counter() - began


def engine(ended: Iterator[tuple[object, object]], jobs: int, plan: Sequence[object]) -> float:
    """Seconds for as many episodes as the plan has, from the end of each worker's first one."""
    stamps = [time.perf_counter() for _ in ended]
    warm, last = stamps[jobs - 1], stamps[-1]
    return (last - warm) * len(plan) / (len(stamps) - jobs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="put_on")
    parser.add_argument("--vlm", default="embedded")
    parser.add_argument("--episodes", type=int, default=12, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    import_simulator()

    from handeye.evaluation.job import prepare
    from handeye.evaluation.plan import Job, Setting
    from handeye.evaluation.suite import tasks_named
    from handeye.evaluation.workers import run_in_processes

    prepare()
    tasks = tasks_named([options.task])
    setting = Setting(vlm=options.vlm)
    plan = [Job(options.task, number, setting) for number in range(options.episodes)]

    def workers(jobs: int) -> float:
        # Each worker begins with one episode that is not counted: it loads the models.
        first = [Job(options.task, number, setting, entropy=1) for number in range(jobs)]
        return engine(run_in_processes([*first, *plan], tasks, jobs), jobs, plan)

    ways: dict[str, Callable[[], float]] = {
        "plain loop": lambda: plain_loop(plan, tasks),
        "engine, 1 job": lambda: workers(1),
        "engine, 2 jobs": lambda: workers(2),
    }
    plain_loop(plan[:1], tasks)  # loads the models
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(options.rounds):
        order = list(ways) if number % 2 == 0 else list(reversed(ways))
        for way in order:
            seconds[way].append(ways[way]())
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{options.rounds} rounds of {options.episodes} episodes of {options.task}; ", end="")
    print(f"load {load} on {os.cpu_count()} cores\n")
    print("| way | episodes a minute | rounds |\n|---|---|---|")
    for way, taken in seconds.items():
        rates = [60 * options.episodes / s for s in taken]
        rounds = ", ".join(f"{rate:.1f}" for rate in rates)
        print(f"| {way} | {statistics.median(rates):.1f} | {rounds} |")
    alone, one, two = seconds.values()
    cost = statistics.median(b / a - 1 for a, b in zip(alone, one, strict=True))
    gain = statistics.median(b / c for b, c in zip(one, two, strict=True))
    print(f"\nengine over plain loop: {100 * cost:+.1f} % (goal: at most +5 %)")
    print(f"2 jobs over 1 job: {gain:.2f} × (goal: at least 1.8 ×)")


if __name__ == "__main__":
    main()
