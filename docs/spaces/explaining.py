"""Explain what a visitor uploads, in a process that can be stopped.

Imported, it has :func:`explain_upload`. Run as a script, it is the process:
``python explaining.py RECORDING FOLDER``.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

LONGEST = 600  # seconds: all of a recording is held to explain it
PATIENCE = 180  # seconds that a request may take
LARGEST = 400 * 2**20  # bytes that may be written


class Refused(Exception):
    """What a visitor is told, in one line that names no folder of ours."""


def explain_upload(path: str, patience: float = PATIENCE) -> str:
    """The report on a recording.

    Arguments
    ---------
    path : str
        The upload.
    patience : float
        Seconds until it is given up, with all that it has started.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    Refused
        If the recording cannot be read, is too long or takes too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        worker = subprocess.Popen(
            [sys.executable, __file__, os.path.abspath(path), folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=folder,
            start_new_session=True,  # with its decoder, to be ended together
        )
        try:
            _, told = worker.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            raise Refused(
                f"Expected a recording that takes up to {patience:g} s, got "
                "one that takes longer; try a part of it."
            ) from None
        finally:
            _end_group(worker)
        page = Path(folder, "report.html")
        if worker.returncode or not page.exists():
            raise Refused(without_folders(_error_of(told)))
        return page.read_text(encoding="utf-8")


def _end_group(worker: "subprocess.Popen[str]") -> None:
    """End a process and those that it has started."""
    try:
        os.killpg(worker.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    worker.wait()
    if worker.stderr is not None:
        worker.stderr.close()


def _error_of(told: str) -> str:
    """The line that says what went wrong, of all that was said."""
    errors = [
        line.removeprefix("error: ")
        for line in told.splitlines()
        if line.startswith("error: ")
    ]
    if not errors:
        return "Expected a report, got none; try another recording."
    return errors[-1]


def without_folders(text: str) -> str:
    """A message in which of each absolute path the name is left.

    Example
    -------
    >>> without_folders("expected sound, got text, in /tmp/x y/show.wav; try")
    'expected sound, got text, in show.wav; try'
    """
    return re.sub(r"(?<![\w/])/(?:[^/\n,;:]+/)+", "", text)


def main(path: str, folder: str) -> int:
    """Explain a recording that is not too long: the process of its own."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (2 * PATIENCE, 2 * PATIENCE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))
    from explainable_seg.audio import Excerpt, load_audio
    from explainable_seg.commands import main as command
    from explainable_seg.errors import ExplainableSegError
    from explainable_seg.frames import SAMPLE_RATE

    try:
        audio = load_audio(path, excerpt=Excerpt(end=LONGEST + 1))
    except ExplainableSegError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if len(audio) > LONGEST * SAMPLE_RATE:
        minutes = LONGEST // 60
        print(
            f"error: expected at most {minutes} minutes, got more; cut out "
            "the part to explain",
            file=sys.stderr,
        )
        return 2
    return command(["explain", path, "--output", folder])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
