"""Sparse non-negative matrix factorisation: tensors only."""

from explainable_seg.nmf.coding import (
    coordinate_code,
    objective,
    overshoot,
    sparse_code,
)
from explainable_seg.nmf.converged import converged_code
from explainable_seg.nmf.sparse_nmf import SparseNMF

__all__ = [
    "SparseNMF",
    "converged_code",
    "coordinate_code",
    "objective",
    "overshoot",
    "sparse_code",
]
