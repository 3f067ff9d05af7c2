"""How well H is grounded in the sound: measured, never assumed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch

from explainable_seg.classes import CLASSES, class_columns, class_order, implies
from explainable_seg.corpora import (
    Region,
    RegionGains,
    heard_spans,
    load_truth,
    read_region,
)
from explainable_seg.distributed import sum_over_ranks
from explainable_seg.explanation import (
    BANDS_HZ,
    band_masks,
    band_shares,
    permute_frequencies,
    relevance_spectrum,
)
from explainable_seg.nmf import (
    converged_code,
    frame_blocks,
    full_precision,
    overshoot,
)

SQUARE_ROUNDING = 1e-12  # share of a mean square, in float64


class AgreementStats:
    """Decisions and scores of two models, accumulated over recordings.

    Arguments
    ---------
    ours : Mapping[str, float or None]
        Thresholds of the first model, probability a class that it was trained
        for; None where it does not decide.
    theirs : Mapping[str, float or None]
        Thresholds of the second. Compared are the classes of both.

    Example
    -------
    >>> half = dict.fromkeys(CLASSES, 0.5)
    >>> stats = AgreementStats(half, half)
    >>> logits = torch.tensor([[1.0], [2.0], [-1.0], [-3.0]]).expand(4, 4)
    >>> stats.update(logits, 2 * logits - 1, torch.zeros(4, 4))
    >>> stats.summary()["music"]["decisions"]
    1.0
    """

    def __init__(
        self,
        ours: Mapping[str, float | None],
        theirs: Mapping[str, float | None],
    ):
        both = (ours, theirs)
        self.classes = tuple(c for c in CLASSES if c in ours and c in theirs)
        self.columns = [
            [class_order(one).index(c) for c in self.classes] for one in both
        ]
        self.thresholds = [
            torch.tensor([nan_of(one[name]) for name in self.classes])
            for one in both
        ]
        # Frames by the decisions of both: [ours, theirs, class].
        n_classes = len(self.classes)
        self.decided = torch.zeros(2, 2, n_classes, dtype=torch.float64)
        # Sums of x, y, x^2, y^2, x y of the logits: [term, class].
        self.moments = torch.zeros(5, n_classes, dtype=torch.float64)

    def update(
        self, ours: torch.Tensor, theirs: torch.Tensor, targets: torch.Tensor
    ) -> None:
        """Add frames.

        Arguments
        ---------
        ours : torch.Tensor [shape=(T, C)]
            Logits of the first model.
        theirs : torch.Tensor [shape=(T, C)]
            Logits of the second.
        targets : torch.Tensor [shape=(T, 4)]
            Of all classes. What is true does not matter; -1 where the class is unknown is not
            counted, so that all measures speak of the same frames.
        """
        known = (targets[:, class_columns(self.classes)] >= 0).cpu().double()
        logits = [
            values.detach().cpu().float()[:, columns]
            for values, columns in zip((ours, theirs), self.columns)
        ]
        found = [
            (values.sigmoid() >= thresholds).double()
            for values, thresholds in zip(logits, self.thresholds)
        ]
        for i in (0, 1):
            for j in (0, 1):
                both = (found[0] == i) & (found[1] == j)
                self.decided[i, j] += (both * known).sum(dim=0)
        x, y = (values.double() for values in logits)
        terms = torch.stack([x, y, x * x, y * y, x * y])
        self.moments += (terms * known).sum(dim=1)

    def summary(self) -> dict[str, dict[str, float | None] | None]:
        """Agreement of each class.

        Returns
        -------
        dict[str, dict or None]
            For each class of both models. ``decisions``: share of the frames
            that both decide alike; ``kappa``: what of it is more than chance
            (Cohen, 1960), for a rare class is absent in most frames anyway;
            ``correlation`` of the logits (Pearson). The latter two are None
            where a model says the same of all frames, the former two where
            one does not decide. None for a class that is nowhere known.
        """
        return {name: self._of_class(c) for c, name in enumerate(self.classes)}

    def _of_class(self, c: int) -> dict[str, float | None] | None:
        """Agreement of a class by its column."""
        counts = self.decided[..., c]
        n_frames = counts.sum().item()
        if not n_frames:
            return None
        ours, theirs = counts.sum(dim=1), counts.sum(dim=0)
        alike = counts.trace().item() / n_frames
        chance = (ours @ theirs).item() / n_frames**2
        varied = bool((ours > 0).all()) and bool((theirs > 0).all())
        both_decide = not any(bool(t[c].isnan()) for t in self.thresholds)
        varied = varied and both_decide
        return {
            "decisions": alike if both_decide else None,
            "kappa": (alike - chance) / (1 - chance) if varied else None,
            "correlation": pearson(*(self.moments[:, c] / n_frames).tolist()),
        }


def nan_of(value: float | None) -> float:
    """NaN for None, which no probability reaches."""
    return math.nan if value is None else value


def pearson(
    x: float, y: float, xx: float, yy: float, xy: float
) -> float | None:
    """Correlation from means.

    Arguments
    ---------
    x : float
        Mean of the first variable.
    y : float
        Mean of the second.
    xx : float
        Mean square of the first.
    yy : float
        Mean square of the second.
    xy : float
        Mean of the products.

    Returns
    -------
    float or None
        None where one of the two is constant.

    Example
    -------
    >>> pearson(0.0, 0.0, 1.0, 4.0, 2.0)
    1.0
    """
    variance_x, variance_y = xx - x * x, yy - y * y
    # What is left of a constant by rounding is no variance.
    if variance_x <= SQUARE_ROUNDING * xx or variance_y <= SQUARE_ROUNDING * yy:
        return None
    return (xy - x * y) / (variance_x * variance_y) ** 0.5


class ReconstructionStats:
    """Errors and use of the atoms, accumulated over recordings as sums.

    Every figure is kept for all frames, and for the frames in which each class
    is active according to the reference.

    Arguments
    ---------
    dictionary : torch.Tensor [shape=(F, K)]
        Atoms W. Frames are worked on where it is.

    Example
    -------
    >>> stats = ReconstructionStats(torch.eye(2))
    >>> X = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    >>> H = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    >>> music = torch.tensor([[0, 1, -1, 0], [0, 0, -1, 0]])
    >>> stats.update(X, H, music)
    >>> summary = stats.summary()
    >>> summary["classes"]["music"]["error"], summary["atoms"]
    (0.8, 1.0)
    """

    def __init__(self, dictionary: torch.Tensor):
        self.W = dictionary.detach().float()
        n_bins, n_atoms = self.W.shape
        self.masks = band_masks(n_bins).to(self.W)
        n_groups = 1 + len(CLASSES)  # all frames, then those of each class
        zeros = self.W.new_zeros(n_groups, dtype=torch.float64)
        self.n_frames = zeros.clone()
        self.residual = zeros[:, None].repeat(1, len(BANDS_HZ))
        self.energy = torch.zeros_like(self.residual)
        self.used = zeros[:, None].repeat(1, n_atoms)

    def update(
        self, X: torch.Tensor, H: torch.Tensor, targets: torch.Tensor
    ) -> None:
        """Add the frames of a recording.

        Arguments
        ---------
        X : torch.Tensor [shape=(T, F)]
            Spectrogram.
        H : torch.Tensor [shape=(T, K)]
            Activations, non-negative.
        targets : torch.Tensor [shape=(T, C)]
            1 where the class is active; 0, or -1 where it is unknown.

        Raises
        ------
        ValueError
            If the three do not fit each other and the dictionary.
        """
        n_bins, n_atoms = self.W.shape
        shapes = [tuple(tensor.shape) for tensor in (X, H, targets)]
        expected = [(len(X), n) for n in (n_bins, n_atoms, len(CLASSES))]
        if shapes != expected:
            raise ValueError(
                f"expected `X`, `H` and `targets` of shapes {expected}, got "
                f"{shapes}"
            )
        for block in frame_blocks(X):
            self._add(X[block], H[block], targets[block])

    @torch.no_grad()
    @full_precision
    def _add(
        self, X: torch.Tensor, H: torch.Tensor, targets: torch.Tensor
    ) -> None:
        """Add a block of frames."""
        X, H = X.to(self.W), H.to(self.W)
        everywhere = torch.ones_like(targets[:, :1])
        groups = torch.cat([everywhere, targets], dim=1) == 1
        groups = groups.to(self.W).double().T  # [1 + C, T]
        self.n_frames += groups.sum(dim=1)
        # Within a band float32 will do; over recordings it would not.
        self.energy += groups @ (X.square() @ self.masks.T).double()
        residual = (X - H @ self.W.T).square() @ self.masks.T
        self.residual += groups @ residual.double()
        self.used += groups @ (H > 0).double()

    def sum_over_ranks(self) -> None:
        """Count the frames of all processes; each calls this, once."""
        sum_over_ranks(self.n_frames, self.residual, self.energy, self.used)

    def summary(self) -> dict[str, Any]:
        """Measures over all frames and over those of each class.

        Returns
        -------
        dict[str, Any]
            ``frames`` (how many), ``error`` (``||X - W H|| / ||X||``, the root
            of the share of the energy that is left), ``error_by_band`` (the
            same within each of
            :data:`~explainable_seg.explanation.selection.BANDS_HZ`), ``atoms``
            (active ones a frame), ``usage`` (K shares of the frames, in which
            each atom is active), ``dead`` (share of the atoms that no frame
            uses); and under ``classes`` the first five of them for the frames
            of each class. None where no frame, or no sound, was added.
        """
        whole = self._group(0)
        unused = (self.used[0] == 0).double().mean().item()
        return {
            **whole,
            "dead": unused if whole["frames"] else None,
            "classes": {
                name: self._group(1 + c) for c, name in enumerate(CLASSES)
            },
        }

    def _group(self, group: int) -> dict[str, Any]:
        """Measures over the frames of one group."""
        residual, energy = self.residual[group], self.energy[group]
        n_frames = self.n_frames[group]
        errors = _relative(residual, energy)
        known = bool(n_frames > 0)
        usage = (self.used[group] / n_frames).tolist() if known else None
        return {
            "frames": int(n_frames),
            "error": _relative(residual.sum(), energy.sum())[0],
            "error_by_band": errors,
            "atoms": sum(usage) if usage is not None else None,
            "usage": usage,
        }


def _relative(
    residual: torch.Tensor, energy: torch.Tensor
) -> list[float | None]:
    """Root of the share of each energy that is left; None of no energy."""
    shares = (residual / energy).sqrt().reshape(-1).tolist()
    return [
        share if whole > 0 else None
        for share, whole in zip(shares, energy.reshape(-1).tolist())
    ]


LONGEST_EXAMPLE = 3.0  # seconds
SHORTEST = 0.5
OTHERS = {  # that are not to be heard beside the class
    name: [c for c in CLASSES if not implies(name, c) and not implies(c, name)]
    for name in CLASSES
}


@torch.no_grad()
@full_precision
def class_examples(
    regions: Sequence[Region],
    spectrogram: torch.nn.Module,
    W: torch.Tensor,
    mu: float,
    level: Optional[float] = None,
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """For each class the longest passage that has it alone, and its rebuilding.

    Arguments
    ---------
    regions : Sequence[Region]
        Rows of a manifest.
    spectrogram : torch.nn.Module
        Audio [1, N] to frames [1, T, F].
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    mu : float
        Sparsity weight of the transform.
    level : float, optional
        What recordings are brought to, dB re full scale.

    Returns
    -------
    dict[str, tuple[torch.Tensor, torch.Tensor]]
        ``X`` and ``H W'``, both [T, F], on the CPU; classes that are never
        heard alone for half a second are left out.
    """
    truths = load_truth(regions)
    gains = None if level is None else RegionGains(regions, level)
    examples = {}
    for name in CLASSES:
        spans = [
            (end - start, start, region)
            for region in regions
            for start, end in heard_spans(
                region, truths[region.recording], name, OTHERS[name]
            )
        ]
        length, start, region = max(
            spans, key=lambda span: span[0], default=(0.0, 0.0, None)
        )
        if region is None or length < SHORTEST:
            continue
        audio = read_region(region, start, min(length, LONGEST_EXAMPLE), gains)
        X = spectrogram(torch.from_numpy(audio)[None].to(W.device))[0]
        rebuilt = converged_code(X, W, mu) @ W.T
        examples[name] = (X.cpu(), rebuilt.cpu())
    return examples


CODES = ("student", "nmf")


class RepresentationStats:
    """Grounding of activations, accumulated over recordings as sums.

    Beside the student's activations H stand those of the NMF transform of the
    same frames, computed to convergence: the best that the atoms can do under
    the sparsity of the dictionary.

    Arguments
    ---------
    dictionary : torch.Tensor [shape=(F, K)]
        Atoms W, unit-norm.
    mu : float
        Sparsity weight of the transform.
    theta : torch.Tensor [shape=(C, K)]
        Classification weights, for the share of relevance a band.
    control : bool
        Whether to transform with permuted frequencies too, which takes as long
        as the transform.
    classes : Sequence[str]
        Names of the C rows.
    """

    def __init__(
        self,
        dictionary: torch.Tensor,
        mu: float,
        theta: torch.Tensor,
        control: bool = True,
        classes: Sequence[str] = CLASSES,
    ):
        self.classes = tuple(classes)
        self.W = dictionary.detach().cpu().float()
        self.theta = theta.detach().cpu().float()
        self.mu = mu
        n_bins, n_atoms = self.W.shape
        self.permuted_W = permute_frequencies(self.W) if control else None
        shapes: dict[str, tuple[int, ...]] = {
            "n_frames": (),
            "energy": (),
            "input_by_bin": (n_bins,),
            "residual": (len(CODES),),
            "used": (len(CODES), n_atoms),
            "positive": tuple(self.theta.shape),
            "heard": tuple(self.theta.shape),
            "supported": tuple(self.theta.shape),
            # Of h, g, p, h^2, g^2, p^2, h g, h p over frames and atoms, for
            # the activations of student, transform and control.
            "moments": (8,),
        }
        self.sums = {
            name: torch.zeros(shape, dtype=torch.float64)
            for name, shape in shapes.items()
        }

    @full_precision
    def update(self, X: torch.Tensor, H: torch.Tensor) -> None:
        """Add the frames of a recording.

        Arguments
        ---------
        X : torch.Tensor [shape=(T, F)]
            Spectrogram.
        H : torch.Tensor [shape=(T, K)]
            The student's activations.
        """
        X, H = X.cpu().float(), H.cpu().float()
        code = converged_code(X, self.W, self.mu)
        control = torch.zeros_like(code)  # constant: no correlation
        if self.permuted_W is not None:
            control = converged_code(X, self.permuted_W, self.mu)
        sums = self.sums
        sums["n_frames"] += len(X)
        sums["energy"] += X.double().square().sum()
        sums["input_by_bin"] += X.double().sum(dim=0)
        for i, activations in enumerate((H, code)):
            residual = (X - activations @ self.W.T).double()
            sums["residual"][i] += residual.square().sum()
            sums["used"][i] += (activations > 0).double().sum(dim=0)
        weights = self.theta.clamp(min=0).double()
        supported = H - overshoot(X, self.W, H)
        sums["positive"] += weights * H.double().sum(dim=0)
        sums["heard"] += weights * torch.minimum(H, code).double().sum(dim=0)
        sums["supported"] += weights * supported.double().sum(dim=0)
        terms = (H, code, control)
        products = [*terms, *(term * term for term in terms)]
        products += [H * code, H * control]
        sums["moments"] += torch.stack([p.double().sum() for p in products])

    def sum_over_ranks(self) -> None:
        """Count the frames of all processes; each calls this, once."""
        sum_over_ranks(*self.sums.values())

    def summary(self) -> dict[str, float | None]:
        """Measures over all frames.

        Returns
        -------
        dict[str, float or None]
            ``error`` and ``nmf_error`` (||X - W H|| / ||X||), their
            ``error_ratio``, active ``atoms`` and ``nmf_atoms`` a frame, their
            ``atoms_ratio``, ``dead`` and ``nmf_dead`` (share of atoms that no
            frame uses), ``correlation`` of H with the transform (Pearson,
            frames and atoms pooled), ``permuted_correlation``, the same with
            the transform for a W whose frequencies are exchanged (None
            without a control). Of the
            positive relevance, ``heard_relevance`` is the share that
            activations up to those of the transform carry, and
            ``supported_relevance`` the share without their
            :func:`~explainable_seg.nmf.coding.overshoot`: the first asks for
            the transform's own choice of atoms, the second for any atoms
            that the sound needs.

        Raises
        ------
        ValueError
            If no frame that sounds was added.
        """
        sums = self.sums
        if sums["energy"] == 0.0:
            raise ValueError("expected frames that sound, got none")
        error, nmf_error = (sums["residual"] / sums["energy"]).sqrt().tolist()
        used = sums["used"]
        atoms, nmf_atoms = (used.sum(dim=1) / sums["n_frames"]).tolist()
        dead, nmf_dead = (used == 0).double().mean(dim=1).tolist()
        correlation, permuted = self._correlations()
        positive, heard, supported = (
            sums[name].sum().item()
            for name in ("positive", "heard", "supported")
        )
        return {
            "error": error,
            "nmf_error": nmf_error,
            "error_ratio": error / nmf_error if nmf_error else None,
            "atoms": atoms,
            "nmf_atoms": nmf_atoms,
            "atoms_ratio": atoms / nmf_atoms if nmf_atoms else None,
            "dead": dead,
            "nmf_dead": nmf_dead,
            "correlation": correlation,
            "permuted_correlation": permuted,
            "heard_relevance": heard / positive if positive else None,
            "supported_relevance": supported / positive if positive else None,
        }

    def band_shares(self) -> dict[str, list[float] | None]:
        """Share of each band in the positive relevance of each class.

        Returns
        -------
        dict[str, list[float] or None]
            For ``input`` (the spectrogram itself) and each class the shares of
            :data:`~explainable_seg.explanation.selection.BANDS_HZ`; None for a
            class without positive relevance.
        """
        shares = {"input": band_shares(self.sums["input_by_bin"])}
        for name, relevance in zip(self.classes, self.sums["positive"]):
            spectrum = relevance_spectrum(relevance, self.W)
            shares[name] = band_shares(spectrum)
        return shares

    def _correlations(self) -> tuple[float | None, float | None]:
        """Pearson correlation over frames and atoms, and the control's."""
        n_values = self.sums["n_frames"] * self.W.shape[1]
        means = self.sums["moments"] / n_values
        h, g, p, hh, gg, pp, hg, hp = means.tolist()
        return pearson(h, g, hh, gg, hg), pearson(h, p, hh, pp, hp)
