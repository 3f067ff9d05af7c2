"""Sparse non-negative matrix factorisation: tensors only."""

from explainable_seg.nmf.coding import coordinate_code, objective, sparse_code
from explainable_seg.nmf.sparse_nmf import SparseNMF

__all__ = ["SparseNMF", "coordinate_code", "objective", "sparse_code"]
