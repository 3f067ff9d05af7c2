#!/usr/bin/env python3
"""Learn the dictionary of spectral atoms by sparse NMF, from a stream.

To run this recipe:

> python recipes/train_dictionary.py hparams/minibroadcast/dictionary.yaml \
    --data_folder=data/minibroadcast

Memory does not depend on the amount of audio. Writes
``<output_folder>/dictionary.safetensors``; for dev and test, how well the atoms
rebuild the spectrogram, by class and by band (``reconstruction.json``); and
pictures of the atoms, of who uses them, and of what they rebuild.

Authors
 * explainable-seg contributors 2026
"""

from pathlib import Path
from typing import Any

import torch

import speechbrain as sb
from explainable_seg.evaluation import ReconstructionStats, class_examples
from explainable_seg.files import atomic_write_json
from explainable_seg.nmf import converged_code
from explainable_seg.pages import save_pictures
from explainable_seg.training import (
    Batch,
    Command,
    Dictionary,
    DictionaryLearner,
    Epoch,
    Hparams,
    RecipeBrain,
    keep_state,
    log_settings,
    log_update,
    read_parts,
    save_dictionary,
    start,
    training_loader,
    validation_loader,
)
from speechbrain.utils.distributed import run_on_main

MADE = ("output_folder", "dictionary")


class DictionaryBrain(RecipeBrain):
    """Learns atoms batch by batch, without gradients."""

    judged_by = "error"
    higher_is_better = False
    learner: DictionaryLearner

    def compute_forward(self, batch: Batch, stage: sb.Stage) -> torch.Tensor:
        """Frames [T, F] of chunks, thinned out, or of a whole recording."""
        wav = batch["wav"].to(self.device)
        step = self.hparams.frame_step if stage == sb.Stage.TRAIN else 1
        X = self.modules.spectrogram(torch.atleast_2d(wav))
        return X[:, ::step].flatten(0, 1)

    def compute_objectives(
        self, predictions: torch.Tensor, batch: Batch, stage: sb.Stage
    ) -> torch.Tensor:
        """Learn from a batch; or count how well a recording is rebuilt."""
        targets = batch["targets"].to(self.device)
        if stage == sb.Stage.TRAIN:
            targets = targets[:, :: self.hparams.frame_step].flatten(0, 1)
            self.learner.learn(predictions, targets)
            figures = self.learner.summary()
            log_update(self.hparams.loggers, self.updates, figures)
            # No number of a batch that had nothing to learn from.
            return torch.tensor(figures.get("objective", torch.nan))
        H = converged_code(predictions, self.stats.W, self.learner.mu)
        self.stats.update(predictions, H, targets)
        return torch.zeros(())

    def fit_batch(self, batch: Batch) -> torch.Tensor:
        """One step: there is no gradient to follow."""
        X = self.compute_forward(batch, sb.Stage.TRAIN)
        return self.compute_objectives(X, batch, sb.Stage.TRAIN)

    @property
    def updates(self) -> int:
        """Batches that were gone through."""
        return self.learner.n_updates

    def train_figures(self, stage_loss: float) -> dict[str, float]:
        """How well the last batches were rebuilt."""
        return {**self.learner.summary(), "objective": stage_loss}

    def on_stage_start(self, stage: sb.Stage, epoch: Epoch = None) -> None:
        """Count anew how well recordings are rebuilt."""
        if stage != sb.Stage.TRAIN:
            self.stats = ReconstructionStats(self.learner.dictionary)

    def sum_up(self) -> None:
        """Take together what all processes have measured."""
        self.stats.sum_over_ranks()
        self.summary = self.stats.summary()

    def valid_figures(self, stage_loss: float) -> dict[str, float]:
        """How well recordings are rebuilt, and by how many atoms."""
        return {k: self.summary[k] for k in ("error", "atoms", "dead")}


def make_brain(hparams: Hparams, run_opts: Any) -> DictionaryBrain:
    """The Brain with all that it learns from."""
    learner = DictionaryLearner(hparams["nmf"], hparams["atoms_per_class"])
    keep_state(hparams["checkpointer"], "learner", learner)
    brain = DictionaryBrain(
        loader=training_loader(
            hparams["training_set"](),
            hparams["n_chunks"],
            **hparams["loader_options"],
        ),
        modules={"spectrogram": hparams["spectrogram"]},
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    brain.learner = learner
    return brain


def train(hparams: Hparams, command: Command) -> None:
    """Prepare, factorise, measure and draw."""
    sb.create_experiment_directory(hparams["output_folder"])
    run_on_main(hparams["prepare"], kwargs={"skip_prep": hparams["skip_prep"]})
    log_settings(hparams["loggers"], command.record)
    brain = make_brain(hparams, command.run_opts)
    parts = read_parts(hparams["manifest_folder"])
    out, level = Path(hparams["output_folder"]), hparams["level"]
    whole = {p: validation_loader(rows, level) for p, rows in parts.items()}
    brain.fit(hparams["epoch_counter"], brain.loader, whole["dev"])
    measures = {}
    for part, recordings in whole.items():
        brain.evaluate_best(recordings)
        measures[part] = brain.summary
    W, mu = brain.learner.dictionary, brain.learner.mu
    learned = Dictionary(W, mu, hparams["atoms_per_class"])
    run_on_main(save_dictionary, args=[hparams["dictionary"], learned])
    run_on_main(atomic_write_json, args=[out / "reconstruction.json", measures])
    shown = class_examples(parts["dev"], hparams["spectrogram"], W, mu, level)
    run_on_main(save_pictures, args=[out, W, measures["dev"], shown])


if __name__ == "__main__":
    # More epochs go on where fewer have ended: no rate falls with them.
    start(train, __doc__, MADE, may_grow=["number_of_epochs"])
