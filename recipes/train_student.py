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

import logging
from functools import partial
from pathlib import Path

import torch

import speechbrain as sb
from explainable_seg.corpora import read_manifest
from explainable_seg.evaluation import RepresentationStats
from explainable_seg.files import atomic_write_json
from explainable_seg.models import Runner, build_model
from explainable_seg.training import (
    FeatureCache,
    RandomState,
    ThresholdSweep,
    cached_student,
    choose_classes,
    diverging_is_told,
    export_and_score,
    fit_schedule,
    load_dictionary,
    load_hparams,
    load_teacher,
    log_epoch,
    log_settings,
    log_update,
    n_updates,
    read_command,
    require_sound,
    run_folder,
    run_recipe,
    share_front_end,
    signs_of_collapse,
    student_losses,
    training_loader,
    validation_loader,
    warm_start,
    warn_of_patience,
    warn_of_silent_classes,
)
from speechbrain.utils.distributed import run_on_main

logger = logging.getLogger(__name__)


class StudentBrain(sb.Brain):
    """Distils on chunks; validates on whole recordings, as they are run."""

    def compute_forward(self, batch, stage):
        """Outputs of chunks and their teacher's, or of a whole recording."""
        features = None
        if stage != sb.Stage.TRAIN:
            # Scores at the end come from the model as it will be run.
            if self.cache and stage == sb.Stage.VALID:
                features = self.cache.windows(batch["id"])
            # Processes validate different recordings: each its own copy.
            runner = Runner(self.hparams.model, **self.hparams.run_time)
            wanted = {"activations", "spectrogram"}
            return runner.recording(batch["wav"], wanted, features)
        wav = batch["wav"].to(self.device)
        if self.cache:
            teacher_logits = batch["teacher_logits"].to(self.device)
            if "features" in batch:
                features = batch["features"].to(self.device)
            return self.modules.model(wav, features), teacher_logits
        # The teacher is no module of the Brain, which would set it to train.
        with torch.no_grad():
            teacher_logits = self.teacher(wav) if self.teacher else None
        return self.modules.model(wav), teacher_logits

    def compute_objectives(self, predictions, batch, stage):
        """The task under the budgets that keep H to the sound."""
        targets = batch["targets"].to(self.device)
        if stage != sb.Stage.TRAIN:
            self.sweep.update(predictions.logits.sigmoid(), targets)
            self.stats.update(predictions.spectrogram, predictions.activations)
            return torch.zeros(())
        output, teacher_logits = predictions
        theta = self.hparams.model.classifier.weight
        W = self.hparams.model.dictionary
        losses = student_losses(output, targets, W, theta, teacher_logits)
        self.last = {name: x.detach() for name, x in losses.items()}
        learned = losses["dictionary"] if W.requires_grad else 0.0
        return (
            losses["task"]
            + learned
            + self.modules.error_budget(losses["error_ratio"])
            + self.modules.l1_budget(losses["l1_ratio"])
            + self.modules.support_budget(losses["unsupported"])
        )

    def on_fit_batch_start(self, batch, should_step):
        """Set the learning rate of each update."""
        if should_step:
            self.hparams.lr_schedule(self.optimizer, self.optimizer_step + 1)

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Keep W a dictionary, and show the losses of each update."""
        if not should_step:
            return
        if self.hparams.learn_dictionary:
            self.hparams.model.project_dictionary()
        log_update(
            self.hparams.loggers,
            self.optimizer_step,
            {"loss": loss.item(), **self.last_losses()},
        )

    def last_losses(self):
        """Of the last batch, each as a number."""
        return {name: float(x) for name, x in self.last.items()}

    def on_stage_start(self, stage, epoch=None):
        """Count decisions and measure H anew."""
        self.last = {}
        if stage != sb.Stage.TRAIN:
            model = self.hparams.model
            self.sweep = ThresholdSweep(classes=model.classes)
            self.stats = RepresentationStats(
                model.dictionary,
                model.mu,
                model.classifier.weight,
                control=stage == sb.Stage.TEST,
                classes=model.classes,
            )

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Log, and keep the checkpoint of the best macro F1 on dev."""
        if stage == sb.Stage.TRAIN:
            self.train_stats = {
                "loss": stage_loss,
                **self.last_losses(),
            }
            return
        self.sweep.sum_over_ranks()
        self.stats.sum_over_ranks()
        self.choice = self.sweep.best()
        if stage == sb.Stage.TEST:
            return
        summary = self.stats.summary()
        macro_f1 = float(self.choice.macro_f1)
        warn_of_silent_classes(self.choice)
        for sign in signs_of_collapse(
            self.choice, summary, self.hparams.max_dead, self.hparams.min_atoms
        ):
            logger.warning("epoch %d: %s", epoch, sign)
        log_epoch(
            self.hparams.loggers,
            epoch,
            self.optimizer_step,
            train_stats=self.train_stats,
            valid_stats={
                "macro_f1": macro_f1,
                **self.choice.known_f1,
                **{k: v for k, v in summary.items() if v is not None},
            },
            rate=self.optimizer.param_groups[0]["lr"],
        )
        self.hparams.epoch_counter.update_metric(macro_f1)
        self.checkpointer.save_and_keep_only(
            meta={"macro_f1": macro_f1, "epoch": epoch},
            max_keys=["macro_f1"],
        )


def make_models(hparams):
    """The student, under the key ``model``; its teacher and cache, or None."""
    dictionary, mu = load_dictionary(hparams["dictionary"])
    teacher, teacher_config, cache = None, None, None
    if hparams["teacher"]:
        teacher, teacher_config = load_teacher(
            hparams["teacher"], hparams["level"]
        )
    student = hparams["student"]
    if hparams["feature_cache"]:
        settings = hparams["cache_settings"](teacher_config)
        cache = FeatureCache(hparams["feature_cache"], settings)
        student = cached_student(student, teacher)
    hparams["classes"] = choose_classes(
        hparams["classes"],
        read_manifest(hparams["training_set"].keywords["manifest"]),
        read_manifest(f"{hparams['manifest_folder']}/dev.csv"),
        teacher.classes if teacher else None,
    )
    of_data = {
        "mu": mu,
        "n_atoms": dictionary.shape[1],
        "classes": hparams["classes"],
    }
    hparams["model"] = build_model({**student, **of_data}, dictionary)
    if cache:
        share_front_end(hparams["model"], teacher)
    if hparams["learn_dictionary"]:
        hparams["model"].learn_dictionary()
    return teacher, cache


def make_brain(hparams, run_opts):
    """The Brain with all that it trains from, and the loader of its chunks."""
    teacher, cache = make_models(hparams)
    recoverables = {
        "model": hparams["model"],
        "error_budget": hparams["error_budget"],
        "l1_budget": hparams["l1_budget"],
        "support_budget": hparams["support_budget"],
    }
    chunks = hparams["training_set"]
    if cache:
        chunks = partial(cache.chunks, hparams["seed"])
    loader = training_loader(
        chunks(),
        hparams["chunks_per_epoch"],
        classes=hparams["classes"],
        **hparams["loader_options"],
    )
    hparams["checkpointer"].add_recoverables(
        {**recoverables, "loader": loader, "random_state": RandomState()}
    )
    brain = StudentBrain(
        modules=recoverables,
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    if teacher and not cache:
        teacher.to(brain.device)
    brain.teacher, brain.cache = teacher, cache
    brain.train_sampler = loader.sampler
    warn_of_patience(hparams["patience"], hparams["number_of_epochs"])
    brain.hparams.lr_schedule = fit_schedule(
        hparams["lr_schedule"],
        hparams["warmup_steps"],
        hparams["cooldown_steps"],
        n_updates(
            len(loader),
            hparams["number_of_epochs"],
            brain.grad_accumulation_factor,
            brain.optimizer_step_limit,
        ),
    )
    if hparams["warm_start"] and teacher:
        warm_start(hparams["model"], teacher)  # a checkpoint overrides
    if hparams["compile_tcn"]:
        hparams["model"].tcn.compile()
    return brain, loader


def evaluate_best(brain, loaders):
    """Thresholds of the best checkpoint on dev, and its measures by part."""
    brain.evaluate(loaders["dev"], max_key="macro_f1")
    choice = brain.choice
    grounding = {"dev": brain.stats.summary()}
    brain.evaluate(loaders["test"], max_key="macro_f1")
    grounding["test"] = brain.stats.summary()
    grounding["test_band_shares"] = brain.stats.band_shares()
    return choice, grounding


def train(hparams, command):
    """Load teacher and dictionary, train, export and score."""
    run_on_main(hparams["prepare"], kwargs={"skip_prep": hparams["skip_prep"]})
    brain, loader = make_brain(hparams, command.run_opts)
    log_settings(hparams["loggers"], command.record)
    parts = {
        part: read_manifest(f"{hparams['manifest_folder']}/{part}.csv")
        for part in ("dev", "test")
    }
    loaders = {
        part: validation_loader(rows, classes=hparams["classes"])
        for part, rows in parts.items()
    }
    folder = Path(hparams["output_folder"])
    with diverging_is_told(folder):
        brain.fit(hparams["epoch_counter"], loader, loaders["dev"])
    choice, grounding = evaluate_best(brain, loaders)
    signs = signs_of_collapse(
        choice, grounding["dev"], hparams["max_dead"], hparams["min_atoms"]
    )
    require_sound(
        hparams["model"], signs, hparams["force"] or brain.debug, folder
    )
    run_on_main(atomic_write_json, args=[folder / "grounding.json", grounding])
    run_on_main(
        export_and_score,
        kwargs={
            "model": hparams["model"],
            "choice": choice,
            "run_time": hparams["run_time"],
            "folder": folder,
            "parts": parts,
            "notes": {
                "corpus": hparams["corpus"],
                "seed": hparams["seed"],
                "grounding": grounding["dev"],
            },
            "decisions": hparams["decisions"],
            "warnings": signs,
        },
    )


def main(arguments):
    """Train in a folder that no other run uses."""
    command = read_command(arguments, __doc__)
    sb.utils.distributed.ddp_init_group(command.run_opts)
    with run_folder(command):
        hparams = load_hparams(command.hparams_file, command.overrides)
        sb.create_experiment_directory(
            experiment_directory=hparams["output_folder"],
            hyperparams_to_save=command.hparams_file,
            overrides=command.overrides,
        )
        train(hparams, command)


if __name__ == "__main__":
    run_recipe(main)
