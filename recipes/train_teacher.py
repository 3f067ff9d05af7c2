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

from pathlib import Path

import speechbrain as sb
from explainable_seg.corpora import read_manifest
from explainable_seg.distributed import mean_over_ranks
from explainable_seg.models import Runner, build_model
from explainable_seg.training import (
    RandomState,
    ThresholdSweep,
    choose_classes,
    diverging_is_told,
    export_and_score,
    fit_schedule,
    label_loss,
    load_hparams,
    log_epoch,
    log_settings,
    log_update,
    n_updates,
    read_command,
    require_sound,
    run_folder,
    run_recipe,
    signs_of_collapse,
    training_loader,
    validation_loader,
    warn_of_patience,
    warn_of_silent_classes,
)
from speechbrain.utils.distributed import run_on_main


class TeacherBrain(sb.Brain):
    """Trains on chunks; validates on whole recordings, as they are run."""

    def compute_forward(self, batch, stage):
        """Logits [B, T, C] of chunks, or [T, C] of a whole recording."""
        if stage == sb.Stage.TRAIN:
            return self.modules.model(batch["wav"].to(self.device))
        # Processes validate different recordings: each its own copy.
        runner = Runner(self.hparams.model, **self.hparams.run_time)
        return runner.recording(batch["wav"]).logits

    def compute_objectives(self, predictions, batch, stage):
        """Cross-entropy on the annotated frames."""
        targets = batch["targets"].to(predictions.device)
        if stage != sb.Stage.TRAIN:
            self.sweep.update(predictions.sigmoid(), targets)
            self.n_recordings += 1
        return label_loss(predictions, targets)

    def on_fit_batch_start(self, batch, should_step):
        """Set the learning rate of each update."""
        if should_step:
            self.hparams.lr_schedule(self.optimizer, self.optimizer_step + 1)

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Show the loss of each update."""
        if should_step:
            log_update(
                self.hparams.loggers, self.optimizer_step, {"loss": loss.item()}
            )

    def on_stage_start(self, stage, epoch=None):
        """Count decisions anew."""
        if stage != sb.Stage.TRAIN:
            self.sweep = ThresholdSweep(classes=self.hparams.model.classes)
            self.n_recordings = 0

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Log, and keep the checkpoint of the best macro F1 on dev."""
        if stage == sb.Stage.TRAIN:
            self.train_loss = stage_loss
            return
        self.sweep.sum_over_ranks()
        self.choice = self.sweep.best()
        if stage == sb.Stage.TEST:
            return
        macro_f1 = float(self.choice.macro_f1)
        warn_of_silent_classes(self.choice)
        log_epoch(
            self.hparams.loggers,
            epoch,
            self.optimizer_step,
            train_stats={"loss": self.train_loss},
            valid_stats={
                "loss": mean_over_ranks(stage_loss, self.n_recordings),
                "macro_f1": macro_f1,
                **self.choice.known_f1,
            },
            rate=self.optimizer.param_groups[0]["lr"],
        )
        self.hparams.epoch_counter.update_metric(macro_f1)
        self.checkpointer.save_and_keep_only(
            meta={"macro_f1": macro_f1, "epoch": epoch},
            max_keys=["macro_f1"],
        )


def make_brain(hparams, run_opts, dev):
    """The Brain with all that it trains from, and the loader of its chunks."""
    hparams["classes"] = choose_classes(
        hparams["classes"],
        read_manifest(hparams["training_set"].keywords["manifest"]),
        dev,
    )
    hparams["model"] = build_model(
        {**hparams["model"], "classes": hparams["classes"]}
    )
    loader = training_loader(
        hparams["training_set"](),
        hparams["chunks_per_epoch"],
        classes=hparams["classes"],
        **hparams["loader_options"],
    )
    hparams["checkpointer"].add_recoverables(
        {
            "model": hparams["model"],
            "loader": loader,
            "random_state": RandomState(),
        }
    )
    brain = TeacherBrain(
        modules={"model": hparams["model"]},
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
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
    if hparams["compile_tcn"]:
        hparams["model"].tcn.compile()
    return brain, loader


def train(hparams, command):
    """Prepare, train, export and score."""
    run_on_main(hparams["prepare"], kwargs={"skip_prep": hparams["skip_prep"]})
    parts = {
        part: read_manifest(f"{hparams['manifest_folder']}/{part}.csv")
        for part in ("dev", "test")
    }
    brain, loader = make_brain(hparams, command.run_opts, parts["dev"])
    log_settings(hparams["loggers"], command.record)
    dev_loader = validation_loader(parts["dev"], classes=hparams["classes"])
    folder = Path(hparams["output_folder"])
    with diverging_is_told(folder):
        brain.fit(hparams["epoch_counter"], loader, dev_loader)
    brain.evaluate(dev_loader, max_key="macro_f1")
    signs = signs_of_collapse(brain.choice)
    require_sound(
        hparams["model"], signs, hparams["force"] or brain.debug, folder
    )
    run_on_main(
        export_and_score,
        kwargs={
            "model": hparams["model"],
            "choice": brain.choice,
            "run_time": hparams["run_time"],
            "folder": folder,
            "parts": parts,
            "notes": {"corpus": hparams["corpus"], "seed": hparams["seed"]},
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
