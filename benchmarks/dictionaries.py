#!/usr/bin/env python3
"""Dictionaries across domains: learned on one corpus, used on another.

> python benchmarks/dictionaries.py \
    --dictionary minibroadcast results/minibroadcast/dictionary/1986 \
    --dictionary realbroadcast results/realbroadcast/dictionary/1986 \
    --part AMI results/dihard3/manifests/dev.csv --output results/dictionaries

For each dictionary and each part: the relative error ``||X - W H|| / ||X||`` of
the NMF transform, over all frames, over those of each class and in each band,
and the atoms in use. Writes ``dictionaries.json`` and ``dictionaries.md`` and
prints the latter.
"""

from pathlib import Path
from typing import Any

import click
import torch

from explainable_seg.classes import CLASSES
from explainable_seg.corpora import read_manifest
from explainable_seg.evaluation import ReconstructionStats
from explainable_seg.explanation import BANDS_HZ
from explainable_seg.features import LogPowerSpectrogram
from explainable_seg.files import atomic_write_json, atomic_write_text
from explainable_seg.nmf import converged_code
from explainable_seg.pages import format_hz
from explainable_seg.training import WholeRegions, load_dictionary


@torch.no_grad()
def measure(manifest: Path, W: torch.Tensor, mu: float) -> dict[str, Any]:
    """How well the atoms rebuild the recordings of a manifest."""
    spectrogram = LogPowerSpectrogram(2 * (len(W) - 1))
    stats = ReconstructionStats(W)
    for item in WholeRegions(read_manifest(manifest)):
        X = spectrogram(item["wav"][None])[0]
        stats.update(X, converged_code(X, W, mu), item["targets"])
    return stats.summary()


def table(measures: dict[str, dict[str, dict[str, Any]]]) -> str:
    """All measures in Markdown; a class that is not heard has none."""
    bands = [f"{format_hz(low)} to {format_hz(high)}" for low, high in BANDS_HZ]
    head = ["part", "dictionary", "all", *CLASSES, *bands, "atoms", "dead"]
    lines = [head, ["---"] * len(head)]
    for part, by_dictionary in measures.items():
        for name, m in by_dictionary.items():
            errors = [m["error"]]
            errors += [m["classes"][c]["error"] for c in CLASSES]
            errors += m["error_by_band"]
            shown = ["-" if e is None else f"{e:.3f}" for e in errors]
            used = [f"{m['atoms']:.1f}", f"{m['dead']:.2f}"]
            lines.append([part, name, *shown, *used])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


@click.command(help=__doc__.replace("\n\n", "\n\n\b\n", 1))
@click.option(
    "--dictionary",
    "dictionaries",
    type=(str, click.Path(exists=True, path_type=Path)),
    multiple=True,
    required=True,
    help="Its name, and its file or the folder of its training.",
)
@click.option(
    "--part",
    "parts",
    type=(str, click.Path(exists=True, dir_okay=False, path_type=Path)),
    multiple=True,
    required=True,
    help="Its name, and its manifest.",
)
@click.option("--output", type=Path, default=Path("results/dictionaries"))
def main(
    dictionaries: tuple[tuple[str, Path], ...],
    parts: tuple[tuple[str, Path], ...],
    output: Path,
) -> None:
    """Measure each dictionary on each part."""
    loaded = {
        name: load_dictionary(
            path / "dictionary.safetensors" if path.is_dir() else path
        )
        for name, path in dictionaries
    }
    measures = {
        part: {
            name: measure(manifest, W, mu) for name, (W, mu) in loaded.items()
        }
        for part, manifest in parts
    }
    atomic_write_json(output / "dictionaries.json", measures)
    atomic_write_text(output / "dictionaries.md", table(measures))
    click.echo(table(measures))


if __name__ == "__main__":
    main()
