"""Explanations that are known to be wrong, to expose a measure that is.

A measure of faithfulness that does not set the method apart from these says
nothing about the method (Adebayo et al., "Sanity checks for saliency maps",
arXiv 1810.03292). A further control needs no function of its own: scores that
are all equal, whose retention masks are points drawn at random.
"""

import torch

from explainable_seg.explanation.grounding import permute_frequencies
from explainable_seg.explanation.masks import class_mask
from explainable_seg.explanation.relevance import relevance, select_atoms
from explainable_seg.models.student import Student


def random_atoms(
    selected: torch.Tensor, z: torch.Tensor, seed: int = 0
) -> torch.Tensor:
    """As many atoms as were selected, drawn among those that are active.

    Arguments
    ---------
    selected : torch.Tensor [shape=(K,), dtype=bool]
        Atoms that an explanation selects.
    z : torch.Tensor [shape=(K,)]
        Mean activations of the passage.
    seed : int
        Of the draw.

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=bool]

    Example
    -------
    >>> selected = torch.tensor([True, False, False])
    >>> random_atoms(selected, torch.tensor([0.0, 1.0, 0.0])).tolist()
    [False, True, False]
    """
    active = (z > 0).nonzero()[:, 0].cpu()
    generator = torch.Generator().manual_seed(seed)
    drawn = active[torch.randperm(len(active), generator=generator)]
    chosen = torch.zeros_like(selected)
    chosen[drawn[: int(selected.sum())].to(selected.device)] = True
    return chosen


def permute_theta(theta_c: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Classifier weights dealt to other atoms.

    Arguments
    ---------
    theta_c : torch.Tensor [shape=(K,)]
        Row of the classifier for a class.
    seed : int
        Of the permutation.

    Returns
    -------
    torch.Tensor [shape=(K,)]
        The same values in another order.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(theta_c), generator=generator)
    return theta_c[order.to(theta_c.device)]


def randomised(student: Student, seed: int = 0) -> Student:
    """A student of the same shape that has learned nothing.

    Dictionary and front end stay: what is told apart is what training the
    network and its classifier brought, not the sound or its spectrogram.

    Arguments
    ---------
    student : Student
        A trained student.
    seed : int
        Of the fresh weights.

    Returns
    -------
    Student
        In evaluation mode, on the same device.
    """
    arguments = {k: v for k, v in student.config.items() if k != "type"}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = Student(**arguments, dictionary=student.dictionary.cpu())
    fresh.frontend.load_state_dict(student.frontend.state_dict())
    fresh.to(student.dictionary.device).eval().requires_grad_(False)
    return fresh


def control_masks(
    H: torch.Tensor,
    W: torch.Tensor,
    theta_c: torch.Tensor,
    frames: torch.Tensor,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """Masks of the controls of an explanation by atoms.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Activations of a passage.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    theta_c : torch.Tensor [shape=(K,)]
        Row of the classifier for the class.
    frames : torch.Tensor [shape=(T,), dtype=bool]
        Frames that are explained, at least one.
    seed : int
        Of all draws.

    Returns
    -------
    dict[str, torch.Tensor] [shape=(T, F)]
        ``random atoms``, as many as the explanation has; ``permuted Theta``,
        the atoms that it would have with the weights dealt to other atoms;
        ``permuted W``, its own atoms with their frequencies exchanged;
        ``random bins``, no ranking at all.
    """
    selected = select_atoms(relevance(H[frames], theta_c))
    permuted = relevance(H[frames], permute_theta(theta_c, seed))
    drawn = random_atoms(selected, H[frames].mean(dim=0), seed)
    return {
        "random atoms": class_mask(H, W, drawn),
        "permuted Theta": class_mask(H, W, select_atoms(permuted)),
        "permuted W": class_mask(H, permute_frequencies(W, seed), selected),
        "random bins": torch.zeros(len(H), len(W)).to(H),
    }
