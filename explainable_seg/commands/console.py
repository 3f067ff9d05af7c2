"""What commands share: messages, exit codes, signals, the model."""

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from explainable_seg.errors import printable

if TYPE_CHECKING:
    from explainable_seg.inference import ExplainableSegmenter

BAD_INPUT = 2
STDERR = 2  # descriptor
# What ends a run as Ctrl-C does; the second is that of a closed terminal.
ENDING = [
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP")
    if hasattr(signal, name)
]


def tell(message: str) -> None:
    """Write an error as one line, above the progress bar if there is one."""
    note(f"error: {message}")


def note(message: str) -> None:
    """Write one line to stderr, above the progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(printable(message), file=sys.stderr)


def show_anything() -> None:
    """Let stdout and stderr take what their encoding does not know."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def libraries_silenced() -> Iterator[None]:
    """Keep from the user what C libraries write to descriptor 2 themselves.

    Of a damaged MP3 file, libmpg123 says so in lines of its own, beside ours.
    Python's own standard error gets another descriptor meanwhile, with what
    faulthandler says of a crash. Where it is no file, nothing is done.
    """
    python = sys.stderr
    try:
        is_file = python is not None and python.fileno() == STDERR
    except (OSError, ValueError):  # as in a notebook, or closed
        is_file = False
    if not is_file:
        yield
        return
    python.flush()
    had_handler = faulthandler.is_enabled()
    kept = os.dup(STDERR)
    ours = open(  # closed below: not before all is said
        os.dup(kept),
        "w",
        buffering=1,
        encoding=python.encoding,
        errors=python.errors,
    )
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), STDERR)
    sys.stderr = ours
    faulthandler.enable(ours)
    try:
        yield
    finally:
        faulthandler.disable()
        sys.stderr = python
        ours.close()
        os.dup2(kept, STDERR)
        os.close(kept)
        if had_handler:
            faulthandler.enable()


@contextmanager
def ended_by_signals() -> Iterator[list[int]]:
    """Let signals that ask for an end do what Ctrl-C does.

    Yields
    ------
    list[int]
        Those that came.
    """
    came: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    # Python lets the main thread alone choose; nohup's choice stays.
    ours = threading.current_thread() is threading.main_thread()
    mine = [
        number
        for number in ENDING
        if ours and signal.getsignal(number) == signal.SIG_DFL
    ]
    for number in mine:
        signal.signal(number, end)
    try:
        yield came
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def load_segmenter(**loading: Any) -> "ExplainableSegmenter":
    """Segmenter of the options for loading."""
    from explainable_seg.inference import ExplainableSegmenter

    return ExplainableSegmenter.from_pretrained(**loading)
