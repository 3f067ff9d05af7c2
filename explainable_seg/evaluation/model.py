"""Any model of ours, teacher or student, ready to be measured."""

import os
from dataclasses import dataclass
from typing import Any

import torch

from explainable_seg.inference.device import choose_device, choose_precision
from explainable_seg.inference.hub import find_folder
from explainable_seg.inference.loading import DEFAULT_MODEL
from explainable_seg.inference.pretrained import load_pretrained
from explainable_seg.models.student import Student
from explainable_seg.models.teacher import Teacher


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A teacher or a student, ready to be measured.

    Arguments
    ---------
    name : str
        What tables call it.
    module : Teacher or Student
        On the device where it shall run.
    config : dict[str, Any]
        Window, thresholds and the rest of its config.json.
    bf16 : bool
        Whether it runs in bf16.
    """

    name: str
    module: Teacher | Student
    config: dict[str, Any]
    bf16: bool = False

    @classmethod
    def load(
        cls,
        name: str,
        source: str | os.PathLike[str] | None = None,
        device: str = "auto",
        precision: str = "auto",
    ) -> "LoadedModel":
        """Load a pretrained folder.

        Arguments
        ---------
        name : str
            What tables call it.
        source : str or os.PathLike, optional
            A folder, or a hub id; by default the model that ships with the
            package.
        device : str
            ``cpu``, ``cuda`` or ``auto``.
        precision : str
            ``fp32``, ``bf16`` or ``auto``.

        Returns
        -------
        LoadedModel

        Raises
        ------
        ModelError
            If there is no such model, or a file of it is missing or corrupt.
        ExplainableSegError
            If the device or the precision is not there.
        """
        where = choose_device(device)
        folder = find_folder(DEFAULT_MODEL if source is None else source)
        module, config = load_pretrained(folder, where)
        assert isinstance(module, (Teacher, Student))  # all that can be built
        frontend = module.config["frontend"]["type"]
        return cls(
            name, module, config, choose_precision(precision, where, frontend)
        )

    @property
    def dictionary(self) -> torch.Tensor | None:
        """Atoms W [F, K] of a student; a teacher has none."""
        if isinstance(self.module, Student):
            return self.module.dictionary
        return None

    def predict(self, wav: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Outputs for a batch of windows, without gradients.

        Arguments
        ---------
        wav : torch.Tensor [shape=(B, N)]
            Audio at 16 kHz.

        Returns
        -------
        tuple[torch.Tensor, ...]
            Logits [B, T, C], of a teacher alone; of a student all that
            :class:`~explainable_seg.models.student.StudentOutput` holds.
        """
        device = next(self.module.parameters()).device
        bf16 = torch.autocast(device.type, torch.bfloat16, enabled=self.bf16)
        with torch.no_grad(), bf16:
            output = self.module(wav.to(device))
        return tuple(output) if isinstance(self.module, Student) else (output,)
