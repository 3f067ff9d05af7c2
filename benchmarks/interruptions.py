#!/usr/bin/env python3
"""A training that is killed again and again, against one that is left alone.

> python benchmarks/interruptions.py --kills 20 -- \
    recipes/train_teacher.py hparams/minibroadcast/teacher.yaml \
    --data_folder=data/minibroadcast --ckpt_interval_minutes=0 \
    --ckpt_interval_steps=20

Runs the recipe twice: once as it is, once with ``SIGKILL`` at random moments,
each time started again, until it has been killed as often as asked for; then it
is let to its end. Prints macro F1 on dev of both, and whether the weights are
the same to the bit. Data are prepared by the first run, shared by the second.
"""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import click
import torch
from safetensors.torch import load_file


def killed(command: list[str], seconds: float) -> bool:
    """Run a command for some time; whether it had to be killed."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        try:
            run.wait(seconds)
        except subprocess.TimeoutExpired:
            run.kill()
    if run.returncode not in (0, -signal.SIGKILL):
        raise click.ClickException(
            f"expected a recipe that runs, got exit code {run.returncode}; "
            "run it by itself to see why"
        )
    return run.returncode != 0


def macro_f1(folder: Path) -> float:
    """On dev, of the exported model."""
    scores = json.loads((folder / "dev/scores.json").read_text("utf-8"))
    return scores["macro_f1"]


@click.command(help=__doc__.replace("\n\n", "\n\n\b\n", 1))
@click.option("--kills", default=20)
@click.option("--between", type=(float, float), default=(8.0, 40.0))
@click.option("--output", type=Path, default=Path("results/interruptions"))
@click.option("--seed", default=0)
@click.argument("recipe", nargs=-1, required=True)
def main(
    kills: int,
    between: tuple[float, float],
    output: Path,
    seed: int,
    recipe: tuple[str, ...],
) -> None:
    """Train twice, compare."""
    rng = random.Random(seed)
    straight, interrupted = output / "straight", output / "interrupted"
    command = [sys.executable, "-W", "ignore", *recipe]
    subprocess.run([*command, f"--output_folder={straight}"], check=True)
    command.append(f"--output_folder={interrupted}")
    count = 0
    while count < kills and killed(command, rng.uniform(*between)):
        count += 1
    subprocess.run(command, check=True)
    ours, theirs = (
        load_file(folder / "export/model.safetensors")
        for folder in (interrupted, straight)
    )
    same = all(torch.equal(ours[name], theirs[name]) for name in theirs)
    click.echo(
        f"killed {count} times; macro F1 on dev {macro_f1(interrupted):.4f}, "
        f"undisturbed {macro_f1(straight):.4f}; weights "
        f"{'equal to the bit' if same else 'differ'}"
    )


if __name__ == "__main__":
    main()
