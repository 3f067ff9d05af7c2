#!/usr/bin/env python3
"""Train the explainable student to match its teacher and rebuild the sound.

To run this recipe, after the teacher's and the dictionary's:

> python recipes/train_student.py hparams/minibroadcast/student.yaml \
    --data_folder=data/minibroadcast

The best checkpoint by macro F1 on dev is exported to ``<output_folder>/export``
with the thresholds tuned on dev, and scored on dev and test.

Authors
 * explainable-seg contributors 2026
"""

from typing import Any, Optional

import torch

import speechbrain as sb
from explainable_seg.corpora import read_manifest
from explainable_seg.errors import SettingsError
from explainable_seg.models import Runner, Student
from explainable_seg.training import (
    Batch,
    Command,
    Hparams,
    Lessons,
    MixedChunks,
    StudentBase,
    choose_classes,
    log_settings,
    mask_error,
    mix_stems,
    read_parts,
    start,
    student_losses,
    training_loader,
)
from speechbrain.utils.distributed import run_on_main

# What each budget limits; only what is measured has one.
BUDGETS = {
    "error_ratio": "error_budget",
    "l1_ratio": "l1_budget",
    "unsupported": "support_budget",
    "outside": "outside_budget",
    "mask_error": "mask_budget",
}

MASK_STEP = 2  # frames; those between say little more, for twice the time


class StudentBrain(StudentBase):
    """Distils on chunks; validates on whole recordings, as they are run."""

    def compute_forward(self, batch: Batch, stage: sb.Stage) -> Any:
        """Outputs of chunks and their teacher's, or of a whole recording."""
        if stage == sb.Stage.TRAIN:
            chunks = self.chunks(batch)
            features, taught = self.lessons.of_batch(batch, chunks.wav)
            return self.modules.model(chunks.wav, features), taught, chunks
        known = None
        # Scores at the end come from the model as it will be run.
        if stage == sb.Stage.VALID:
            known = self.lessons.of_recording(batch["id"])
        runner = Runner(self.model, **self.hparams.run_time)
        return runner.recording(
            batch["wav"], {"activations", "spectrogram"}, known
        )

    def chunks(self, batch: Batch) -> MixedChunks:
        """Chunks on the device, with other sources laid on some of one."""
        known = {
            name: batch[name].to(self.device)
            for name in MixedChunks._fields
            if name in batch
        }
        return mix_stems(
            MixedChunks(**known),
            self.model.spectrogram,
            self.model.classes,
            self.hparams.stem_mixing,
        )

    def compute_objectives(
        self, predictions: Any, batch: Batch, stage: sb.Stage
    ) -> torch.Tensor:
        """The task under the budgets that keep H to the sound."""
        if stage != sb.Stage.TRAIN:
            H, X = predictions.activations, predictions.spectrogram
            targets = batch["targets"].to(self.device)
            self.measure(predictions.logits, H, X, targets)
            return torch.zeros(())
        output, taught, chunks = predictions
        W, theta = self.model.dictionary, self.model.classifier.weight
        own = self.model.own_atoms
        if own is not None:
            code = self.model.joint_code(output.spectrogram)
            output = output._replace(code=code)
        losses = student_losses(output, chunks.targets, W, theta, taught, own)
        if chunks.shares is not None:
            shares = chunks.shares[:, ::MASK_STEP]
            X = output.spectrogram[:, ::MASK_STEP]
            H = output.activations[:, ::MASK_STEP]
            losses["mask_error"] = mask_error(
                X, W, H, self.model.source_atoms, shares
            )
        self.last = {name: x.detach() for name, x in losses.items()}
        learned = losses["dictionary"] if W.requires_grad else 0.0
        budgets = [
            self.modules[budget](losses[name])
            for name, budget in BUDGETS.items()
            if name in losses
        ]
        return losses["task"] + learned + sum(budgets)


def check_stems(
    stems: bool, model: Student, feature_cache: Optional[str]
) -> None:
    """Raise unless stems, if there are any, can teach a student."""
    if stems and model.source_atoms is None:
        raise SettingsError(
            "expected a dictionary with atoms of each class to learn from "
            "stems, got one that all classes share; train it with "
            "--atoms_per_class, or leave --stems out"
        )
    if stems and feature_cache:
        raise SettingsError(
            "expected chunks with stems, got features of a cache, which holds "
            "none; leave --feature_cache or --stems out"
        )


def make_brain(hparams: Hparams, run_opts: Any) -> StudentBrain:
    """The Brain with all that it trains from."""
    parts = read_parts(hparams["manifest_folder"])
    lessons = Lessons(
        hparams["teacher"],
        hparams["level"],
        hparams["feature_cache"],
        hparams["cache_settings"],
    )
    classes = choose_classes(
        hparams["classes"],
        read_manifest(hparams["train_manifest"]),
        parts["dev"],
        lessons.classes,
        hparams["scores"],
    )
    W, warm_start = hparams["dictionary"], hparams["warm_start"]
    model = lessons.build_student(
        hparams["student"], W, classes, warm_start, hparams["start"]
    )
    check_stems(hparams["stems"], model, hparams["feature_cache"])
    if hparams["learn_dictionary"]:
        model.learn_dictionary()
    brain = StudentBrain(
        lessons,
        loader=training_loader(
            lessons.chunks(hparams["training_set"], hparams["seed"]),
            hparams["chunks_per_epoch"],
            classes=classes,
            **hparams["loader_options"],
        ),
        modules={
            "model": model,
            "error_budget": hparams["error_budget"],
            "l1_budget": hparams["l1_budget"],
            "support_budget": hparams["support_budget"],
            "outside_budget": hparams["outside_budget"],
            "mask_budget": hparams["mask_budget"],
        },
        parts=parts,
        max_dead=hparams["max_dead"],
        min_atoms=hparams["min_atoms"],
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
    """Load teacher and dictionary, train, export and score."""
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
