#!/usr/bin/env python3
"""Sparse NMF of this package beside its peers, on spectra of real audio.

> python benchmarks/nmf.py --clips CLIPS --recordings AUDIO --names TRAIN.txt

Both folders are searched for audio files; ``--names`` says which recordings,
one a line, without folder and suffix. Writes ``nmf.json`` and ``nmf.md`` to
``--output`` and prints the latter; a race that was stopped goes on from
``traces.json`` there. For all solvers the objective is
``0.5 ||X - H W'||_F^2 + mu ||H||_1``, a frame, after W has been rescaled to
unit columns and H inversely. Peers that cannot constrain the columns get the
best penalty of a scan; evaluations are off the clock, which is wall-clock.
"""

import logging
import multiprocessing
import platform
import random
import resource
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Iterator, Optional

import click
import torch
from memory import peak_mib
from nmf_peers import installed, multiplicative
from nmf_race import (
    MU,
    PUBLISHED_STEPS,
    Traces,
    evaluate,
    our_steps,
    race,
    race_rows,
    run,
    seconds_a_pass,
    spread,
    time_to,
)

from explainable_seg.audio import load_audio
from explainable_seg.errors import AudioError
from explainable_seg.features import LogPowerSpectrogram
from explainable_seg.files import atomic_write_json, atomic_write_text
from explainable_seg.nmf import (
    SparseNMF,
    converged_code,
    initial_atoms,
    objective,
)

logger = logging.getLogger(__name__)

SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".opus"}
BATCH = 1024  # frames, of partial_fit
FRAMES_AN_HOUR = 180_000
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def audio_files(
    clips: Path, recordings: Path, names: Optional[Path]
) -> list[Path]:
    """Clips and the named recordings, in an order that mixes them."""
    files = sorted(recordings.rglob("*"))
    if names is not None:
        wanted = set(names.read_text().split())
        files = [path for path in files if path.stem in wanted]
    files += sorted(clips.rglob("*"))
    files = [path for path in files if path.suffix in SUFFIXES]
    random.Random(0).shuffle(files)
    return files


def frames_of_files(files: list[Path], n_fft: int) -> Iterator[torch.Tensor]:
    """Spectra [T, F] of each audio file that can be read."""
    spectrogram = LogPowerSpectrogram(n_fft)
    for path in files:
        try:
            audio = torch.from_numpy(load_audio(path))
        except AudioError as error:
            logger.debug("left out: %s", error)
            continue
        yield spectrogram(audio[None])[0]


def load_frames(files: list[Path], n_fft: int, n_frames: int) -> torch.Tensor:
    """The first frames [T, F] of the set; all of them if ``n_frames`` is 0."""
    parts, total = [], 0
    for part in frames_of_files(files, n_fft):
        parts.append(part)
        total += len(part)
        if n_frames and total >= n_frames:
            break
    frames = torch.cat(parts)
    return frames[: n_frames or None].clone()


def learned(nmf: SparseNMF) -> tuple[torch.Tensor, None]:
    """The dictionary, whose activations are left to be found."""
    return nmf.dictionary, None


def online_rows(X: torch.Tensor, n_atoms: int, seeds: int) -> list[list[str]]:
    """``partial_fit`` over the set once, against the full fit."""
    ratios, durations = [], []
    for seed in range(seeds):
        full = SparseNMF(n_atoms, MU, max_iter=100, tol=1e-4, seed=seed).fit(X)
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(X), generator=generator)
        online = SparseNMF(n_atoms, MU, seed=seed)
        start = time.perf_counter()
        for drawn in order.split(BATCH):
            online.partial_fit(X[drawn])
        durations.append(time.perf_counter() - start)
        values = [evaluate(X, partial(learned, nmf)) for nmf in (online, full)]
        ratios.append(100 * (values[0] / values[1] - 1))
    return [
        [
            "partial_fit over the set once: objective above the full fit's, %",
            spread(ratios),
        ],
        ["... seconds", spread(durations)],
    ]


def resident_mib() -> float:
    """Memory of this process now, MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def stream(
    files: list[Path], n_fft: int, n_atoms: int, hours: float
) -> dict[str, Any]:
    """Learn from files, over and over; memory, MiB, over time, hours."""
    nmf = SparseNMF(n_atoms, MU)
    before, wanted, seen, memory = resident_mib(), hours * FRAMES_AN_HOUR, 0, []
    while seen < wanted:
        for frames in frames_of_files(files, n_fft):
            for batch in frames.split(BATCH):
                nmf.partial_fit(batch)
            seen += len(frames)
            memory.append((seen / FRAMES_AN_HOUR, resident_mib()))
            if seen >= wanted:
                break
    return {"before": before, "peak": peak_mib(), "over_time": memory}


def memory_rows(
    files: list[Path], n_fft: int, n_atoms: int, hours: float
) -> tuple[list[list[str]], dict[str, Any]]:
    """Memory of a process of its own that streams audio."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        measured = pool.submit(stream, files, n_fft, n_atoms, hours).result()
    over_time = measured["over_time"]
    parts = [
        max(
            m
            for t, m in over_time
            if t <= hours * share or t == over_time[0][0]
        )
        for share in (0.1, 0.5, 1.0)
    ]
    row = (
        f"peak {measured['peak']:.0f} (before the first batch "
        f"{measured['before']:.0f}); highest by 10, 50 and 100 %: "
        + ", ".join(f"{part:.0f}" for part in parts)
    )
    return [[f"memory of streaming {hours:g} h, MiB", row]], measured


def cost_rows(X: torch.Tensor, n_atoms: int) -> list[list[str]]:
    """Time of a pass as F, K and N grow."""
    cases = [(X[: len(X) // n], n_atoms) for n in (8, 4, 2, 1)]
    cases += [(X, n_atoms // 2), (X, 2 * n_atoms)]
    cases += [(X[:, : X.shape[1] // 2].contiguous(), n_atoms)]
    rows = []
    for frames, K in cases:
        seconds = seconds_a_pass(frames, our_steps(frames, K, 0), 5)
        rows.append(
            [
                f"a pass, N {len(frames)}, F {frames.shape[1]}, K {K}",
                f"{seconds:.4f} s, {1e6 * seconds / len(frames):.2f} us a frame",
            ]
        )
    return rows


def parity_rows(X: torch.Tensor, n_atoms: int) -> list[list[str]]:
    """The transform against scikit-learn's, W fixed, penalty matched."""
    if not installed("scikit-learn"):
        return []
    from sklearn.decomposition import non_negative_factorization

    X = X[:2000].cpu()
    W = initial_atoms(X, n_atoms, "frames", torch.Generator().manual_seed(0))
    rows = []
    for mu in (0.0, MU):
        theirs, _, _ = non_negative_factorization(
            X.double().numpy(),
            H=W.T.double().contiguous().numpy(),
            n_components=n_atoms,
            update_H=False,
            alpha_W=mu / X.shape[1],
            alpha_H=0.0,
            l1_ratio=1.0,
            max_iter=2000,
            tol=1e-8,
        )
        ours = converged_code(X, W, mu, max_sweeps=2000, tol=1e-7)
        values = [
            objective(X.double(), W.double(), H.double(), mu).item()
            for H in (ours, torch.from_numpy(theirs))
        ]
        rows.append(
            [
                f"transform, mu {mu:g}: objective above scikit-learn's, share",
                f"{values[0] / values[1] - 1:.1e}",
            ]
        )
    return rows


def cuda_rows(X: torch.Tensor, n_atoms: int) -> list[list[str]]:
    """Time for 1,000,000 frames on the GPU, beside multiplicative updates."""
    generator = torch.Generator(X.device).manual_seed(0)
    drawn = torch.randint(
        len(X), (1_000_000,), generator=generator, device=X.device
    )
    gains = torch.rand(len(drawn), 1, generator=generator, device=X.device)
    X = X[drawn] * (0.5 + gains)
    steps = multiplicative(X, n_atoms, MU, 0, 0)
    theirs = run(X, steps, 0.0, at_least=PUBLISHED_STEPS)
    last = theirs[-1]
    ours = run(X, our_steps(X, n_atoms, 0), last.seconds)
    return [
        [
            "GPU, 1,000,000 frames: multiplicative updates (columns), s of 200 iterations",
            f"{last.seconds:.2f}",
        ],
        [
            "... SparseNMF to the same objective, s",
            f"{time_to(ours, last.objective):.2f}",
        ],
        [
            "... SparseNMF, s a pass",
            f"{seconds_a_pass(X, our_steps(X, n_atoms, 0), 5):.3f}",
        ],
    ]


def markdown(settings: dict[str, Any], rows: list[list[str]]) -> str:
    """The table, and what it was made with."""
    lines = ["; ".join(f"{k} {v}" for k, v in settings.items()), ""]
    lines += ["| measure | median (range over seeds) |", "|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def environment(**extra: Any) -> dict[str, Any]:
    """What the figures depend on."""
    names = ("torch", "scikit-learn", "torchnmf", "numpy")
    return {
        **extra,
        "mu": MU,
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        **{name: installed(name) or "absent" for name in names},
    }


@click.command(help=__doc__.replace("\n\n", "\n\n\b\n", 1))
@click.option("--clips", type=FOLDER, required=True, help="Audio files.")
@click.option("--recordings", type=FOLDER, required=True, help="More of them.")
@click.option(
    "--names",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Of the recordings to use, one a line; all if not given.",
)
@click.option("--output", type=Path, default=Path("results/nmf"))
@click.option("--frames", default=28_000, help="Of the race; 0: the whole set.")
@click.option("--online_frames", default=0, help="Of partial_fit; 0: the set.")
@click.option("--seconds", multiple=True, default=(10.0, 60.0))
@click.option("--scan_seconds", default=10.0, help="A penalty of a peer.")
@click.option("--seeds", default=5)
@click.option("--atoms", default=128)
@click.option("--n_fft", default=512)
@click.option("--hours", default=10.0, help="Of audio streamed; 0: none.")
@click.option("--device", default="cpu", help="cpu or cuda.")
def main(
    clips: Path,
    recordings: Path,
    names: Optional[Path],
    output: Path,
    frames: int,
    online_frames: int,
    seconds: tuple[float, ...],
    scan_seconds: float,
    seeds: int,
    atoms: int,
    n_fft: int,
    hours: float,
    device: str,
) -> None:
    """Run all measurements and write them down."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("explainable_seg").setLevel(logging.WARNING)
    # scikit-learn's, that it has not converged or divides zero by zero.
    warnings.simplefilter("ignore")
    files = audio_files(clips, recordings, names)
    X = load_frames(files, n_fft, frames).to(device)
    settings = environment(
        N=len(X), F=X.shape[1], K=atoms, seeds=seeds, device=device
    )
    traces = race(
        X,
        atoms,
        seeds,
        max(seconds),
        scan_seconds,
        Traces(output / "traces.json"),
    )
    rows = race_rows(traces, seconds)
    rows += parity_rows(X, atoms) + cost_rows(X, atoms)
    if X.is_cuda:
        rows += cuda_rows(X, atoms)
    if online_frames != frames:
        X = load_frames(files, n_fft, online_frames).to(device)
    rows += online_rows(X, atoms, seeds)
    memory: dict[str, Any] = {}
    if hours > 0:
        more, memory = memory_rows(files, n_fft, atoms, hours)
        rows += more
    measured = dict(settings=settings, rows=rows, memory=memory)
    atomic_write_json(output / "nmf.json", measured)
    atomic_write_text(output / "nmf.md", markdown(settings, rows))
    click.echo(markdown(settings, rows))


if __name__ == "__main__":
    main()
