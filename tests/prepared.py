"""Processes that have imported what takes long, and have done nothing with it.

They are forked from one that has: PyTorch and SpeechBrain are imported once for
all of them. Nothing of ours is: what a process imports of it, it imports itself.
"""

import multiprocessing
import os
import sys
from functools import lru_cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from unittest import mock

ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
}
IMPORTED = [
    "matplotlib.pyplot",
    "pyannote.core",
    "scipy.signal",
    "scipy.stats",
    "speechbrain.core",
    "torch.utils.tensorboard",
    "transformers",
]


@lru_cache(maxsize=None)
def _context() -> ForkServerContext:
    """Where such processes come from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    with mock.patch.dict(os.environ, ENVIRONMENT):
        forkserver.ensure_running()
    return context


def _call(messages, start_method, function, *arguments):
    """Call a function, with what it writes to stderr in a file."""
    # Its own children begin as everywhere, not as it has begun itself.
    multiprocessing.set_start_method(start_method, force=True)
    with open(messages, "wb") as stream:
        os.dup2(stream.fileno(), sys.stderr.fileno())
    function(*arguments)


def begin_prepared(messages, function, *arguments):
    """Start such a process, which calls a function of a module of the tests.

    What it writes to stderr is in the file ``messages``.
    """
    run = _context().Process(
        target=_call,
        args=(messages, multiprocessing.get_start_method(), function)
        + arguments,
    )
    run.start()
    return run
