"""Decoding ahead: what comes next is read while the model works."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from queue import Full, Queue
from threading import Event
from typing import Any, Generic, TypeVar

import numpy as np

from explainable_seg.audio.stream import AudioStream

T = TypeVar("T")
# Sees blocks of sound pass, and their stream, and gives the blocks on.
Watch = Callable[[Iterable[np.ndarray], AudioStream], Iterable[np.ndarray]]
DEPTH = 16  # items of each source that are held
PATIENCE = 0.1  # seconds between two looks at whether anybody still waits


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
                self._queue.put((kind, value), timeout=PATIENCE)
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
