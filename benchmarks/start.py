#!/usr/bin/env python3
"""What starting costs: `segment` of one minute, cold, and on a busy machine.

Each run is a process of its own, and the candidates take turns. The first part
counts CPU seconds, which other work on the machine changes little: `segment`
beside a bare ``import torch``, and beside itself with the imports that it once
had. The second part counts wall time while two other processes compute: the
default beside one thread, and beside threads that spin. Writes a JSON file.

> python benchmarks/start.py --audio minute.wav --output start.json
"""

import argparse
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median

from explainable_seg.files import atomic_write_json, json_text
from explainable_seg.threads import NUMBERS, WAITING

logger = logging.getLogger(__name__)

SEGMENT = """
import sys
from explainable_seg.commands import main
sys.exit(main(["segment", sys.argv[1], "--output", sys.argv[2]]))
"""
ONCE = "import matplotlib.pyplot, pyannote.core, huggingface_hub, torch._dynamo"
COLD = {
    "import torch": "import torch",
    "segment": SEGMENT,
    "segment, imports as before": f"{ONCE}\n{SEGMENT}",
}
BUSY: dict[str, dict[str, str]] = {
    "default": {},
    "one thread": {NUMBERS[0]: "1"},
    "a thread a core, asleep": {NUMBERS[0]: str(os.cpu_count())},
    "a thread a core, spinning": {
        NUMBERS[0]: str(os.cpu_count()),
        WAITING: "active",
    },
}
OTHER_WORK = "while True: sum(range(100_000))"


def run(script: str, audio: Path, **settings: str) -> tuple[float, float]:
    """CPU and wall seconds of a script in a process of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in (*NUMBERS, WAITING)
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as output:
        subprocess.run(
            [sys.executable, "-c", script, str(audio), output],
            env={**kept, **settings},
            check=True,
            capture_output=True,
        )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, wall


def cold(audio: Path, repeats: int) -> dict[str, float]:
    """Median CPU seconds of each start; one run of each goes before."""
    taken: dict[str, list[float]] = {name: [] for name in COLD}
    for number in range(repeats + 1):
        for name, script in COLD.items():
            seconds, _ = run(script, audio)
            if number:
                taken[name].append(seconds)
    return {name: median(values) for name, values in taken.items()}


def busy(audio: Path, repeats: int, n_others: int) -> dict[str, float]:
    """Median wall seconds of each choice while other processes compute."""
    taken: dict[str, list[float]] = {name: [] for name in BUSY}
    with other_work(n_others):
        for _ in range(repeats):
            for name, settings in BUSY.items():
                _, seconds = run(SEGMENT, audio, **settings)
                taken[name].append(seconds)
    return {name: median(values) for name, values in taken.items()}


@contextmanager
def other_work(n_processes: int) -> Iterator[None]:
    """Processes that compute for as long as the block lasts."""
    others = [
        subprocess.Popen([sys.executable, "-c", OTHER_WORK])
        for _ in range(n_processes)
    ]
    try:
        yield
    finally:
        for process in others:
            process.kill()
            process.wait()


def main() -> None:
    """Measure what the command line asks for, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--others", type=int, default=2)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    starts = cold(args.audio, args.repeats)
    waits = busy(args.audio, args.repeats, args.others)
    result = {
        "python": sys.version.split()[0],
        "torch": version("torch"),
        "cores": os.cpu_count(),
        "load before": os.getloadavg()[0],
        "CPU seconds, cold": starts,
        "segment over import torch": starts["segment"] / starts["import torch"],
        f"wall seconds beside {args.others} processes": waits,
        "default over one thread": waits["default"] / waits["one thread"],
    }
    atomic_write_json(args.output, result)
    logger.info(json_text(result))


if __name__ == "__main__":
    main()
