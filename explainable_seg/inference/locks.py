"""One run at a time in an output folder, or one of each share."""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from explainable_seg.errors import ExplainableSegError
from explainable_seg.files import remove_leftovers
from explainable_seg.inference.sources import Share

logger = logging.getLogger(__name__)

LOCK = ".explainable-seg{}.lock"  # there while a run is in the folder
PATIENCE = 5.0  # seconds, for another run that only looks


@contextmanager
def locked(folder: Path, share: Share | None = None) -> Iterator[None]:
    """Hold an output folder for one run, or for one share of it.

    Temporary files that killed runs have left there are removed.

    The lock is the system's own, and goes when the process does. Where there
    is none, as in a folder that cannot be written, nothing is held.

    Arguments
    ---------
    folder : pathlib.Path
        Created where it is missing.
    share : Share, optional
        The share of the recordings that is done.

    Raises
    ------
    ExplainableSegError
        If another run is in the folder.
    """
    check_folder(folder)
    with ExitStack() as held:
        own = folder / LOCK.format(f".{share}" if share else "")
        alone = held.enter_context(_held(own, folder))
        if share:
            with _held(folder / LOCK.format(""), folder):
                pass
        else:
            for other in sorted(folder.glob(LOCK.format(".*-of-*"))):
                held.enter_context(_held(other, folder))
        for below, _, _ in os.walk(folder):
            remove_leftovers(Path(below), alone=alone and not share)
        yield


@contextmanager
def _held(path: Path, folder: Path) -> Iterator[bool]:
    """Hold one lock, whose file is removed with it; whether it is held."""
    lock = FileLock(path, timeout=PATIENCE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ExplainableSegError(
            f"expected no other run in the output folder, got one, in {folder}; "
            "wait for it, or divide the recordings with --share K/N"
        ) from None
    except (OSError, NotImplementedError) as error:
        logger.warning("%s: not locked: %s", folder, error)
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def check_folder(folder: Path) -> None:
    """Raise if there is something else in place of an output folder."""
    if folder.exists() and not folder.is_dir():
        raise ExplainableSegError(
            f"expected a folder for the results, got a file, in {folder}; "
            "choose another --output"
        )
