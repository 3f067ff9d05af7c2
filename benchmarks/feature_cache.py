#!/usr/bin/env python3
"""Epochs of a student from the feature cache against recomputing WavLM.

> python benchmarks/feature_cache.py --size base --minutes 1

WavLM has random weights, read from disk as a downloaded model is; audio is
noise. The candidates take turns in one process: teacher and student each run
WavLM, as without a cache; one pass of WavLM for both; the cache. Writes JSON
to the terminal, or to a file.
"""

import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from side_by_side import SIZES, save_random_wavlm, seconds_of, tell

from explainable_seg.classes import CLASSES
from explainable_seg.frames import SAMPLE_RATE, num_frames
from explainable_seg.models import (
    Student,
    Teacher,
    build_model,
    choose_device,
    choose_precision,
)
from explainable_seg.training import (
    Chunk,
    EpochSampler,
    FeatureCache,
    ShardMaker,
    TrainingChunks,
    cached_student,
    fill,
    share_front_end,
    student_losses,
)

WINDOW = 4.0  # seconds a chunk
N_ATOMS = 128
Batch = dict[str, torch.Tensor]


class Noise:
    """Source of chunks that cost next to nothing to make."""

    def draw(self, rng: np.random.Generator) -> Chunk:
        """A chunk of noise with random targets."""
        n_samples = round(WINDOW * SAMPLE_RATE)
        audio = 0.1 * rng.standard_normal(n_samples, dtype=np.float32)
        shape = num_frames(n_samples), len(CLASSES)
        return audio, rng.integers(-1, 2, shape).astype(np.float16)


class Training:
    """Epochs of a student.

    Arguments
    ---------
    teacher : Teacher
        Frozen.
    student : Student
        Trained.
    batch_size : int
        Chunks a batch.
    bf16 : bool
        Mixed precision.
    """

    def __init__(
        self, teacher: Teacher, student: Student, batch_size: int, bf16: bool
    ):
        self.teacher = teacher
        self.student = student
        self.batch_size = batch_size
        self.device = next(student.parameters()).device
        self.mixed = torch.autocast(
            self.device.type, torch.bfloat16, enabled=bf16
        )
        self.optimizer = torch.optim.AdamW(
            p for p in student.parameters() if p.requires_grad
        )

    def twice(self, batch: Batch) -> tuple[Any, torch.Tensor]:
        """Teacher and student each run WavLM."""
        with torch.no_grad():
            logits = self.teacher(batch["wav"])
        return self.student(batch["wav"]), logits

    def once(self, batch: Batch) -> tuple[Any, torch.Tensor]:
        """The student takes what the teacher's WavLM gave."""
        with torch.no_grad():
            features = self.teacher.frontend(batch["wav"])
            logits = self.teacher(batch["wav"], features)
        return self.student(batch["wav"], features), logits

    def cached(self, batch: Batch) -> tuple[Any, torch.Tensor]:
        """Nobody runs WavLM."""
        output = self.student(batch["wav"], batch["features"])
        return output, batch["teacher_logits"]

    def epoch(
        self,
        chunks: torch.utils.data.Dataset,
        n_chunks: int,
        observe: Callable[[Batch], tuple[Any, torch.Tensor]],
    ) -> None:
        """One pass, chunks read by one other process."""
        loader = torch.utils.data.DataLoader(
            chunks,
            sampler=EpochSampler(n_chunks),
            batch_size=self.batch_size,
            num_workers=1,
        )
        for batch in loader:
            batch = {k: v.to(self.device) for k, v in batch.items()}
            with self.mixed:
                output, logits = observe(batch)
            losses = student_losses(
                output,
                batch["targets"],
                self.student.dictionary,
                self.student.classifier.weight,
                logits.float(),
            )
            self.optimizer.zero_grad()
            sum(losses.values(), torch.zeros((), device=self.device)).backward()
            self.optimizer.step()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def make_models(source: Path, device: torch.device) -> tuple[Teacher, Student]:
    """Teacher and student that share a WavLM."""
    frontend = {"type": "wavlm", "source": str(source)}
    teacher = build_model({"type": "teacher", "frontend": frontend, "tcn": {}})
    W = torch.nn.functional.normalize(torch.rand(257, N_ATOMS), dim=0)
    settings = {
        "type": "student",
        "frontend": frontend,
        "tcn": {"n_blocks": 2},
        "n_atoms": N_ATOMS,
    }
    student = build_model(cached_student(settings, teacher), W)
    share_front_end(student, teacher)
    return (
        teacher.eval().requires_grad_(False).to(device),
        student.train().to(device),
    )


@click.command(help=(__doc__ or "").split("\n")[0])
@click.option("--size", type=click.Choice(list(SIZES)), default="base")
@click.option("--minutes", default=1.0, help="Of audio.", show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--precision", default="auto", show_default=True)
@click.option("--batch-size", default=5, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--output", type=click.Path(path_type=Path))
def main(
    size: str,
    minutes: float,
    device: str,
    precision: str,
    batch_size: int,
    repeats: int,
    output: Path | None,
) -> None:
    """Fill a cache, then time epochs."""
    where = choose_device(device)
    bf16 = choose_precision(precision, where, "wavlm")
    n_chunks = round(60 * minutes / WINDOW)
    chunks = TrainingChunks([Noise()], [1.0], seed=0)
    with tempfile.TemporaryDirectory() as folder:
        source = save_random_wavlm(size, Path(folder) / "wavlm")
        teacher, student = make_models(source, where)
        cache = FeatureCache(
            Path(folder) / "cache",
            {"n_chunks": n_chunks, "shard_size": 64},
            create=True,
        )
        maker = ShardMaker(cache, teacher, True, bf16, batch_size)
        start = time.perf_counter()
        fill(cache, maker.chunk_shards(chunks, WINDOW))
        filled = time.perf_counter() - start
        training = Training(teacher, student, batch_size, bf16)
        kept = cache.chunks(order_seed=0)
        taken = seconds_of(
            {
                "twice": lambda: training.epoch(
                    chunks, n_chunks, training.twice
                ),
                "once": lambda: training.epoch(chunks, n_chunks, training.once),
                "cached": lambda: training.epoch(
                    kept, n_chunks, training.cached
                ),
            },
            repeats,
            warm_up=False,  # an epoch is long, and filling came first
        )
        n_bytes = sum(f.stat().st_size for f in cache.folder.glob("*.safe*"))
    result = {
        "size": size,
        "device": str(where),
        "bf16": bf16,
        "threads": torch.get_num_threads(),
        "minutes of audio": minutes,
        "MB an hour": n_bytes / 1e6 / minutes * 60,
        "seconds to fill": filled,
        "seconds an epoch": taken,
        "times faster than WavLM twice": taken["twice"] / taken["cached"],
        "times faster than WavLM once": taken["once"] / taken["cached"],
    }
    tell(result, output)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
