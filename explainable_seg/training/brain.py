"""What the Brains of all recipes share, and those of students."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, cast

import torch
from torch.utils.data import DataLoader

import speechbrain as sb
from explainable_seg.corpora import Region
from explainable_seg.evaluation import (
    RepresentationStats,
    ThresholdChoice,
    ThresholdSweep,
)
from explainable_seg.files import atomic_write_json
from explainable_seg.training.distillation import Lessons
from explainable_seg.training.export import (
    diverging_is_told,
    export_and_score,
    refuse_collapsed,
    signs_of_collapse,
    warn_of_silent_classes,
)
from explainable_seg.training.loop import (
    RandomState,
    fit_schedule,
    log_epoch,
    log_update,
    n_updates,
    validation_loader,
    warn_of_patience,
)
from speechbrain.dataio.dataloader import SaveableDataLoader
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.distributed import run_on_main

logger = logging.getLogger(__name__)


Batch = Mapping[str, Any]
"""What a loader gives: ``wav``, ``targets`` and what else a stage needs."""
Epoch = Optional[int]
"""Number of an epoch, from 1; None outside of the training."""
Hparams = dict[str, Any]
"""What a YAML file of a recipe makes, by its keys."""


class RecipeBrain(sb.Brain):
    """Measures whole recordings, logs each epoch, and keeps the best one.

    Recipes say what is measured, by :meth:`train_figures`, :meth:`sum_up` and
    :meth:`valid_figures`; and by ``judged_by`` which figure on dev decides.

    Arguments
    ---------
    loader : SaveableDataLoader
        Chunks to learn from; its place in them is kept by checkpoints.
    hparams : Mapping[str, Any]
        With ``loggers`` and ``epoch_counter``.
    checkpointer : Checkpointer
        SpeechBrain's, or one of its kind.
    recoverables : Mapping[str, Any], optional
        What is learned, by the name that checkpoints have for it.
    **options : Any
        Others of ``speechbrain.Brain``.
    """

    judged_by = "macro_f1"
    higher_is_better = True

    def __init__(
        self,
        loader: SaveableDataLoader,
        hparams: Mapping[str, Any],
        checkpointer: Checkpointer,
        recoverables: Optional[Mapping[str, Any]] = None,
        **options: Any,
    ):
        checkpointer.add_recoverables(
            {
                **(recoverables or {}),
                "loader": loader,
                "random_state": RandomState(),
            }
        )
        super().__init__(hparams=hparams, checkpointer=checkpointer, **options)
        self.loader = loader
        self.train_sampler = loader.sampler
        self.train_stats: dict[str, float] = {}

    @property
    def updates(self) -> int:
        """How often what is learned has been changed."""
        return int(self.optimizer_step)

    @property
    def rate(self) -> Optional[float]:
        """The learning rate, where there is one."""
        return None

    def train_figures(self, stage_loss: float) -> dict[str, float]:
        """What is logged of an epoch's training."""
        raise NotImplementedError

    def sum_up(self) -> None:
        """Take together what all processes have measured."""
        raise NotImplementedError

    def valid_figures(self, stage_loss: float) -> dict[str, float]:
        """What is logged of dev, with the figure that decides."""
        raise NotImplementedError

    def warn(self, epoch: int) -> None:
        """Say what is wrong after an epoch: nothing, by default."""

    def on_stage_end(
        self, stage: sb.Stage, stage_loss: float, epoch: Epoch = None
    ) -> None:
        """Log, and keep the checkpoint that is best on dev."""
        if stage == sb.Stage.TRAIN:
            self.train_stats = self.train_figures(stage_loss)
            return
        self.sum_up()
        if stage == sb.Stage.TEST or epoch is None:
            return
        self.warn(epoch)
        figures = self.valid_figures(stage_loss)
        log_epoch(
            self.hparams.loggers,
            epoch,
            self.updates,
            train_stats=self.train_stats,
            valid_stats=figures,
            rate=self.rate,
        )
        judged = figures[self.judged_by]
        self.hparams.epoch_counter.update_metric(judged)
        best = "max_keys" if self.higher_is_better else "min_keys"
        self.checkpointer.save_and_keep_only(
            meta={self.judged_by: judged, "epoch": epoch},
            **{best: [self.judged_by]},
        )

    def evaluate_best(self, recordings: DataLoader) -> None:
        """Measure the checkpoint that is best on dev.

        Arguments
        ---------
        recordings : DataLoader
            Of :func:`~explainable_seg.training.loop.validation_loader`.
        """
        best = "max_key" if self.higher_is_better else "min_key"
        self.evaluate(recordings, **{best: self.judged_by})


class NetworkBrain(RecipeBrain):
    """Trains a network that finds classes: a teacher or a student.

    Arguments
    ---------
    loader : SaveableDataLoader
        Chunks to learn from.
    modules : Mapping[str, torch.nn.Module]
        The network, ``model``, and what is trained beside it.
    parts : Mapping[str, Sequence[Region]]
        Recordings of ``dev`` and ``test``.
    hparams : Mapping[str, Any]
        As of :class:`RecipeBrain`, with ``run_time`` and ``output_folder``.
    **options : Any
        Others of :class:`RecipeBrain`.
    """

    def __init__(
        self,
        loader: SaveableDataLoader,
        modules: Mapping[str, torch.nn.Module],
        parts: Mapping[str, Sequence[Region]],
        hparams: Mapping[str, Any],
        **options: Any,
    ):
        super().__init__(
            loader, hparams, recoverables=modules, modules=modules, **options
        )
        # Itself: of `self.modules.model` distributed training makes another,
        # but processes validate different recordings, each with its own copy.
        self.model: Any = modules["model"]
        self.parts = parts
        self.folder = Path(hparams["output_folder"])
        self.sweep: ThresholdSweep
        self.choice: ThresholdChoice
        self.schedule: Callable[[torch.optim.Optimizer, int], Any]

    def set_schedule(
        self,
        make_schedule: Callable[..., Any],
        warmup_steps: int,
        cooldown_steps: int,
        number_of_epochs: int,
        patience: int,
    ) -> None:
        """Let the learning rate move over the whole training.

        Arguments
        ---------
        make_schedule : callable
            As of :func:`~explainable_seg.training.loop.fit_schedule`.
        warmup_steps : int
            Updates up to the full rate.
        cooldown_steps : int
            Updates from the full rate down to zero.
        number_of_epochs : int
            Epochs.
        patience : int
            Epochs without a better result, after which training ends.
        """
        warn_of_patience(patience, number_of_epochs)
        self.schedule = fit_schedule(
            make_schedule,
            warmup_steps,
            cooldown_steps,
            n_updates(
                len(self.loader),
                number_of_epochs,
                self.grad_accumulation_factor,
                self.optimizer_step_limit,
            ),
        )

    @property
    def rate(self) -> Optional[float]:
        """The learning rate."""
        return float(self.optimizer.param_groups[0]["lr"])

    def on_fit_batch_start(self, batch: Batch, should_step: bool) -> None:
        """Set the learning rate of each update."""
        if should_step:
            self.schedule(self.optimizer, self.optimizer_step + 1)

    def on_fit_batch_end(
        self, batch: Batch, outputs: Any, loss: torch.Tensor, should_step: bool
    ) -> None:
        """Show the losses of each update."""
        if should_step:
            losses = {"loss": loss.item(), **self.parts_of_loss()}
            log_update(self.hparams.loggers, self.optimizer_step, losses)

    def parts_of_loss(self) -> dict[str, float]:
        """Losses of the last batch beside their sum: none, by default."""
        return {}

    def train_figures(self, stage_loss: float) -> dict[str, float]:
        """Mean loss of the epoch, and the parts of its last one."""
        return {"loss": stage_loss, **self.parts_of_loss()}

    def on_stage_start(self, stage: sb.Stage, epoch: Epoch = None) -> None:
        """Count decisions anew."""
        if stage != sb.Stage.TRAIN:
            self.sweep = ThresholdSweep(classes=self.model.classes)

    def sum_up(self) -> None:
        """Choose thresholds by the frames of all processes."""
        self.sweep.sum_over_ranks()
        self.choice = self.sweep.best()

    def valid_figures(self, stage_loss: float) -> dict[str, float]:
        """F1 of the classes, and their mean."""
        # There is one: `choose_classes` sees to it that dev holds a class.
        macro_f1 = float(cast(float, self.choice.macro_f1))
        return {"macro_f1": macro_f1, **self.choice.known_f1}

    def signs(self) -> list[str]:
        """What is so wrong, as last measured, that nobody should be given it."""
        return signs_of_collapse(self.choice)

    def warn(self, epoch: int) -> None:
        """Say which classes are never found."""
        warn_of_silent_classes(self.choice)

    def recordings(self, part: str) -> DataLoader:
        """Whole recordings of a part, with targets of the model's classes."""
        return validation_loader(self.parts[part], classes=self.model.classes)

    def learn(self, epochs: Iterable[int]) -> None:
        """Fit, and tell of a loss that is no number in one line.

        Arguments
        ---------
        epochs : Iterable[int]
            SpeechBrain's counter, which goes on where it has ended.
        """
        with diverging_is_told(self.folder):
            self.fit(epochs, self.loader, self.recordings("dev"))

    def export(
        self,
        notes: Mapping[str, Any],
        decisions: Mapping[str, Any],
        force: bool,
    ) -> None:
        """Write the pretrained folder of the best checkpoint, and score it.

        Arguments
        ---------
        notes : Mapping[str, Any]
            Plain values to keep in the configuration.
        decisions : Mapping[str, Any]
            ``min_on`` and ``min_off``, seconds a class.
        force : bool
            Whether a model that has collapsed is only warned of, as in a trial.

        Raises
        ------
        ModelError
            If it has collapsed.
        """
        self.evaluate_best(self.recordings("dev"))
        choice, signs = self.choice, self.signs()
        refuse_collapsed(self.model, signs, force or self.debug, self.folder)
        run_on_main(
            export_and_score,
            kwargs={
                "notes": {**notes, **self.measured()},
                "model": self.model,
                "choice": choice,
                "run_time": self.hparams.run_time,
                "folder": self.folder,
                "parts": self.parts,
                "decisions": decisions,
                "warnings": signs,
            },
        )

    def measured(self) -> dict[str, Any]:
        """What else is measured of the best checkpoint, right after dev.

        Returns
        -------
        dict[str, Any]
            Plain values to keep in the configuration: none, by default.
        """
        return {}


class StudentBase(NetworkBrain):
    """Trains a student, and measures how well its H is grounded in the sound.

    Arguments
    ---------
    lessons : Lessons
        What it is told of its chunks. It is no module of the Brain, which
        would set the teacher to train.
    max_dead : float
        Largest share of dead atoms of a student that is exported.
    min_atoms : float
        Least active atoms a frame of one.
    **options : Any
        Of :class:`NetworkBrain`.
    """

    def __init__(
        self,
        lessons: Lessons,
        max_dead: float,
        min_atoms: float,
        **options: Any,
    ):
        super().__init__(**options)
        lessons.to(self.device)
        self.lessons = lessons
        self.limits = (max_dead, min_atoms)
        self.last: dict[str, torch.Tensor] = {}  # losses of the last batch
        self.stats: RepresentationStats

    def on_fit_batch_end(
        self, batch: Batch, outputs: Any, loss: torch.Tensor, should_step: bool
    ) -> None:
        """Keep W a dictionary, and show the losses of each update."""
        if should_step and self.model.dictionary.requires_grad:
            self.model.project_dictionary()
        super().on_fit_batch_end(batch, outputs, loss, should_step)

    def parts_of_loss(self) -> dict[str, float]:
        """Of the last batch, each as a number."""
        return {name: float(x) for name, x in self.last.items()}

    def on_stage_start(self, stage: sb.Stage, epoch: Epoch = None) -> None:
        """Count decisions and measure H anew."""
        super().on_stage_start(stage, epoch)
        self.last = {}
        if stage != sb.Stage.TRAIN:
            self.stats = RepresentationStats(
                self.model.dictionary,
                self.model.mu,
                self.model.classifier.weight,
                control=stage == sb.Stage.TEST,
                classes=self.model.classes,
            )

    def measure(
        self,
        logits: torch.Tensor,
        H: torch.Tensor,
        X: torch.Tensor,
        targets: torch.Tensor,
    ) -> None:
        """Count the decisions of a recording, and measure its H.

        Arguments
        ---------
        logits : torch.Tensor [shape=(T, C)]
            Of the student.
        H : torch.Tensor [shape=(T, K)]
            Its activations.
        X : torch.Tensor [shape=(T, F)]
            The spectrogram.
        targets : torch.Tensor [shape=(T, C)]
            1, 0, or -1 where the class is unknown.
        """
        self.sweep.update(logits.sigmoid(), targets)
        self.stats.update(X, H)

    def sum_up(self) -> None:
        """Take together what all processes have measured."""
        super().sum_up()
        self.stats.sum_over_ranks()

    def valid_figures(self, stage_loss: float) -> dict[str, float]:
        """F1 of the classes, and measures of H."""
        measures = self.stats.summary()
        known = {k: v for k, v in measures.items() if v is not None}
        return {**super().valid_figures(stage_loss), **known}

    def signs(self) -> list[str]:
        """What is so wrong, of H as well, that nobody should be given it."""
        return signs_of_collapse(
            self.choice, self.stats.summary(), *self.limits
        )

    def warn(self, epoch: int) -> None:
        """Say which classes are never found, and what is wrong with H."""
        super().warn(epoch)
        for sign in self.signs():
            logger.warning("epoch %d: %s", epoch, sign)

    def measured(self) -> dict[str, Any]:
        """How well H is grounded on dev; on test as well, in a file."""
        grounding: dict[str, Any] = {"dev": self.stats.summary()}
        self.evaluate_best(self.recordings("test"))
        grounding["test"] = self.stats.summary()
        grounding["test_band_shares"] = self.stats.band_shares()
        path = self.folder / "grounding.json"
        run_on_main(atomic_write_json, args=[path, grounding])
        return {"grounding": grounding["dev"]}
