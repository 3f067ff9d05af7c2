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

import torch

import speechbrain as sb
from explainable_seg.corpora import read_manifest
from explainable_seg.evaluation import ReconstructionStats, class_examples
from explainable_seg.files import atomic_write_json
from explainable_seg.nmf import converged_code
from explainable_seg.pages import save_pictures
from explainable_seg.training import (
    DictionaryLearner,
    load_hparams,
    load_state,
    log_epoch,
    log_settings,
    log_update,
    read_command,
    run_folder,
    run_recipe,
    save_dictionary,
    save_state,
    training_loader,
    validation_loader,
)
from speechbrain.utils.distributed import run_on_main


class DictionaryBrain(sb.Brain):
    """Learns atoms batch by batch, without gradients."""

    def compute_forward(self, batch, stage):
        """Frames [T, F] of chunks, thinned out, or of a whole recording."""
        wav = batch["wav"].to(self.device)
        if stage != sb.Stage.TRAIN:
            return self.modules.spectrogram(wav.unsqueeze(0))[0]
        X = self.modules.spectrogram(wav)
        return X[:, :: self.hparams.frame_step].flatten(0, 1)

    def compute_objectives(self, predictions, batch, stage):
        """Learn from a batch; or count how well a recording is rebuilt."""
        targets = batch["targets"].to(self.device)
        if stage == sb.Stage.TRAIN:
            targets = targets[:, :: self.hparams.frame_step].flatten(0, 1)
            self.learner.learn(predictions, targets)
            figures = self.learner.summary()
            log_update(self.hparams.loggers, self.learner.n_updates, figures)
            # No number of a batch that had nothing to learn from.
            return torch.tensor(figures.get("objective", torch.nan))
        H = converged_code(predictions, self.stats.W, self.learner.mu)
        self.stats.update(predictions, H, targets)
        return torch.zeros(())

    def fit_batch(self, batch):
        """One step: there is no gradient to follow."""
        X = self.compute_forward(batch, sb.Stage.TRAIN)
        return self.compute_objectives(X, batch, sb.Stage.TRAIN)

    def on_stage_start(self, stage, epoch=None):
        """Count anew how well recordings are rebuilt."""
        if stage != sb.Stage.TRAIN:
            self.stats = ReconstructionStats(self.learner.dictionary)

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Log, stop early, and keep the atoms of the smallest error on dev."""
        if stage == sb.Stage.TRAIN:
            self.train_stats = {
                **self.learner.summary(),
                "objective": stage_loss,
            }
            return
        self.stats.sum_over_ranks()
        self.summary = self.stats.summary()
        if stage == sb.Stage.TEST:
            return
        measures = {k: self.summary[k] for k in ("error", "atoms", "dead")}
        log_epoch(
            self.hparams.loggers,
            epoch,
            self.learner.n_updates,
            train_stats=self.train_stats,
            valid_stats=measures,
        )
        self.hparams.epoch_counter.update_metric(measures["error"])
        self.checkpointer.save_and_keep_only(
            meta={"error": measures["error"], "epoch": epoch},
            min_keys=["error"],
        )


def train(hparams, command):
    """Prepare, factorise and measure."""
    run_on_main(hparams["prepare"], kwargs={"skip_prep": hparams["skip_prep"]})
    log_settings(hparams["loggers"], command.record)
    learner = DictionaryLearner(hparams["nmf"], hparams["atoms_per_class"])
    loader = training_loader(
        hparams["training_set"](),
        hparams["n_chunks"],
        **hparams["loader_options"],
    )
    hparams["checkpointer"].add_recoverable(
        "learner", learner, load_state, save_state
    )
    hparams["checkpointer"].add_recoverable("loader", loader)
    brain = DictionaryBrain(
        modules={"spectrogram": hparams["spectrogram"]},
        hparams=hparams,
        run_opts=command.run_opts,
        checkpointer=hparams["checkpointer"],
    )
    brain.learner = learner
    brain.train_sampler = loader.sampler
    parts = {
        part: read_manifest(f"{hparams['manifest_folder']}/{part}.csv")
        for part in ("dev", "test")
    }
    whole = {
        part: validation_loader(regions, hparams["level"])
        for part, regions in parts.items()
    }
    brain.fit(hparams["epoch_counter"], loader, whole["dev"])
    measures = {}
    for part, recordings in whole.items():
        brain.evaluate(recordings, min_key="error")
        measures[part] = brain.summary
    folder = Path(hparams["output_folder"])
    run_on_main(
        save_dictionary,
        args=[hparams["dictionary"], learner.dictionary, learner.mu],
    )
    run_on_main(
        atomic_write_json, args=[folder / "reconstruction.json", measures]
    )
    examples = class_examples(
        parts["dev"],
        hparams["spectrogram"],
        learner.dictionary,
        learner.mu,
        hparams["level"],
    )
    run_on_main(
        save_pictures,
        args=[folder, learner.dictionary, measures["dev"], examples],
    )


def main(arguments):
    """Learn in a folder that no other run uses."""
    command = read_command(
        arguments, __doc__, outputs=("output_folder", "dictionary")
    )
    sb.utils.distributed.ddp_init_group(command.run_opts)
    # More epochs go on where fewer have ended: no rate falls with them.
    with run_folder(command, may_grow=["number_of_epochs"]):
        hparams = load_hparams(command.hparams_file, command.overrides)
        sb.create_experiment_directory(
            experiment_directory=hparams["output_folder"],
            hyperparams_to_save=command.hparams_file,
            overrides=command.overrides,
        )
        train(hparams, command)


if __name__ == "__main__":
    run_recipe(main)
