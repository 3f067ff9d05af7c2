"""Many recordings on many machines: a Ray Data pipeline.

Each worker loads the model once and writes the files of its recordings, whole
or not at all; the driver alone writes the tables. What a worker had in hand
when it died is done again by another one, and gives the same files.
"""

import logging
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from explainable_seg.decisions import Rules
from explainable_seg.errors import (
    DiskFullError,
    ExplainableSegError,
    first_line,
)
from explainable_seg.inference.batch import (
    Found,
    Progress,
    keep_results,
    segment_tasks,
)
from explainable_seg.inference.output_folder import OutputFolder
from explainable_seg.inference.results import SUMMARY_COLUMNS, SegmentTask
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.inference.sources import Job

MOST_AT_ONCE = 8  # recordings that a worker gets at a time
SHARES = 4  # that each worker gets at least, if there are enough


@dataclass(frozen=True)
class Work:
    """What every worker is told.

    Arguments
    ---------
    loading : dict[str, Any]
        Arguments of ``ExplainableSegmenter.from_pretrained``.
    tasks : Sequence[SegmentTask]
        All recordings, and what is to be written of them.
    rules : Rules
        How to decide.
    workers : int
        Threads that decode ahead, and CPUs of each worker.
    directory : str
        That relative paths start from.
    """

    loading: dict[str, Any]
    tasks: Sequence[SegmentTask]
    rules: Rules
    workers: int
    directory: str


class Worker:
    """A model in a process of its own, as Ray Data's actors are made.

    Arguments
    ---------
    work : Work
        What is to be done.
    """

    def __init__(self, work: Work):
        os.chdir(work.directory)
        self.work = work
        self.segmenter = ExplainableSegmenter.from_pretrained(**work.loading)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Segment some recordings and write their files.

        Arguments
        ---------
        batch : dict[str, Any]
            ``task``: places in ``work.tasks``, [B].

        Returns
        -------
        dict[str, list]
            ``task`` as given, the values of the ``row`` of the summary (none
            if it failed), the ``error`` ("" if it did not), and whether the
            disk is ``full``, [B] each.
        """
        places = [int(place) for place in batch["task"]]
        tasks = [self.work.tasks[place] for place in places]
        rows: list[list[str]] = []
        errors: list[str] = []
        full = False
        try:
            for _, found in segment_tasks(
                self.segmenter, tasks, self.work.rules, self.work.workers
            ):
                told = found if isinstance(found, str) else ""
                row = [] if isinstance(found, str) else list(found.values())
                errors.append(told)
                rows.append(row)
        except DiskFullError as error:
            full = True
            places = places[: len(rows) + 1]
            errors.append(str(error))
            rows.append([])
        is_full = [False] * (len(rows) - 1) + [full]
        return {"task": places, "row": rows, "error": errors, "full": is_full}


def segment_files_on_ray(
    loading: dict[str, Any],
    jobs: Sequence[Job],
    output: OutputFolder,
    tell: Callable[[str], None],
    rules: Rules,
    workers: int | None = None,
    say: Callable[[str], None] | None = None,
) -> int:
    """Segment recordings on a Ray cluster, as ``segment_files`` does here.

    The cluster is the one that the environment variable ``RAY_ADDRESS`` names,
    else the one that runs on this machine, else a new one on this machine. All
    its machines must see the recordings, the model and the output folder under
    the same paths.

    Arguments
    ---------
    loading : dict[str, Any]
        Arguments of ``ExplainableSegmenter.from_pretrained``.
    jobs : Sequence[Job]
        The recordings.
    output : OutputFolder
        Where the results go.
    tell : Callable[[str], None]
        Is given the error of each recording that fails, when it fails.
    rules : Rules
        How to decide.
    workers : int, optional
        Threads that decode ahead, and CPUs of each worker; by default one.
    say : Callable[[str], None], optional
        As for ``segment_files``.

    Returns
    -------
    int
        Number of recordings that failed.

    Raises
    ------
    ExplainableSegError
        If Ray is not installed, or gave up.
    """
    ray = _started_ray()
    tasks = [output.task(job) for job in jobs]
    work = Work(loading, tasks, rules, workers or 1, os.getcwd())
    try:
        with Progress(len(jobs), say) as progress:
            found = _found(ray, work)
            return keep_results(found, output, tell, progress)
    except ray.exceptions.RayError as error:
        raise ExplainableSegError(
            f"expected Ray to finish, got '{first_line(error)}', in "
            f"{output.folder}; run the same command again to go on"
        ) from None
    finally:
        ray.shutdown()


def _started_ray() -> Any:
    """The module, connected to a cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry
    try:
        import ray
        import ray.data
    except ImportError:
        raise ExplainableSegError(
            "expected Ray Data, got no such package, for the engine 'ray'; "
            "install it: pip install 'explainable-seg[ray]'"
        ) from None
    try:
        ray.init(logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError) as error:
        raise ExplainableSegError(
            f"expected a Ray cluster, got '{first_line(error)}', at "
            f"{os.environ.get('RAY_ADDRESS', 'this machine')}; check "
            "RAY_ADDRESS, and whether the cluster runs"
        ) from None
    return ray


def _found(ray: Any, work: Work) -> Generator[Found, None, None]:
    """What becomes of each task, as it comes."""
    for found in _pipeline(ray, work):
        if found["full"]:
            raise DiskFullError(found["error"])
        row = dict(zip(SUMMARY_COLUMNS, map(str, found["row"])))
        yield work.tasks[found["task"]], found["error"] or row


def _pipeline(ray: Any, work: Work) -> Any:
    """Rows of the workers, as they come."""
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    resources = ray.cluster_resources()
    device = work.loading.get("device", "auto")
    on_gpu = device == "cuda" or (device == "auto" and "GPU" in resources)
    n_cpus, n_gpus = resources.get("CPU", 1), resources.get("GPU", 1)
    n_workers = max(1, int(n_gpus if on_gpu else n_cpus / work.workers))
    n_jobs = len(work.tasks)
    at_once = min(MOST_AT_ONCE, max(1, n_jobs // (SHARES * n_workers)))
    places = ray.data.from_items(
        [{"task": place} for place in range(n_jobs)],
        override_num_blocks=-(-n_jobs // at_once),
    )
    rows = places.map_batches(
        Worker,
        fn_constructor_args=(work,),
        batch_size=None,
        # From one up, so that a worker that is lost for good is done without.
        compute=ray.data.ActorPoolStrategy(
            min_size=1, initial_size=n_workers, max_size=n_workers
        ),
        num_cpus=work.workers,
        num_gpus=1 if on_gpu else 0,
    )
    return rows.iter_rows()
