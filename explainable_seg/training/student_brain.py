"""What the Brain of a student is beside that of any network: it is grounded."""

import logging
from typing import Any

import torch

import speechbrain as sb
from explainable_seg.evaluation import RepresentationStats
from explainable_seg.files import atomic_write_json
from explainable_seg.training.alarms import signs_of_collapse
from explainable_seg.training.brain import Batch, Epoch, NetworkBrain
from explainable_seg.training.distillation import Lessons
from speechbrain.utils.distributed import run_on_main

logger = logging.getLogger(__name__)


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
