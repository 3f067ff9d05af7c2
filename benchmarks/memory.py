"""Peak memory of a process, as Linux keeps it."""

import resource
from pathlib import Path


def peak_mib() -> float:
    """Most memory that this process has had, MiB.

    ``ru_maxrss`` would be that of the process that started it, if larger.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [x for x in status.splitlines() if x.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def largest_mib() -> float:
    """Most memory that this process, or one it started, has had, MiB.

    Only processes that have ended count. Their ``ru_maxrss`` may be that of
    this process, which counts anyway.
    """
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return max(peak_mib(), started)
