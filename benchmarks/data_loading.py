#!/usr/bin/env python3
"""Share of a training's time in which it waits for data.

> python benchmarks/data_loading.py hparams/realbroadcast/student.yaml \
    --data_folder=CORPUS --clips=CLIPS/clips.csv

Runs some steps of a spectrogram student of this file, forward and backward, on
chunks that the loader reads meanwhile, and times how long each step waits for
its batch. The chunks are composed before, as after a training's first epochs.
"""

import sys
import time

import click
import torch

import speechbrain as sb
from explainable_seg.models import build_model
from explainable_seg.training import (
    load_hparams,
    student_losses,
    training_loader,
)

STEPS = 60
FIRST = 5  # steps that are not timed


def main() -> None:
    """Time steps and waits."""
    path, _, overrides = sb.parse_arguments(sys.argv[1:])
    hparams = load_hparams(path, overrides)
    hparams["prepare"](skip_prep=hparams["skip_prep"])
    W = torch.nn.functional.normalize(torch.rand(257, 128), dim=0)
    model = build_model({**hparams["student"], "mu": 1.0, "n_atoms": 128}, W)
    optimizer = torch.optim.AdamW(model.parameters())
    size = hparams["loader_options"]["batch_size"]
    dataset = hparams["training_set"]()
    for index in range(STEPS * size):  # composed once, then read from disk
        dataset[index]
    loader = training_loader(dataset, STEPS * size, **hparams["loader_options"])
    waited, worked = 0.0, 0.0
    clock = time.perf_counter()
    for step, batch in enumerate(loader):
        ready = time.perf_counter()
        output = model(batch["wav"])
        theta = model.classifier.weight
        losses = student_losses(output, batch["targets"], W, theta)
        sum(losses.values()).backward()
        optimizer.step()
        optimizer.zero_grad()
        done = time.perf_counter()
        if step >= FIRST:
            waited, worked = waited + ready - clock, worked + done - ready
        clock = done
    click.echo(
        f"{STEPS - FIRST} steps of {size} chunks: {1e3 * worked / (STEPS - FIRST):.0f}"
        f" ms of work a step, {waited / (waited + worked):.1%} of the time waiting"
    )


if __name__ == "__main__":
    main()
