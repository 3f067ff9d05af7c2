"""Grounding: perfect, scrambled and silent cases."""

import numpy as np
import pytest
import torch

from explainable_seg.explanation.grounding import (
    agreement,
    frame_errors,
    measure_grounding,
    reconstruction_error,
)
from explainable_seg.explanation.masks import (
    class_mask,
    class_masks,
    evidence_map,
)
from explainable_seg.explanation.prototypes import similarity
from explainable_seg.nmf import coordinate_code


def case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sound [T, F] that is exactly made of sparse activations."""
    generator = torch.Generator().manual_seed(0)
    W = torch.rand(40, 6, generator=generator) ** 4
    W = torch.nn.functional.normalize(W, dim=0)
    H = torch.randn(50, 6, generator=generator).clamp(min=0)
    return H @ W.T, W, H


def code(X: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """The NMF transform."""
    H = torch.zeros(W.shape[1], len(X))
    return coordinate_code(W.T @ X.T, W.T @ W, H, 1e-4, 300).T


def test_exact_activations_have_no_error_and_full_agreement() -> None:
    X, W, H = case()
    grounding = measure_grounding(X, W, H, code)
    assert reconstruction_error(X, W, H) == pytest.approx(0, abs=1e-6)
    assert grounding.best_error == pytest.approx(0, abs=1e-2)
    assert grounding.agreement == pytest.approx(1, abs=1e-3)


def test_the_control_stands_apart() -> None:
    X, W, H = case()
    grounding = measure_grounding(X, W, H, code)
    assert grounding.control_agreement < 0.5
    assert grounding.control_error > 0.5


def test_activations_that_ignore_the_sound_agree_with_nothing() -> None:
    X, W, H = case()
    shuffled = H[torch.randperm(50, generator=torch.Generator().manual_seed(1))]
    assert abs(measure_grounding(X, W, shuffled, code).agreement) < 0.3


def test_the_control_is_the_same_each_time() -> None:
    X, W, H = case()
    first, again = (measure_grounding(X, W, H, code) for _ in range(2))
    assert first == again


def test_error_of_nothing_is_one() -> None:
    X, W, H = case()
    assert reconstruction_error(X, W, 0 * H) == pytest.approx(1)


def test_frame_errors_pool_to_the_whole_error() -> None:
    X, W, H = case()
    H = H + 0.1
    weights = X.norm(dim=1).square()
    pooled = (frame_errors(X, W, H).square() * weights).sum() / weights.sum()
    assert pooled.sqrt().item() == pytest.approx(
        reconstruction_error(X, W, H), rel=1e-5
    )


def test_silence_is_not_computed() -> None:
    _, W, H = case()
    X = torch.zeros(50, 40)
    grounding = measure_grounding(X, W, 0 * H, code)
    assert reconstruction_error(X, W, H) is None
    assert (grounding.best_error, grounding.agreement) == (None, None)
    assert frame_errors(X, W, H).isnan().all()


def test_agreement_is_the_correlation_of_numpy() -> None:
    a, b = torch.rand(9, 4), torch.rand(9, 4)
    expected = np.corrcoef(a.flatten(), b.flatten())[0, 1]
    assert agreement(a, b) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_no_figure(dtype: torch.dtype) -> None:
    X, W, H = case()
    X = X + 0.1
    selected = torch.arange(6) < 3
    weights = torch.rand(4, 6)

    def figures() -> list[object]:
        return [
            measure_grounding(X, W, H, code),
            reconstruction_error(X, W, H),
            frame_errors(X, W, H).tolist(),
            class_mask(H, W, selected).tolist(),
            class_masks(H, W, weights).tolist(),
            evidence_map(H, W, weights[0]).tolist(),
            similarity(weights).tolist(),
        ]

    expected = figures()
    with torch.autocast("cpu", dtype):
        assert figures() == expected
