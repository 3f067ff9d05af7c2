"""Threads that leave room for whoever else computes on the machine.

OpenMP's threads wait for each other by spinning, and spinning threads keep the
one that they wait for from its core: on a machine with other work two threads
are several times slower than one. So threads sleep instead, which the package
asks for before PyTorch is imported, and a command takes no more of them than
cores are free. Nothing here imports PyTorch.
"""

import math
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

WAITING = "OMP_WAIT_POLICY"
THREADS = "OMP_NUM_THREADS"
NUMBERS = (THREADS, "MKL_NUM_THREADS")  # either is the user's own choice
LOAD = Path("/proc/loadavg")
QUOTA = Path("/sys/fs/cgroup/cpu.max")


def sleep_while_waiting(
    environment: MutableMapping[str, str] = os.environ,
) -> None:
    """Ask OpenMP for threads that sleep, unless the user has asked already.

    It holds for libraries that are loaded later, and for child processes.

    Arguments
    ---------
    environment : MutableMapping[str, str]
        Of the process.

    Example
    -------
    >>> environment = {}
    >>> sleep_while_waiting(environment)
    >>> environment
    {'OMP_WAIT_POLICY': 'passive'}
    """
    environment.setdefault(WAITING, "passive")


def take_free_cores(
    environment: MutableMapping[str, str] = os.environ,
) -> None:
    """Ask OpenMP for a thread a free core, unless the user has chosen.

    For a process of our own, before PyTorch is imported: how many threads
    another program wants is for that program to say.

    Arguments
    ---------
    environment : MutableMapping[str, str]
        Of the process.
    """
    if "torch" in sys.modules:
        return  # too late: its threads are there
    if not any(environment.get(name) for name in NUMBERS):
        environment[THREADS] = str(free_cores())


def free_cores(load: Path = LOAD, quota: Path = QUOTA) -> int:
    """Cores that this process may use and nobody else does, at least one.

    Arguments
    ---------
    load : pathlib.Path
        What Linux says of the work on the machine; where there is none, all
        cores count as free.
    quota : pathlib.Path
        What Linux says of the share of a container, if there is one.

    Returns
    -------
    int
    """
    allowed = (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )
    free = (os.cpu_count() or 1) - _busy_cores(load)
    return max(1, min(allowed, _granted_cores(quota), free))


def _busy_cores(load: Path) -> int:
    """Cores that others compute on: of the last minute, or right now."""
    try:
        minute, _, _, tasks, _ = load.read_text().split()
        # This process is one of those that run.
        return max(round(float(minute)), int(tasks.partition("/")[0]) - 1, 0)
    except (OSError, ValueError):
        return 0


def _granted_cores(quota: Path) -> int:
    """Whole cores of the time that a container may take."""
    try:
        granted, period = quota.read_text().split()
        return max(1, math.floor(int(granted) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return os.cpu_count() or 1
