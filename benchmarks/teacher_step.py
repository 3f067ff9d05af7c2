#!/usr/bin/env python3
"""A training step of the WavLM teacher over the bare forward pass of WavLM.

> python benchmarks/teacher_step.py --size base --precision auto

WavLM has random weights, read from disk as a downloaded model is; audio is
noise. The candidates take turns in one process; the bare forward is the faster
one of the whole batch at once and of its recordings one by one, for attention
over a batch in bf16 is slow on some CPUs. Writes JSON to the terminal, or to a
file.
"""

import logging
import tempfile
from pathlib import Path

import click
import torch
from side_by_side import SIZES, save_random_wavlm, seconds_of, tell

from explainable_seg.classes import CLASSES
from explainable_seg.frames import SAMPLE_RATE, num_frames
from explainable_seg.models import (
    Teacher,
    build_model,
    choose_device,
    choose_precision,
)
from explainable_seg.training import label_loss


@click.command(help=(__doc__ or "").split("\n")[0])
@click.option("--size", type=click.Choice(list(SIZES)), default="base")
@click.option("--device", default="auto", show_default=True)
@click.option("--precision", default="auto", show_default=True)
@click.option("--batch-size", default=4, show_default=True)
@click.option("--window", default=4.0, help="Seconds.", show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--output", type=click.Path(path_type=Path))
def main(
    size: str,
    device: str,
    precision: str,
    batch_size: int,
    window: float,
    repeats: int,
    output: Path | None,
) -> None:
    """Time a step and a forward pass."""
    where = choose_device(device)
    bf16 = choose_precision(precision, where, "wavlm")
    teacher = make_teacher(size).to(where).train()
    trained = [p for p in teacher.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    n_samples = round(window * SAMPLE_RATE)
    wav = 0.1 * torch.randn(batch_size, n_samples, device=where)
    shape = batch_size, num_frames(n_samples), len(CLASSES)
    targets = torch.randint(-1, 2, shape, device=where)
    mixed = torch.autocast(where.type, torch.bfloat16, enabled=bf16)

    def forward(size: int) -> None:
        with torch.no_grad(), mixed:
            for part in wav.split(size):
                teacher.frontend.encoder(part)
        _finish(where)

    def step() -> None:
        with mixed:
            logits = teacher(wav)
        loss = label_loss(logits.float(), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        _finish(where)

    taken = seconds_of(
        {
            "forward": lambda: forward(batch_size),
            "forward one by one": lambda: forward(1),
            "step": step,
        },
        repeats,
    )
    bare = min(taken["forward"], taken["forward one by one"])
    seconds = batch_size * window
    result = {
        "size": size,
        "device": str(where),
        "bf16": bf16,
        "threads": torch.get_num_threads(),
        "batch": [batch_size, window],
        **{
            f"{name}, seconds a second of audio": value / seconds
            for name, value in taken.items()
        },
        "step over forward": taken["step"] / bare,
    }
    tell(result, output)


def make_teacher(size: str) -> Teacher:
    """Teacher on a WavLM of random weights."""
    with tempfile.TemporaryDirectory() as folder:
        source = str(save_random_wavlm(size, Path(folder)))
        frontend = {"type": "wavlm", "source": source}
        return build_model({"type": "teacher", "frontend": frontend, "tcn": {}})


def _finish(device: torch.device) -> None:
    """Wait for what a CUDA card still computes."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
