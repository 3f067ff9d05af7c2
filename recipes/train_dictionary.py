#!/usr/bin/env python3
"""Learn the dictionary of spectral atoms by sparse NMF.

To run this recipe:

> python recipes/train_dictionary.py hparams/minibroadcast/dictionary.yaml \
    --data_folder=data/minibroadcast

Writes ``<output_folder>/dictionary.safetensors`` and, for dev and test, how
well the atoms rebuild the spectrogram (``reconstruction.json``).

Authors
 * explainable-seg contributors 2026
"""

import json
import logging
from pathlib import Path

import torch

import speechbrain as sb
from explainable_seg.data.chunks import EpochSampler, whole_regions_loader
from explainable_seg.data.manifest import read_manifest
from explainable_seg.files import atomic_write_text
from explainable_seg.training.dictionary import save_dictionary
from explainable_seg.training.run import load_hparams, run_recipe
from speechbrain.utils.distributed import run_on_main

logger = logging.getLogger(__name__)


class DictionaryBrain(sb.Brain):
    """Gathers frames, then factorises them at once; no gradients."""

    def compute_forward(self, batch, stage):
        """Spectrogram frames [T, F] of chunks or of a whole recording."""
        wav = batch["wav"].to(self.device)
        wav = wav if stage == sb.Stage.TRAIN else wav.unsqueeze(0)
        return self.hparams.spectrogram(wav).flatten(0, 1)

    def compute_objectives(self, predictions, batch, stage):
        """Share of the energy that the atoms leave, kept as sums."""
        nmf = self.hparams.nmf
        H = nmf.transform(predictions)
        residual = (predictions - H @ nmf.dictionary.T).square().sum()
        self.residual += residual.item()
        self.energy += predictions.square().sum().item()
        self.active += int((H > 0).sum())
        self.n_frames += len(H)
        return residual / predictions.square().sum().clamp(min=1e-12)

    def fit_batch(self, batch):
        """Keep every n-th frame of the batch."""
        frames = self.compute_forward(batch, sb.Stage.TRAIN)
        self.frames.append(frames[:: self.hparams.frame_step])
        return torch.zeros(())

    def on_stage_start(self, stage, epoch=None):
        """Start with no frames, or with no errors counted."""
        self.frames = []
        self.residual, self.energy = 0.0, 0.0
        self.active, self.n_frames = 0, 0

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Factorise after the pass over the data; log errors after others."""
        if stage == sb.Stage.TRAIN:
            nmf = self.hparams.nmf.fit(torch.cat(self.frames))
            save_dictionary(self.hparams.dictionary, nmf.dictionary, nmf.mu)
            logger.info(
                "objective a frame: %s",
                [
                    round(o / sum(map(len, self.frames)), 3)
                    for o in nmf.objectives
                ],
            )
            return
        self.summary = {
            "relative_error": (self.residual / self.energy) ** 0.5,
            "atoms_a_frame": self.active / self.n_frames,
        }


def main(arguments):
    """Prepare, factorise and measure."""
    hparams_file, run_opts, overrides = sb.parse_arguments(arguments)
    hparams = load_hparams(hparams_file, overrides)
    sb.create_experiment_directory(
        experiment_directory=hparams["output_folder"],
        hyperparams_to_save=hparams_file,
        overrides=overrides,
    )
    run_on_main(hparams["prepare"], kwargs={"skip_prep": hparams["skip_prep"]})
    brain = DictionaryBrain(hparams=hparams, run_opts=run_opts)
    loader = torch.utils.data.DataLoader(
        hparams["training_set"](),
        sampler=EpochSampler(hparams["n_chunks"]),
        **hparams["loader_options"],
    )
    brain.fit([1], loader)
    measures = {}
    for part in ("dev", "test"):
        regions = read_manifest(f"{hparams['manifest_folder']}/{part}.csv")
        brain.evaluate(whole_regions_loader(regions))
        measures[part] = brain.summary
        logger.info("%s: %s", part, brain.summary)
    atomic_write_text(
        Path(hparams["output_folder"]) / "reconstruction.json",
        json.dumps(measures, indent=2) + "\n",
    )


if __name__ == "__main__":
    run_recipe(main)
