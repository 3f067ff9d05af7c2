"""One process of several that learn a dictionary together.

Run as ``python one_of_many.py RANK N_PROCESSES RENDEZVOUS OUTPUT``.
"""

import sys

import torch
import torch.distributed as dist
from nmf.planted import planted, spectra, with_dead_atom

from explainable_seg.nmf import SparseNMF

torch.set_num_threads(1)


def stream(X, rank, size, init):
    """Dictionary of a stream of which each process sees a part."""
    nmf = SparseNMF(12, 0.5, init=init)
    # The last batch cannot be shared out evenly.
    for batch in X.split(500):
        nmf.partial_fit(batch.tensor_split(size)[rank])
    return nmf.dictionary


def wake(rank, size):
    """Dictionary of a stream in which one atom has to be woken."""
    batches = planted(n_frames=1500)[0].split(500)
    nmf = SparseNMF(4, mu=5.0)
    nmf.partial_fit(batches[0].tensor_split(size)[rank])
    nmf.load_state_dict(with_dead_atom(nmf.state_dict()))
    for batch in batches[1:]:
        nmf.partial_fit(batch.tensor_split(size)[rank])
    return nmf.dictionary


def main(rank, size, rendezvous, output):
    """Learn, with the part of the frames that is this process's."""
    dist.init_process_group(
        "gloo",
        init_method=f"file://{rendezvous}",
        rank=rank,
        world_size=size,
    )
    X = spectra(2501)
    learned = {
        init: stream(X, rank, size, init)
        for init in ("frames", "random", "nndsvd")
    }
    learned["dead"] = wake(rank, size)
    # So many frames that there is a warm-up, and more blocks here than there.
    X = spectra(20_000)
    own = (X[:15_000], X[15_000:])[rank] if size == 2 else X
    nmf = SparseNMF(12, 0.5, max_iter=10).fit(own)
    learned["fit"], learned["fit_objective"] = (
        nmf.dictionary,
        nmf.objectives[-1],
    )
    torch.save(learned, output)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
