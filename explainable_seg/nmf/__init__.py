"""Sparse non-negative matrix factorisation: tensors only."""

from explainable_seg.nmf.coding import (
    accelerated_code,
    coordinate_code,
    objective,
)
from explainable_seg.nmf.sparse_nmf import SparseNMF

__all__ = ["SparseNMF", "accelerated_code", "coordinate_code", "objective"]
