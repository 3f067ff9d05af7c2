"""Budgets: constraints that set the weights of a loss by themselves.

The student must match its teacher *and* rebuild the sound. With fixed weights
the two pull against each other and every corpus needs its own tuning; a budget
states instead how far the student may move from the sparse code of the
spectrogram, in units that mean something (times its reconstruction error,
times its L1 norm), and the weight follows.
"""

import torch

from explainable_seg.errors import SettingsError


class Budget(torch.nn.Module):
    """Lagrange multiplier of the constraint ``value <= limit``.

    The multiplier rises while the constraint is broken and falls while there
    is slack, by multiplicative steps (as in GECO, Rezende and Viola, "Taming
    VAEs", 2018), so training spends the whole budget and no more. It is a
    buffer: a checkpoint of the module resumes exactly.

    Arguments
    ---------
    limit : float
        Largest allowed value, > 0.
    weight : float
        Multiplier at the start.
    rate : float
        Size of a step: a value of twice the limit multiplies the weight by
        ``exp(rate)``.
    bounds : tuple[float, float]
        Smallest and largest multiplier.

    Raises
    ------
    ValueError
        If the limit is not above 0.

    Example
    -------
    >>> budget = Budget(limit=1.5, weight=1.0)
    >>> penalty = budget(torch.tensor(3.0))
    >>> bool(budget.weight > 1.0)
    True
    """

    weight: torch.Tensor

    def __init__(
        self,
        limit: float,
        weight: float = 1.0,
        rate: float = 0.02,
        bounds: tuple[float, float] = (1e-3, 1e3),
    ):
        super().__init__()
        if limit <= 0:
            raise SettingsError(f"expected `limit` > 0, got {limit}")
        self.limit = limit
        self.rate = rate
        self.bounds = bounds
        self.register_buffer("weight", torch.tensor(float(weight)))

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Penalty of a batch; in training mode the multiplier moves first.

        Arguments
        ---------
        value : torch.Tensor [shape=()]
            The constrained quantity on the batch.

        Returns
        -------
        torch.Tensor [shape=()]
            ``weight * value / limit``.
        """
        if self.training:
            excess = (value.detach() / self.limit - 1).clamp(-1, 1)
            moved = self.weight * torch.exp(self.rate * excess)
            self.weight.copy_(moved.clamp(*self.bounds))
        return self.weight * value / self.limit
