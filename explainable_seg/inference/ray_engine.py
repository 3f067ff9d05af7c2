"""Many recordings on many machines: a Ray Data pipeline.

Each worker loads the model once and writes the files of its recordings, whole
or not at all; the driver alone writes the tables. What a worker had in hand
when it died is done again by another one, and gives the same files.
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from explainable_seg.errors import ExplainableSegError, first_line
from explainable_seg.inference.batch import segment_jobs
from explainable_seg.inference.output_folder import OutputFolder, write_files
from explainable_seg.inference.rules import Rules
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.inference.sources import Job

MOST_AT_ONCE = 8  # recordings that a worker gets at a time
SHARES = 4  # that each worker gets at least, if there are enough


@dataclass(frozen=True)
class Task:
    """What every worker is told.

    Arguments
    ---------
    loading : dict[str, Any]
        Arguments of ``ExplainableSegmenter.from_pretrained``.
    jobs : Sequence[Job]
        All recordings.
    keep : Sequence[bool]
        For each, whether files of it that are there stay.
    folder : Path
        Where the results go.
    formats : Sequence[str]
        Keys of :data:`~explainable_seg.inference.formats.WRITERS`.
    rules : Rules
        How to decide.
    workers : int
        Threads that decode ahead, and CPUs of each worker.
    directory : str
        That relative paths start from.
    """

    loading: dict[str, Any]
    jobs: Sequence[Job]
    keep: Sequence[bool]
    folder: Path
    formats: Sequence[str]
    rules: Rules
    workers: int
    directory: str


class Worker:
    """A model in a process of its own, as Ray Data's actors are made.

    Arguments
    ---------
    task : Task
        What is to be done.
    """

    def __init__(self, task: Task):
        os.chdir(task.directory)
        self.task = task
        self.segmenter = ExplainableSegmenter.from_pretrained(**task.loading)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Segment some recordings and write their files.

        Arguments
        ---------
        batch : dict[str, Any]
            ``job``: places in ``task.jobs``, [B].

        Returns
        -------
        dict[str, list]
            ``job`` as given, the ``row`` of the summary (none if it failed),
            and the ``error`` ("" if it did not), [B] each.
        """
        task = self.task
        places = [int(place) for place in batch["job"]]
        rows: list[list[str]] = []
        errors: list[str] = []
        results = segment_jobs(
            self.segmenter,
            [task.jobs[place] for place in places],
            task.rules,
            task.workers,
        )
        for place, (job, result) in zip(places, results):
            failed = isinstance(result, ExplainableSegError)
            errors.append(str(result) if failed else "")
            rows.append(
                []
                if isinstance(result, ExplainableSegError)
                else write_files(
                    job, result, task.folder, task.formats, task.keep[place]
                )
            )
        return {"job": places, "row": rows, "error": errors}


def segment_files_on_ray(
    loading: dict[str, Any],
    jobs: Sequence[Job],
    output: OutputFolder,
    tell: Callable[[str], None],
    rules: Rules,
    workers: int | None = None,
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
    keep = [output.keeps_files(job) for job in jobs]
    task = Task(
        loading,
        jobs,
        keep,
        output.folder,
        output.formats,
        rules,
        workers or 1,
        os.getcwd(),
    )
    n_failed = 0
    output.claim()
    try:
        with tqdm(total=len(jobs), unit="file", disable=None) as progress:
            for found in _pipeline(ray, task):
                if found["error"]:
                    n_failed += 1
                    name = jobs[found["job"]].name.as_posix()
                    tell(output.fail(name, found["error"]))
                else:
                    output.note(list(found["row"]))
                progress.update()
    except ray.exceptions.RayError as error:
        raise ExplainableSegError(
            f"expected Ray to finish, got '{first_line(error)}', in "
            f"{output.folder}; run the same command again to go on"
        ) from None
    finally:
        output.save()
        ray.shutdown()
    return n_failed


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


def _pipeline(ray: Any, task: Task) -> Any:
    """Rows of the workers, as they come."""
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    resources = ray.cluster_resources()
    device = task.loading.get("device", "auto")
    on_gpu = device == "cuda" or (device == "auto" and "GPU" in resources)
    n_cpus, n_gpus = resources.get("CPU", 1), resources.get("GPU", 1)
    n_workers = max(1, int(n_gpus if on_gpu else n_cpus / task.workers))
    n_jobs = len(task.jobs)
    at_once = min(MOST_AT_ONCE, max(1, n_jobs // (SHARES * n_workers)))
    places = ray.data.from_items(
        [{"job": place} for place in range(n_jobs)],
        override_num_blocks=-(-n_jobs // at_once),
    )
    rows = places.map_batches(
        Worker,
        fn_constructor_args=(task,),
        batch_size=None,
        # From one up, so that a worker that is lost for good is done without.
        compute=ray.data.ActorPoolStrategy(
            min_size=1, initial_size=n_workers, max_size=n_workers
        ),
        num_cpus=task.workers,
        num_gpus=1 if on_gpu else 0,
    )
    return rows.iter_rows()
