"""Workers: episodes in processes of their own; one that dies or hangs costs a retry, no more."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ..episode import EpisodeResult
from .job import TRIES, broken, failed, prepare, run_job
from .plan import Job

if TYPE_CHECKING:
    from handeye.sims.tasks.task import Task

TIMEOUT_S = 600.0
"""Wall-clock time after which an episode counts as hung."""
_AHEAD = 4
"""How many episodes a worker has before it, so that it need not wait for the next."""

Tasks = Mapping[str, "Task"]
Ended = Iterator[tuple[Job, EpisodeResult]]


def run_here(plan: Sequence[Job], tasks: Tasks) -> Ended:
    """Run jobs one after another in this process, which one that crashes takes with it."""
    prepare()
    for job in plan:
        try:
            result = run_job(job, tasks[job.task])
        except Exception as error:
            result = failed(error)
        yield job, result


def run_in_processes(
    plan: Sequence[Job], tasks: Tasks, jobs: int, timeout_s: float = TIMEOUT_S
) -> Ended:
    """Run jobs in worker processes; yields each with its result, in the order of their ends.

    A worker that dies or hangs is replaced, and its episode tried once more; what is lost twice,
    or raises an error, comes back as a failed episode that says so.
    """
    import multiprocessing

    from pebble import ProcessExpired, ProcessPool

    context: Any = multiprocessing.get_context("spawn")
    pool: Any = ProcessPool(max_workers=jobs, context=context, initializer=prepare)

    def submit(job: Job) -> "Future[EpisodeResult]":
        scheduled: Future[EpisodeResult] = pool.schedule(
            run_job, args=[job, tasks[job.task]], timeout=timeout_s
        )
        return scheduled

    def lost(problem: BaseException) -> str | None:
        if isinstance(problem, TimeoutError):
            return "hung"
        return "died" if isinstance(problem, ProcessExpired) else None

    with pool:
        try:
            yield from collect(plan, submit, lost, at_once=_AHEAD * jobs)
        except BaseException:
            pool.stop()
            raise


def collect(
    plan: Sequence[Job],
    submit: "Callable[[Job], Future[EpisodeResult]]",
    lost: Callable[[BaseException], str | None],
    at_once: int,
) -> Ended:
    """Submit jobs and yield each as it ends; one whose worker was lost is submitted again.

    Args:
        plan: the jobs.
        submit: starts one.
        lost: what became of a worker ("died"), from the error; None for an error of the episode.
        at_once: how many are submitted and not ended at the most.
    """
    to_do, running = deque(plan), dict["Future[EpisodeResult]", Job]()
    tries: Counter[Job] = Counter()
    # Ctrl-C may come while a queue is waited on; in the midst of `concurrent.futures.wait` it
    # would leave futures locked, and what sets them waiting for ever.
    ended: SimpleQueue[Future[EpisodeResult]] = SimpleQueue()
    try:
        while to_do or running:
            while to_do and len(running) < at_once:
                job = to_do.popleft()
                future = submit(job)
                running[future] = job
                tries[job] += 1
                future.add_done_callback(ended.put)
            future = ended.get()
            job = running.pop(future)
            problem = future.exception()
            what = lost(problem) if problem is not None else None
            if problem is None:
                yield job, future.result()
            elif what is None:
                yield job, failed(problem)
            elif tries[job] < TRIES:
                to_do.append(job)
            else:
                yield job, broken(f"the episode's worker {what}, {TRIES} times")
    finally:
        for future in running:
            future.cancel()
