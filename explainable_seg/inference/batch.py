"""Many recordings on one machine, to one folder of results.

One bad file never stops the others.
"""

import logging
import os
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import islice
from queue import Full, Queue
from threading import Event
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from tqdm import tqdm

from explainable_seg.audio import AudioStream, Excerpt
from explainable_seg.decisions import Rules, Segmentation
from explainable_seg.errors import (
    DiskFullError,
    ExplainableSegError,
    first_line,
)
from explainable_seg.frames import SAMPLE_RATE
from explainable_seg.inference.output_folder import OutputFolder
from explainable_seg.inference.results import (
    ResultRow,
    SegmentTask,
    source_stamp,
)
from explainable_seg.inference.sources import Job

logger = logging.getLogger(__name__)


T = TypeVar("T")
# Sees blocks of sound pass, and their stream, and gives the blocks on.
Watch = Callable[[Iterable[np.ndarray], AudioStream], Iterable[np.ndarray]]
DEPTH = 16  # items of each source that are held
LOOK_EVERY = 0.1  # seconds between two looks at whether anybody still waits


class _Stream(Generic[T]):
    """Items of a source that a thread reads, in their order.

    An exception of the source is raised where its items are asked for.
    """

    def __init__(self, source: Callable[[], Iterator[T]]):
        self._source = source
        self._queue: Queue[tuple[str, Any]] = Queue(DEPTH)
        self._abandoned = Event()

    def fill(self) -> None:
        """Read the source to its end, or until nobody wants it."""
        try:
            with closing(self._source()) as items:  # type: ignore[type-var]
                for item in items:
                    if not self._put("item", item):
                        return
        # Whatever ends the source: who asks for its items would wait for ever.
        except BaseException as error:
            self._put("error", error)
        else:
            self._put("end", None)

    def _put(self, kind: str, value: Any) -> bool:
        """Hand an item over; false if nobody wants it any more."""
        while not self._abandoned.is_set():
            try:
                self._queue.put((kind, value), timeout=LOOK_EVERY)
                return True
            except Full:
                continue
        return False

    def abandon(self) -> None:
        """Let the thread stop early."""
        self._abandoned.set()

    def __iter__(self) -> Iterator[T]:
        while True:
            kind, value = self._queue.get()
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value


def prefetched(
    sources: Iterable[Callable[[], Iterator[T]]], workers: int | None = None
) -> Generator[Iterable[T], None, None]:
    """Items of each source, in the order of the sources, read by threads.

    So many sources are read ahead as there are threads, up to 16 items of
    each: memory does not depend on their number or length.

    Arguments
    ---------
    sources : Iterable[callable]
        Each starts to read and returns a generator of items.
    workers : int, optional
        Number of threads; by default the number of CPU cores, at most 4.

    Yields
    ------
    Iterable[T]
        Items of the next source; what is left of them when the next one is
        asked for is not read.

    Example
    -------
    >>> sources = [lambda n=n: (i for i in range(n)) for n in (2, 3)]
    >>> [list(items) for items in prefetched(sources, workers=2)]
    [[0, 1], [0, 1, 2]]
    """
    n_threads = workers or min(4, os.cpu_count() or 1)
    streams = (_Stream(source) for source in sources)
    waiting: deque[_Stream[T]] = deque()
    with ThreadPoolExecutor(n_threads, "decoder") as pool:
        try:
            while True:
                for stream in islice(streams, n_threads - len(waiting)):
                    pool.submit(stream.fill)
                    waiting.append(stream)
                if not waiting:
                    return
                yield waiting[0]
                waiting.popleft().abandon()
        finally:
            for stream in waiting:
                stream.abandon()


def read_ahead(source: Callable[[], Iterator[T]]) -> Iterator[T]:
    """Items of one source, read by a thread while others are worked on.

    Arguments
    ---------
    source : callable
        Starts to read and returns a generator of items.

    Yields
    ------
    T
        The items, in their order.

    Example
    -------
    >>> list(read_ahead(lambda: (i * i for i in range(4))))
    [0, 1, 4, 9]
    """
    with closing(prefetched([source], workers=1)) as streams:
        for items in streams:
            yield from items


MINUTE = 60.0  # seconds between two lines where there is no bar


class BlockSegmenter(Protocol):
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
    segmenter: BlockSegmenter,
    jobs: Sequence[Job],
    output: OutputFolder,
    tell: Callable[[str], None],
    rules: Rules | None = None,
    workers: int | None = None,
    say: Callable[[str], None] | None = None,
) -> int:
    """Segment recordings; write their results and two tables.

    ``summary.csv`` has the seconds of each class of every recording in the
    folder, ``failures.csv`` the recordings that failed. Both keep the rows of
    earlier runs into the same folder.

    Arguments
    ---------
    segmenter : BlockSegmenter
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
    say : Callable[[str], None], optional
        Is given a line a minute on how far the run is, where there is no bar;
        without it, there is neither.

    Returns
    -------
    int
        Number of recordings that failed.

    Raises
    ------
    DiskFullError
        If there is no room for the results.
    """
    tasks = [output.task(job) for job in jobs]
    with Progress(len(jobs), say) as progress:
        found = segment_tasks(segmenter, tasks, rules, workers, progress.watch)
        return keep_results(found, output, tell, progress)


Found = tuple[
    SegmentTask, ResultRow | str
]  # the row of the summary, or why it failed


def keep_results(
    found: Generator[Found, None, None],
    output: OutputFolder,
    tell: Callable[[str], None],
    progress: "Progress",
) -> int:
    """Put what becomes of each task into the tables of a folder.

    Arguments
    ---------
    found : Generator[tuple[SegmentTask, dict[str, str] or str]]
        As :func:`segment_tasks` gives it, in any order.
    output : OutputFolder
        The folder.
    tell : Callable[[str], None]
        Is given each error.
    progress : Progress
        Is told of each recording.

    Returns
    -------
    int
        Number of recordings that failed.
    """
    n_failed = 0
    try:
        if progress.n_files:
            output.claim()
        with closing(found) as results:
            for task, result in results:
                if isinstance(result, str):
                    n_failed += 1
                    tell(output.fail(task.job, result))
                else:
                    output.note(result)
                progress.finish()
    finally:
        output.save()
    return n_failed


def segment_tasks(
    segmenter: BlockSegmenter,
    tasks: Sequence[SegmentTask],
    rules: Rules | None = None,
    workers: int | None = None,
    watch: Watch | None = None,
) -> Generator[Found, None, None]:
    """Segment recordings and write their files; decoded ahead by threads.

    Arguments
    ---------
    segmenter : BlockSegmenter
        What segments audio.
    tasks : Sequence[SegmentTask]
        The recordings, and what is to be written.
    rules : Rules, optional
        How to decide; by default as the model says.
    workers : int, optional
        Threads that decode ahead.
    watch : callable, optional
        Is given the blocks of each recording and its stream, and gives the
        blocks on.

    Yields
    ------
    tuple[SegmentTask, dict[str, str] or str]
        Each task, in their order, with its row of the summary, or why it
        failed.

    Raises
    ------
    DiskFullError
        If there is no room for the results.
    """
    opened = [_Opened(task.job) for task in tasks]
    streams = prefetched([one.read for one in opened], workers)
    with closing(streams):
        for task, one, blocks in zip(tasks, opened, streams):
            heard = watch(blocks, one.stream) if watch else blocks
            job = task.job
            try:
                result = segmenter.segment_blocks(
                    heard, job.uri, rules, job.excerpt
                )
                notes = tuple(one.stream.notes)
                row = task.write(replace(result, notes=notes), one.stamp)
            except DiskFullError:
                raise
            except ExplainableSegError as error:
                yield task, str(error)
            except Exception as error:
                yield task, _unexpected(error, job)
            else:
                yield task, row


def _unexpected(error: Exception, job: Job) -> str:
    """Why a recording failed, where nobody foresaw it."""
    words = first_line(error)
    # PyTorch says so in a RuntimeError on the CPU, and in a subclass on cards.
    out_of_memory = isinstance(error, RuntimeError) and "memory" in words
    if isinstance(error, MemoryError) or out_of_memory:
        return (
            f"expected memory for the recording, got none, for {job.path}; use "
            "a smaller --batch-size, or segment a part with --start and --end"
        )
    if isinstance(error, OSError):
        return (
            f"expected to read and write, got '{error.strerror or words}', for "
            f"{job.path}; check the disk and run the same again"
        )
    logger.debug("%s", job.path, exc_info=error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"expected a segmentation, got {type(error).__name__} '{words}' from "
        f"{place.name} in {place.filename}:{place.lineno}, for {job.path}; this "
        "is a defect of the program: please report it"
    )


class _Opened:
    """A recording, and its stamp of when it was opened."""

    def __init__(self, job: Job):
        self.job = job
        self.stream = AudioStream(job.path, None, job.excerpt)
        self.stamp: ResultRow = {}

    def read(self) -> Iterator[np.ndarray]:
        """Its sound, 16 kHz mono."""
        # Before it is read: what changes meanwhile is done again.
        self.stamp = source_stamp(self.job)
        yield from self.stream


class Progress(tqdm):
    """How many recordings are done, and how far the one at hand is.

    A bar with the time left and the speed in times real time; where the output
    is no terminal, a line a minute.

    Arguments
    ---------
    n_files : int
        How many there are.
    say : Callable[[str], None], optional
        Is given the lines; without it, there is neither line nor bar.
    every : float
        Seconds between two lines.
    """

    def __init__(
        self,
        n_files: int,
        say: Callable[[str], None] | None = None,
        every: float = MINUTE,
    ):
        # `disable=None`: no bar where the output is not a terminal.
        super().__init__(
            total=n_files,
            unit="file",
            disable=None if say else True,
            bar_format="{percentage:3.0f}%|{bar}| {postfix}, {elapsed}<{remaining}",
        )
        self.n_files = n_files
        self.n_done = 0
        self._say = say
        self._every = every
        self._began = self._said = time.monotonic()
        self._seconds = 0.0

    def watch(
        self, blocks: Iterable[np.ndarray], stream: AudioStream
    ) -> Iterator[np.ndarray]:
        """The same blocks; their seconds are counted."""
        seconds = 0.0
        for block in blocks:
            seconds += len(block) / SAMPLE_RATE
            self._seconds += len(block) / SAMPLE_RATE
            yield block
            part = seconds / stream.duration if stream.duration else 0.0
            self._show(min(part, 0.99))

    def finish(self) -> None:
        """Count a recording as done."""
        self.n_done += 1
        self._show(0.0)

    def _show(self, part: float) -> None:
        """Say how far the run is, of the recording at hand a part."""
        elapsed = time.monotonic() - self._began
        text = f"{self.n_done}/{self.n_files} files"
        if self._seconds:
            speed = self._seconds / max(elapsed, 1e-3)
            text += f", {self._seconds / 3600:.1f} h, {speed:.0f} x real time"
        if not self.disable:
            self.set_postfix_str(text, refresh=False)
            self.update(self.n_done + part - self.n)
        elif self._say and elapsed - (self._said - self._began) >= self._every:
            self._said = time.monotonic()
            share = (self.n_done + part) / self.n_files
            self._say(f"{100 * share:.0f} %: {text}, in {elapsed / 60:.0f} min")
