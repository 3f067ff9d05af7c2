"""Many recordings on one machine, to one folder of results.

One bad file never stops the others.
"""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from explainable_seg.audio.stream import AudioStream, Excerpt
from explainable_seg.errors import ExplainableSegError
from explainable_seg.frames import SAMPLE_RATE
from explainable_seg.inference.output_folder import OutputFolder
from explainable_seg.inference.prefetch import prefetched
from explainable_seg.inference.rules import Rules
from explainable_seg.inference.segmentation import Segmentation
from explainable_seg.inference.sources import Job


class Segments(Protocol):
    """What can segment audio."""

    config: dict[str, Any]

    def segment_blocks(
        self,
        blocks: Iterable[np.ndarray],
        uri: str,
        rules: Rules | None,
        excerpt: Excerpt,
    ) -> Segmentation:
        """Segments of audio that comes in blocks.

        Arguments
        ---------
        blocks : Iterable[np.ndarray] [shape=(N,)]
            Consecutive mono audio at 16 kHz, float32 in [-1, 1].
        uri : str
            Name of the recording, without blanks.
        rules : Rules, optional
            How probabilities become segments; by default the model's own.
        excerpt : Excerpt
            Where in the recording the blocks begin.

        Returns
        -------
        Segmentation
        """


def segment_files(
    segmenter: Segments,
    jobs: Sequence[Job],
    output: OutputFolder,
    tell: Callable[[str], None],
    rules: Rules | None = None,
    workers: int | None = None,
) -> int:
    """Segment recordings; write their results and two tables.

    ``summary.csv`` has the seconds of each class of every recording in the
    folder, ``failures.csv`` the recordings that failed. Both keep the rows of
    earlier runs into the same folder.

    Arguments
    ---------
    segmenter : Segments
        What segments audio.
    jobs : Sequence[Job]
        The recordings.
    output : OutputFolder
        Where the results go.
    tell : Callable[[str], None]
        Is given the error of each recording that fails, when it fails.
    rules : Rules, optional
        How to decide; by default as the model says.
    workers : int, optional
        Threads that decode ahead.

    Returns
    -------
    int
        Number of recordings that failed.
    """
    n_failed = 0
    output.claim()
    try:
        with _Progress(len(jobs)) as progress:
            found = segment_jobs(
                segmenter, jobs, rules, workers, progress.watch
            )
            with closing(found) as results:
                for job, result in results:
                    if isinstance(result, ExplainableSegError):
                        n_failed += 1
                        tell(output.fail(job.name.as_posix(), str(result)))
                    else:
                        output.write(job, result)
                    progress.update()
    finally:
        output.save()
    return n_failed


def segment_jobs(
    segmenter: Segments,
    jobs: Sequence[Job],
    rules: Rules | None = None,
    workers: int | None = None,
    watch: Callable[[Iterable[np.ndarray]], Iterable[np.ndarray]] = iter,
) -> Generator[tuple[Job, Segmentation | ExplainableSegError], None, None]:
    """Segmentations of recordings, in their order; decoded ahead by threads.

    Arguments
    ---------
    segmenter : Segments
        What segments audio.
    jobs : Sequence[Job]
        The recordings.
    rules : Rules, optional
        How to decide; by default as the model says.
    workers : int, optional
        Threads that decode ahead.
    watch : callable
        Is given the blocks of each recording, and gives them on.

    Yields
    ------
    tuple[Job, Segmentation or ExplainableSegError]
        What was found, or why the recording failed.
    """
    streams = prefetched((partial(_blocks, job) for job in jobs), workers)
    with closing(streams):
        for job, blocks in zip(jobs, streams):
            try:
                yield (
                    job,
                    segmenter.segment_blocks(
                        watch(blocks), job.uri, rules, job.excerpt
                    ),
                )
            except ExplainableSegError as error:
                yield job, error


def _blocks(job: Job) -> Iterator[np.ndarray]:
    """Audio of a job, 16 kHz mono."""
    return iter(AudioStream(job.path, None, job.excerpt))


class _Progress(tqdm):
    """Bar of files with the time left and the speed in times real time."""

    def __init__(self, n_files: int):
        # `disable=None`: no bar where the output is not a terminal.
        super().__init__(total=n_files, unit="file", disable=None)
        self._began = time.monotonic()
        self._seconds = 0.0

    def watch(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same blocks; their seconds are counted."""
        for block in blocks:
            self._seconds += len(block) / SAMPLE_RATE
            yield block
            speed = self._seconds / (time.monotonic() - self._began)
            self.set_postfix_str(
                f"{self._seconds / 3600:.1f} h, {speed:.0f} x real time",
                refresh=False,
            )
