"""Sparse non-negative matrix factorisation: tensors only.

It lifts out: this folder needs PyTorch and nothing else, so its face is plain.
"""

from .atoms import initial_atoms as initial_atoms
from .coding import (
    converged_code as converged_code,
    coordinate_code as coordinate_code,
    frame_blocks as frame_blocks,
    objective as objective,
    overshoot as overshoot,
    sparse_code as sparse_code,
)
from .numerics import full_precision as full_precision
from .solvers import (
    BlockFit as BlockFit,
    Hals as Hals,
    warm_up as warm_up,
)
from .sparse_nmf import SparseNMF as SparseNMF
