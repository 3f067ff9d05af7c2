"""Sparse NMF as others do it, for ``benchmarks/nmf.py``.

Each peer is a generator: what it does between two ``yield`` is what its clock
counts; what it yields is called off the clock, and gives its W [F, K] and
H [T, K] so far, in whatever scale.
"""

from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Callable, Iterator, Optional

import torch

Model = Callable[[], tuple[torch.Tensor, Optional[torch.Tensor]]]
Steps = Iterator[Model]
Start = Callable[[torch.Tensor, int, int], Steps]  # of X, K and a seed

EPSILON = 1e-9


def multiplicative(
    X: torch.Tensor, n_atoms: int, mu: float, seed: int, axis: int
) -> Steps:
    """Multiplicative updates of Le Roux et al. (2015), one iteration a step.

    ``axis`` 1 normalises the rows of W, as the published code does, with the
    rebuilt frames written out; 0 normalises its columns, from Gram matrices.
    """
    generator = torch.Generator().manual_seed(seed)
    V = X.T.contiguous()
    W = torch.rand(len(V), n_atoms, generator=generator).to(X)
    H = torch.rand(n_atoms, len(X), generator=generator).to(X)
    W /= W.norm(dim=axis, keepdim=True)
    while True:
        if axis == 1:
            H *= (W.T @ V) / (W.T @ (W @ H) + mu)
            positive = (W @ H) @ H.T
        else:
            H *= (W.T @ V) / ((W.T @ W) @ H + mu)
            positive = W @ (H @ H.T)
        negative = V @ H.T
        W *= (negative + W * (W * positive).sum(dim=0)) / (
            positive + W * (W * negative).sum(dim=0) + EPSILON
        )
        W /= W.norm(dim=axis, keepdim=True) + EPSILON
        yield lambda: (W, H.T)


def scikit_learn(
    X: torch.Tensor,
    n_atoms: int,
    seed: int,
    solver: str,
    init: str,
    alpha: float,
) -> Steps:
    """``sklearn.decomposition.NMF``, a few iterations a step.

    Its penalties are on both factors; ``alpha`` times F weighs either. W and H
    are all of its state, so that it can be stopped and taken up again.
    """
    from sklearn.decomposition import NMF

    frames = X.cpu().numpy()
    start: dict[str, Any] = {}
    while True:
        model = NMF(
            n_atoms,
            init="custom" if start else init,
            solver=solver,
            alpha_W=alpha,
            alpha_H=alpha * X.shape[1] / len(X),
            l1_ratio=1.0,
            max_iter=2 if solver == "cd" else 10,
            tol=0.0,
            random_state=seed,
        )
        H = model.fit_transform(frames, **start)
        start = {"W": H, "H": model.components_}
        yield lambda: (
            torch.from_numpy(start["H"].T).to(X),
            torch.from_numpy(start["W"]).to(X),
        )
        if not (start["W"].any() and start["H"].any()):
            return  # too large a penalty: it refuses to go on from zeros


def mini_batches(
    X: torch.Tensor, n_atoms: int, seed: int, alpha: float
) -> Steps:
    """``sklearn.decomposition.MiniBatchNMF``, 16 batches a step.

    It keeps no activations: H is left to be found.
    """
    from sklearn.decomposition import MiniBatchNMF

    model = MiniBatchNMF(
        n_atoms,
        init="random",
        batch_size=1024,
        alpha_W=alpha,
        alpha_H=alpha * X.shape[1] / 1024,
        l1_ratio=1.0,
        random_state=seed,
    )
    generator = torch.Generator().manual_seed(seed)
    frames = X.cpu()
    while True:
        order = torch.randperm(len(X), generator=generator)
        for drawn in order.split(16 * 1024):
            for batch in frames[drawn].split(1024):
                if len(batch) >= n_atoms:
                    model.partial_fit(batch.numpy())
            yield lambda: (torch.from_numpy(model.components_.T).to(X), None)


def torch_nmf(X: torch.Tensor, n_atoms: int, seed: int, alpha: float) -> Steps:
    """``torchnmf.nmf.NMF`` with beta 2, ten iterations a step."""
    from torchnmf.nmf import NMF

    torch.manual_seed(seed)
    model = NMF(X.shape, rank=n_atoms).to(X.device)
    while True:
        model.fit(X, beta=2, tol=-1e30, max_iter=10, alpha=alpha, l1_ratio=1.0)
        yield lambda: (model.W.detach(), model.H.detach())


def installed(name: str) -> str | None:
    """Version of a package, if it is there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def scanned_starts() -> dict[str, list[Start]]:
    """Peers with a penalty of their own, each with the penalties to scan."""
    alphas = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8)
    starts: dict[str, list[Start]] = {}
    if installed("scikit-learn"):
        for solver in ("cd", "mu"):
            starts[f"scikit-learn NMF, {solver}"] = [
                partial(scikit_learn, solver=solver, init=init, alpha=alpha)
                for alpha in alphas
                for init in ("random", "nndsvda")
            ]
        starts["scikit-learn MiniBatchNMF"] = [
            partial(mini_batches, alpha=alpha) for alpha in alphas
        ]
    if installed("torchnmf"):
        starts["torchnmf"] = [
            partial(torch_nmf, alpha=alpha)
            for alpha in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
        ]
    return starts
