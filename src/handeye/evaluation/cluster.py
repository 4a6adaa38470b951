"""Cluster: episodes on the machines of a Ray cluster; a node that dies costs retries, no more."""

import faulthandler
import os
import platform
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from handeye.perception.errors import UserError

from ..episode import EpisodeResult
from .job import prepare, run_job
from .manifest import processor
from .plan import Job
from .workers import TIMEOUT_S, Ended, Tasks, collect

_GREETING_S = 120.0
_AHEAD = 2000
"""How many episodes a cluster has before it: more than it has CPUs."""


def run_on_ray(
    plan: Sequence[Job], tasks: Tasks, address: str, timeout_s: float = TIMEOUT_S
) -> Ended:
    """Run jobs on a Ray cluster, one on each CPU; yields each with its result as it ends.

    Results come back as they are made and are held by nobody but this process. An episode whose
    worker dies, hangs, or goes down with its node is tried once more.

    Args:
        plan: the jobs; their recordings are written where they run.
        tasks: by name.
        address: "host:port", "ray://host:port", or "auto" for the cluster that runs here.
        timeout_s: wall-clock time after which an episode counts as hung.

    Raises:
        UserError: Ray is not installed, no cluster answers, or a node has another handeye.
    """
    ray = _ray()
    with _connected(ray, address):
        _greet(ray)
        remote = ray.remote(num_cpus=1, max_retries=0)(_run)

        def submit(job: Job) -> "Future[EpisodeResult]":
            future: Future[EpisodeResult] = remote.remote(job, tasks[job.task], timeout_s).future()
            return future

        def lost(problem: BaseException) -> str | None:
            gone = isinstance(problem, ray.exceptions.RayError)
            told = isinstance(problem, ray.exceptions.RayTaskError)
            return "died or hung" if gone and not told else None

        yield from collect(plan, submit, lost, at_once=_AHEAD)


def machines(address: str) -> list[dict[str, Any]]:
    """What the nodes of a cluster are; raises UserError as `run_on_ray` does."""
    ray = _ray()
    with _connected(ray, address):
        return _greet(ray)


def _run(job: Job, task: Any, timeout_s: float) -> EpisodeResult:
    """Run a job in a Ray worker; one that hangs, even inside of C code, ends its process."""
    prepare()
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(timeout_s, exit=True, file=nowhere)
        try:
            return run_job(job, task)
        finally:
            faulthandler.cancel_dump_traceback_later()


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise UserError(
            "a cluster needs a package more, on each machine: pip install 'handeye[ray]'"
        ) from error
    return ray


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    """Connect to a cluster, unless this process is connected to one."""
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f'no Ray cluster answers at "{address}": {reason}') from error
    try:
        yield
    finally:
        ray.shutdown()


def _greet(ray: Any) -> list[dict[str, Any]]:
    """What each node with CPUs is; raises UserError unless all have the handeye of this process."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(num_cpus=1, max_retries=0)(_node)
    asked = [
        ask.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote()
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("CPU")
    ]
    if not asked:
        raise UserError("the Ray cluster has no CPUs to run episodes on")
    try:
        nodes: list[dict[str, Any]] = ray.get(asked, timeout=_GREETING_S)
    except ray.exceptions.GetTimeoutError as error:
        raise UserError(f"the Ray cluster had no free CPU within {_GREETING_S:g} s") from error
    except ray.exceptions.RayTaskError as error:
        raise UserError(f"a node of the Ray cluster cannot run handeye: {error.cause}") from error
    here = metadata.version("handeye")
    for node in nodes:
        if node["handeye"] != here:
            raise UserError(
                f"node {node['host']} has handeye {node['handeye']}, this process has {here}"
            )
    return nodes


def _node() -> dict[str, Any]:
    return {
        "host": platform.node(),
        "handeye": metadata.version("handeye"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor(),
    }
