"""What the evaluation engine costs, and what workers gain: python -m benchmarks.evaluation.

Episodes a minute of the plain loop (`run_episode`, one after another), of the engine with one
worker, and with two. The rounds are
interleaved, so that whatever else the machine does meets all of them alike, and the engine's
clock starts when its workers have their models: it measures episodes, not the start of Python.
On a machine that others use too, wall-clock time says little of a few percent; so the engine's
own processor time (all that its process does while workers run the episodes) is told as well.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from handeye.quiet import import_simulator

Taken = tuple[float, float]
"""Seconds of wall-clock time, and of this process's processor time."""


def plain_loop(plan: Sequence[object], tasks: object) -> Taken:
    """What the episodes take when nothing but they is run."""
    from handeye.evaluation.job import run_job

    began = time.perf_counter(), time.process_time()
    for job in plan:
        run_job(job, tasks[job.task])  # type: ignore[index,attr-defined]
    return time.perf_counter() - began[0], time.process_time() - began[1]


def engine(ended: Iterator[tuple[object, object]], jobs: int, plan: Sequence[object]) -> Taken:
    """What as many episodes as the plan has take, from the end of each worker's first one."""
    stamps = [(time.perf_counter(), time.process_time()) for _ in ended]
    share = len(plan) / (len(stamps) - jobs)
    warm, last = stamps[jobs - 1], stamps[-1]
    return (last[0] - warm[0]) * share, (last[1] - warm[1]) * share


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

    def workers(jobs: int) -> Taken:
        # Each worker begins with one episode that is not counted: it loads the models.
        first = [Job(options.task, number, setting, entropy=1) for number in range(jobs)]
        return engine(run_in_processes([*first, *plan], tasks, jobs), jobs, plan)

    ways: dict[str, Callable[[], Taken]] = {
        "plain loop": lambda: plain_loop(plan, tasks),
        "engine, 1 job": lambda: workers(1),
        "engine, 2 jobs": lambda: workers(2),
    }
    plain_loop(plan[:1], tasks)  # loads the models
    seconds: dict[str, list[Taken]] = {way: [] for way in ways}
    for number in range(options.rounds):
        order = list(ways) if number % 2 == 0 else list(reversed(ways))
        for way in order:
            seconds[way].append(ways[way]())
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{options.rounds} rounds of {options.episodes} episodes of {options.task}; ", end="")
    print(f"load {load} on {os.cpu_count()} cores\n")
    print("| way | episodes a minute | rounds |\n|---|---|---|")
    for way, taken in seconds.items():
        rates = [60 * options.episodes / wall for wall, _ in taken]
        rounds = ", ".join(f"{rate:.1f}" for rate in rates)
        print(f"| {way} | {statistics.median(rates):.1f} | {rounds} |")
    alone, one, two = seconds.values()
    cost = statistics.median(b[0] / a[0] - 1 for a, b in zip(alone, one, strict=True))
    own = statistics.median(b[1] / a[1] for a, b in zip(alone, one, strict=True))
    gain = statistics.median(b[0] / c[0] for b, c in zip(one, two, strict=True))
    print(f"\nengine over plain loop, wall clock: {100 * cost:+.1f} % (goal: at most +5 %)")
    print(f"the engine's own processor time: {100 * own:.2f} % of the episodes'")
    print(f"2 jobs over 1 job, wall clock: {gain:.2f} × (goal: at least 1.8 ×)")


if __name__ == "__main__":
    main()
