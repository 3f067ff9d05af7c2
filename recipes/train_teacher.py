#!/usr/bin/env python3
"""Train the black-box teacher: front end, TCN, a sigmoid a class.

To run this recipe:

> python recipes/train_teacher.py hparams/minibroadcast/teacher.yaml \
    --data_folder=data/minibroadcast

The best checkpoint by macro F1 on dev is exported to ``<output_folder>/export``
with the thresholds tuned on dev, and scored on the test part.

Authors
 * explainable-seg contributors 2026
"""

from typing import Any

import torch

import speechbrain as sb
from explainable_seg.corpora import read_manifest
from explainable_seg.distributed import mean_over_ranks
from explainable_seg.models import Runner, build_model
from explainable_seg.training import (
    Batch,
    Command,
    Epoch,
    Hparams,
    NetworkBrain,
    choose_classes,
    label_loss,
    log_settings,
    read_parts,
    start,
    training_loader,
)
from speechbrain.utils.distributed import run_on_main


class TeacherBrain(NetworkBrain):
    """Trains on chunks; validates on whole recordings, as they are run."""

    def compute_forward(self, batch: Batch, stage: sb.Stage) -> torch.Tensor:
        """Logits [B, T, C] of chunks, or [T, C] of a whole recording."""
        if stage == sb.Stage.TRAIN:
            logits: torch.Tensor = self.modules.model(
                batch["wav"].to(self.device)
            )
            return logits
        runner = Runner(self.model, **self.hparams.run_time)
        return runner.recording(batch["wav"]).logits

    def compute_objectives(
        self, predictions: torch.Tensor, batch: Batch, stage: sb.Stage
    ) -> torch.Tensor:
        """Cross-entropy on the annotated frames."""
        targets = batch["targets"].to(predictions.device)
        if stage != sb.Stage.TRAIN:
            self.sweep.update(predictions.sigmoid(), targets)
            self.n_recordings += 1
        return label_loss(predictions, targets)

    def on_stage_start(self, stage: sb.Stage, epoch: Epoch = None) -> None:
        """Count anew."""
        super().on_stage_start(stage, epoch)
        self.n_recordings = 0

    def valid_figures(self, stage_loss: float) -> dict[str, float]:
        """The loss, and F1 of the classes."""
        loss = mean_over_ranks(stage_loss, self.n_recordings)
        return {"loss": loss, **super().valid_figures(stage_loss)}


def make_brain(hparams: Hparams, run_opts: Any) -> TeacherBrain:
    """The Brain with all that it trains from."""
    parts = read_parts(hparams["manifest_folder"])
    train = read_manifest(hparams["train_manifest"])
    classes = choose_classes(
        hparams["classes"], train, parts["dev"], scores=hparams["scores"]
    )
    model = build_model({**hparams["model"], "classes": classes})
    brain = TeacherBrain(
        loader=training_loader(
            hparams["training_set"](),
            hparams["chunks_per_epoch"],
            classes=classes,
            **hparams["loader_options"],
        ),
        modules={"model": model},
        parts=parts,
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    brain.set_schedule(
        hparams["lr_schedule"],
        hparams["warmup_steps"],
        hparams["cooldown_steps"],
        hparams["number_of_epochs"],
        hparams["patience"],
    )
    if hparams["compile_tcn"]:
        model.tcn.compile()
    return brain


def train(hparams: Hparams, command: Command) -> None:
    """Prepare, train, export and score."""
    sb.create_experiment_directory(hparams["output_folder"])
    run_on_main(hparams["prepare"], kwargs={"skip_prep": hparams["skip_prep"]})
    brain = make_brain(hparams, command.run_opts)
    log_settings(hparams["loggers"], command.record)
    brain.learn(hparams["epoch_counter"])
    brain.export(
        notes={"corpus": hparams["corpus"], "seed": hparams["seed"]},
        decisions=hparams["decisions"],
        force=hparams["force"],
    )


if __name__ == "__main__":
    start(train, __doc__)
