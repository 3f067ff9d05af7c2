"""The black box: front end, TCN, one logit a class and frame."""

from collections.abc import Iterable
from typing import Any

import torch

from explainable_seg.classes import CLASSES, class_order
from explainable_seg.features.frontend import FrontEnd, make_frontend
from explainable_seg.models.tcn import TCN


class Teacher(torch.nn.Module):
    """Frame-wise multilabel classifier.

    Arguments
    ---------
    frontend : dict
        Arguments of :func:`~explainable_seg.features.frontend.make_frontend`.
    tcn : dict
        Arguments of :class:`~explainable_seg.models.tcn.TCN`, without
        ``n_features``.
    classes : Iterable[str]
        What it is trained for: one or more of the four classes.

    Raises
    ------
    ValueError
        If an argument is not possible.

    Example
    -------
    >>> teacher = Teacher(
    ...     {"type": "spectrogram"}, {"n_blocks": 1, "norm": "frame"}
    ... )
    >>> teacher(torch.randn(2, 16000)).shape
    torch.Size([2, 49, 4])
    """

    def __init__(
        self,
        frontend: dict[str, Any],
        tcn: dict[str, Any],
        classes: Iterable[str] = CLASSES,
    ):
        super().__init__()
        self.classes = class_order(classes)
        self.frontend: FrontEnd = make_frontend(**frontend)
        self.tcn = TCN(self.frontend.n_features, **tcn)
        n_channels = self.tcn.bottleneck.out_features
        self.classifier = torch.nn.Linear(n_channels, len(self.classes))
        self._tcn_arguments = dict(tcn)

    @property
    def config(self) -> dict[str, Any]:
        """Plain values from which ``build_model`` makes the same module."""
        return {
            "type": "teacher",
            "classes": list(self.classes),
            "frontend": self.frontend.config,
            "tcn": self._tcn_arguments,
        }

    def forward(self, wav: torch.Tensor) -> torch.Tensor:
        """Logits of a batch.

        Arguments
        ---------
        wav : torch.Tensor [shape=(B, N)]
            Audio at 16 kHz.

        Returns
        -------
        torch.Tensor [shape=(B, T, C)]
            Logits; their sigmoids are the class probabilities.
        """
        return self.classify(self.frontend(wav))

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        """Logits [B, T, C] of the front end's features [B, T, n_features]."""
        return self.classifier(self.tcn(features))
