"""Solvers against the clock: what ``benchmarks/nmf.py`` measures with."""

import itertools
import json
import logging
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple, Optional

import nmf_peers as peers
import torch

from explainable_seg.files import atomic_write_json
from explainable_seg.nmf import (
    BlockFit,
    Hals,
    converged_code,
    initial_atoms,
    objective,
    warm_up,
)

logger = logging.getLogger(__name__)

MU = 1.0
OURS = "SparseNMF"
PUBLISHED = "published (rows normalised)"
PUBLISHED_STEPS = 200


class Point(NamedTuple):
    """Objective a frame, after a step and after seconds of work."""

    seconds: float
    objective: float
    step: int


def our_steps(X: torch.Tensor, n_atoms: int, seed: int) -> peers.Steps:
    """What ``SparseNMF.fit`` does, one pass a step."""
    generator = torch.Generator().manual_seed(seed)
    W = initial_atoms(X, n_atoms, "frames", generator)
    solver = Hals(MU)
    warm_up(X, W, solver, generator)
    state = BlockFit(X, W, solver)

    def model() -> tuple[torch.Tensor, torch.Tensor]:
        H = X.new_zeros(len(X), n_atoms)
        for first, codes in enumerate(state.codes):
            H[first :: len(state.codes)] = codes.T
        return W, H

    while True:
        yield model
        state.reseed()
        state.iterate()


def evaluate(X: torch.Tensor, model: peers.Model) -> float:
    """Objective a frame, of unit columns; H is found where a peer has none."""
    W, H = model()
    # In float64: peers leave columns whose squares float32 takes for zero.
    norms = W.double().norm(dim=0)
    W = (W / norms.clamp(min=torch.finfo(norms.dtype).tiny)).to(X)
    H = converged_code(X, W, MU) if H is None else (H * norms).to(X)
    return objective(X, W, H, MU).item() / len(X)


def timed(
    X: torch.Tensor, steps: peers.Steps
) -> tuple[float, Optional[peers.Model]]:
    """Seconds of a step, and what it came to; None if there is none left."""
    start = time.perf_counter()
    model = next(steps, None)
    if X.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start, model


def run(
    X: torch.Tensor, steps: peers.Steps, seconds: float, at_least: int = 0
) -> list[Point]:
    """Objective over time: every step, or where these are short every 2 %."""
    clock, seen = 0.0, 0.0
    trace: list[Point] = []
    count = 0
    while True:
        count += 1
        seconds_of_step, model = timed(X, steps)
        if model is None:
            return trace
        clock += seconds_of_step
        over = clock >= seconds and count >= at_least
        if clock >= 1.02 * seen or count == at_least or over:
            trace.append(Point(clock, evaluate(X, model), count))
            seen = clock
        if over:
            return trace


def best_by(trace: list[Point], seconds: float) -> float:
    """Lowest objective by then; infinite before the first."""
    return min(
        (p.objective for p in trace if p.seconds <= seconds),
        default=float("inf"),
    )


def time_to(trace: list[Point], value: float) -> float:
    """Seconds to an objective; infinite where it is not reached."""
    return next(
        (p.seconds for p in trace if p.objective <= value), float("inf")
    )


def seconds_a_pass(X: torch.Tensor, steps: peers.Steps, n_steps: int) -> float:
    """Median time of a step, after two to warm up."""
    durations = [timed(X, steps)[0] for _ in range(n_steps + 2)]
    return median(durations[2:])


def constrained_starts() -> dict[str, peers.Start]:
    """Solvers that hold the columns at unit norm, or nearly so."""
    return {
        OURS: our_steps,
        PUBLISHED: lambda X, K, seed: peers.multiplicative(X, K, MU, seed, 1),
        "multiplicative (columns normalised)": lambda X, K, seed: (
            peers.multiplicative(X, K, MU, seed, 0)
        ),
    }


def best_penalty(
    X: torch.Tensor, n_atoms: int, starts: list[peers.Start], seconds: float
) -> peers.Start:
    """The start with the lowest objective after some seconds, on seed 0."""
    values = [
        run(X, start(X, n_atoms, 0), seconds)[-1].objective for start in starts
    ]
    best = min(range(len(starts)), key=values.__getitem__)
    logger.info("best penalty: %s, of %s", starts[best], values)
    return starts[best]


class Traces:
    """What solvers did, kept in a file, so that a long race can be continued.

    Arguments
    ---------
    path : Path
        The file; of a race with the same settings, if it is there.
    """

    def __init__(self, path: Path):
        self.path = path
        self.runs: dict[str, dict[str, list[Point]]] = {}
        if path.is_file():
            stored = json.loads(path.read_text(encoding="utf-8"))
            self.runs = {
                name: {seed: [Point(*p) for p in t] for seed, t in runs.items()}
                for name, runs in stored.items()
            }

    def has(self, name: str, n_seeds: int) -> bool:
        """Whether a solver has run with all seeds."""
        known = self.runs.get(name, {})
        return all(str(seed) in known for seed in range(n_seeds))

    def add(self, name: str, seed: int, trace: list[Point]) -> None:
        """Keep a run."""
        self.runs.setdefault(name, {})[str(seed)] = trace
        atomic_write_json(self.path, self.runs)


def race(
    X: torch.Tensor,
    n_atoms: int,
    n_seeds: int,
    seconds: float,
    scan_seconds: float,
    traces: Traces,
) -> dict[str, list[list[Point]]]:
    """Traces of all solvers, one a seed."""
    starts = constrained_starts()
    names = [*starts]
    for name, candidates in peers.scanned_starts().items():
        names.append(name)
        if not traces.has(name, n_seeds):
            logger.info("scanning the penalty of %s", name)
            starts[name] = best_penalty(X, n_atoms, candidates, scan_seconds)
    for seed, name in itertools.product(range(n_seeds), names):
        if str(seed) in traces.runs.get(name, {}):
            continue
        at_least = PUBLISHED_STEPS if name == PUBLISHED else 1
        trace = run(X, starts[name](X, n_atoms, seed), seconds, at_least)
        logger.info("%s, seed %d: %s", name, seed, trace[-1])
        traces.add(name, seed, trace)
    return {
        name: [traces.runs[name][str(seed)] for seed in range(n_seeds)]
        for name in names
    }


def race_rows(
    traces: dict[str, list[list[Point]]], seconds: tuple[float, ...]
) -> list[list[str]]:
    """Times to objectives, and objectives by times."""
    ours = traces[OURS]
    others = {name: runs for name, runs in traces.items() if name != OURS}
    published = [
        next(p for p in trace if p.step == PUBLISHED_STEPS)
        for trace in traces[PUBLISHED]
    ]
    earlier = [
        point.seconds / time_to(trace, point.objective)
        for point, trace in zip(published, ours)
    ]
    last = max(seconds)
    best = [best_peer(peer, last) for peer in by_seed(others)]
    rows = [
        ["published algorithm, s of 200 iterations"]
        + [spread([point.seconds for point in published])],
        ["its objective then"]
        + [spread([point.objective for point in published])],
        ["SparseNMF there, times faster", spread(earlier)],
        [f"best peer within {last:g} s", ", ".join(name for name, _ in best)],
        ["its objective", spread([point.objective for _, point in best])],
        ["SparseNMF there, times faster"]
        + [
            spread(
                [
                    point.seconds / time_to(trace, point.objective)
                    for (_, point), trace in zip(best, ours)
                ]
            )
        ],
    ]
    for limit in seconds:
        rows += [
            [f"objective after {limit:g} s, {name}"]
            + [spread([best_by(trace, limit) for trace in runs])]
            for name, runs in traces.items()
        ]
        lowest = [
            best_by(trace, limit)
            < min(best_by(t, limit) for t in peer.values())
            for trace, peer in zip(ours, by_seed(others))
        ]
        rows.append(
            [f"seeds where SparseNMF is lowest after {limit:g} s"]
            + [f"{sum(lowest)} of {len(lowest)}"]
        )
    return rows


def by_seed(
    traces: dict[str, list[list[Point]]],
) -> list[dict[str, list[Point]]]:
    """For each seed, the trace of each solver."""
    n_seeds = len(next(iter(traces.values())))
    return [
        {name: runs[seed] for name, runs in traces.items()}
        for seed in range(n_seeds)
    ]


def best_peer(
    traces: dict[str, list[Point]], seconds: float
) -> tuple[str, Point]:
    """Who reached the lowest objective by then, and when it was reached."""
    best = {
        name: min(
            (p for p in trace if p.seconds <= seconds),
            key=lambda point: point.objective,
            default=trace[0],
        )
        for name, trace in traces.items()
    }
    name = min(best, key=lambda name: best[name].objective)
    return name, best[name]


def spread(values: list[float]) -> str:
    """Median and range."""
    if len(values) == 1:
        return f"{values[0]:.4g}"
    return f"{median(values):.4g} ({min(values):.4g} to {max(values):.4g})"
