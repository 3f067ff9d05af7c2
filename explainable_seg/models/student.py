"""The explainable model: every logit is a sum of atom contributions."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Optional, Union

import torch

from explainable_seg.classes import CLASSES, SOURCES, class_order, implies
from explainable_seg.errors import SettingsError
from explainable_seg.features import (
    FrontEnd,
    LogPowerSpectrogram,
    make_frontend,
)
from explainable_seg.models.tcn import TCN
from explainable_seg.nmf import full_precision, sparse_code


class Teacher(torch.nn.Module):
    """Frame-wise multilabel classifier.

    Arguments
    ---------
    frontend : dict
        Arguments of :func:`~explainable_seg.features.frontend.make_frontend`.
    tcn : dict
        Arguments of :class:`~explainable_seg.models.tcn.TCN`, without
        ``n_features``.
    classes : Iterable[str]
        What it is trained for: one or more of the four classes.

    Raises
    ------
    ValueError
        If an argument is not possible.

    Example
    -------
    >>> teacher = Teacher(
    ...     {"type": "spectrogram"}, {"n_blocks": 1, "norm": "frame"}
    ... )
    >>> teacher(torch.randn(2, 16000)).shape
    torch.Size([2, 49, 4])
    """

    def __init__(
        self,
        frontend: dict[str, Any],
        tcn: dict[str, Any],
        classes: Iterable[str] = CLASSES,
    ):
        super().__init__()
        self.classes = class_order(classes)
        self.frontend: FrontEnd = make_frontend(**frontend)
        self.tcn = TCN(self.frontend.n_features, **tcn)
        n_channels = self.tcn.bottleneck.out_features
        self.classifier = torch.nn.Linear(n_channels, len(self.classes))
        self._tcn_arguments = dict(tcn)

    @property
    def config(self) -> dict[str, Any]:
        """Plain values from which ``build_model`` makes the same module."""
        return {
            "type": "teacher",
            "classes": list(self.classes),
            "frontend": self.frontend.config,
            "tcn": self._tcn_arguments,
        }

    def forward(
        self, wav: torch.Tensor, features: Optional[torch.Tensor] = None
    ) -> torch.Tensor:
        """Logits of a batch.

        Arguments
        ---------
        wav : torch.Tensor [shape=(B, N)]
            Audio at 16 kHz.
        features : torch.Tensor, optional [shape=(B, T, n_features)]
            What the front end says of this audio, where it is known already.

        Returns
        -------
        torch.Tensor [shape=(B, T, C)]
            Logits; their sigmoids are the class probabilities.
        """
        if features is None:
            features = self.frontend(wav)
        return self.classifier(self.tcn(features))


class StudentOutput(NamedTuple):
    """What a student says of a batch, and from what.

    ``logits`` [B, T, C], ``activations`` H [B, T, K], ``spectrogram`` X
    [B, T, F], and ``code`` [B, T, K], the sparse code of X that H started from.
    """

    logits: torch.Tensor
    activations: torch.Tensor
    spectrogram: torch.Tensor
    code: torch.Tensor


OWN_WEIGHT = 0.3  # a frame of a voice then has a logit of about 2
OWN_GAIN = -1.6  # of what the atoms of each class could rebuild, a third
SIGHT_SCALE = 0.1  # codes are about ten times what a linear layer likes


class Student(torch.nn.Module):
    """Classifier whose evidence is a sparse code of the spectrogram.

    The sparse code of each frame for the dictionary W is computed first, by a
    fixed number of coordinate sweeps. A TCN, which sees the context, then changes
    it: ``H = relu(code * 2 sigmoid(gain) + shift)``. So H starts as the code
    itself, grounded and without dead atoms, and training moves it away only as
    far as its budget allows (:mod:`explainable_seg.training.losses`). The
    logits are ``H Theta' + b``: sums of atom contributions, exactly.

    Where atoms are a class's own, there is a code of each class apart, and how
    much of it is heard is said by the context and by the codes themselves.

    Arguments
    ---------
    frontend : dict
        Arguments of :func:`~explainable_seg.features.frontend.make_frontend`:
        what the TCN sees.
    tcn : dict
        Arguments of :class:`~explainable_seg.models.tcn.TCN`, without
        ``n_features``.
    n_atoms : int
        Number of atoms K.
    n_fft : int
        Of the spectrogram that the atoms rebuild.
    mu : float
        Sparsity weight of the code; the one the dictionary was learned with.
    code_sweeps : int
        Passes over the atoms that make the code.
    classes : Iterable[str]
        What it is trained for: one or more of the four classes.
    atoms_per_class : Sequence[int], optional
        How many atoms were learned from the sound of each of the four classes,
        in their order; they lie in W one class behind the other. By default
        all classes share all atoms, as in the paper.
    dictionary : torch.Tensor, optional
        The atoms W [F, K], unit-norm and non-negative; frozen. Without it the
        atoms are zero, to be loaded with the state of the module.

    Raises
    ------
    ValueError
        If an argument is not possible.

    Example
    -------
    >>> W = torch.nn.functional.normalize(torch.rand(257, 8), dim=0)
    >>> student = Student(
    ...     {"type": "spectrogram"}, {"n_blocks": 1}, n_atoms=8, dictionary=W
    ... )
    >>> out = student(torch.randn(2, 16000))
    >>> out.logits.shape, out.activations.shape
    (torch.Size([2, 49, 4]), torch.Size([2, 49, 8]))
    """

    dictionary: torch.Tensor

    def __init__(
        self,
        frontend: dict[str, Any],
        tcn: dict[str, Any],
        n_atoms: int = 128,
        n_fft: int = 512,
        mu: float = 1.0,
        code_sweeps: int = 8,
        classes: Iterable[str] = CLASSES,
        atoms_per_class: Optional[Sequence[int]] = None,
        dictionary: Optional[torch.Tensor] = None,
    ):
        super().__init__()
        self.classes = class_order(classes)
        self.atoms_per_class = atoms_per_class and list(atoms_per_class)
        if self.atoms_per_class:
            check_atoms_per_class(self.atoms_per_class, n_atoms)
        self.spectrogram = LogPowerSpectrogram(n_fft)
        self.frontend: FrontEnd = make_frontend(**frontend)
        self.tcn = TCN(self.frontend.n_features, **tcn)
        n_channels = self.tcn.bottleneck.out_features
        self.head = torch.nn.Linear(n_channels, 2 * n_atoms)
        # H starts as the code: gains of 1, shifts that wake few atoms.
        torch.nn.init.normal_(self.head.weight, std=0.01)
        torch.nn.init.zeros_(self.head.bias[:n_atoms])
        torch.nn.init.constant_(self.head.bias[n_atoms:], -0.05)
        self.sight: Optional[torch.nn.Linear] = None
        if self.atoms_per_class:
            self.sight = torch.nn.Linear(n_atoms, 2 * n_atoms, bias=False)
            torch.nn.init.zeros_(self.sight.weight)
        # A module, so that methods that change its gradient find it.
        self.rectifier = torch.nn.ReLU()
        self.classifier = torch.nn.Linear(n_atoms, len(self.classes))
        if dictionary is None:
            dictionary = torch.zeros(self.spectrogram.n_features, n_atoms)
        self.register_buffer("dictionary", dictionary.clone().float())
        self._speak_for_own()
        self.mu = mu
        self.code_sweeps = code_sweeps
        self._tcn_arguments = dict(tcn)

    @property
    def config(self) -> dict[str, Any]:
        """Plain values from which ``build_model`` makes the same module."""
        return {
            "type": "student",
            "classes": list(self.classes),
            "frontend": self.frontend.config,
            "tcn": self._tcn_arguments,
            "n_atoms": self.dictionary.shape[1],
            "n_fft": self.spectrogram.n_fft,
            "mu": self.mu,
            "code_sweeps": self.code_sweeps,
            "atoms_per_class": self.atoms_per_class,
        }

    @torch.no_grad()
    def _speak_for_own(self) -> None:
        """Let the atoms of a class speak for it from the start.

        A weight and the activation that it multiplies learn from each other: of
        a class whose weights are about 0, neither ever learns anything.
        """
        own = self.own_atoms
        if own is not None:
            self.classifier.weight.copy_(OWN_WEIGHT * own)
            self.head.bias[: own.shape[1]] = OWN_GAIN

    @property
    def own_atoms(self) -> Optional[torch.Tensor]:
        """Which atoms are a class's own [C, K]; None where all are shared.

        Those that were learned from it, and from what is heard only where it
        is: atoms of overlap are speech's, too. A class without any has those of
        what it implies: two voices are made of what one is made of.
        """
        return self._atoms_of(self.classes)

    @property
    def source_atoms(self) -> Optional[torch.Tensor]:
        """Atoms of speech, music and noise [3, K]; None where all are shared."""
        return self._atoms_of(SOURCES)

    def _atoms_of(self, names: Sequence[str]) -> Optional[torch.Tensor]:
        """Which atoms are each class's own, one class a row."""
        if not self.atoms_per_class:
            return None
        learned_from = [
            name
            for name, count in zip(CLASSES, self.atoms_per_class)
            for _ in range(count)
        ]
        rows = []
        for name in names:
            row = [implies(source, name) for source in learned_from]
            if not any(row):
                row = [implies(name, source) for source in learned_from]
            rows.append(row)
        return torch.tensor(rows, device=self.dictionary.device)

    def forward(
        self, wav: torch.Tensor, features: Optional[torch.Tensor] = None
    ) -> StudentOutput:
        """Logits of a batch, and the evidence they are sums of.

        Arguments
        ---------
        wav : torch.Tensor [shape=(B, N)]
            Audio at 16 kHz.
        features : torch.Tensor, optional [shape=(B, T, n_features)]
            What the front end says of this audio, where it is known already.

        Returns
        -------
        StudentOutput
            Logits, H, X and the sparse code.
        """
        X, code = self.encode(wav)
        if features is None:
            features = X if self.shares_spectrogram else self.frontend(wav)
        return self.decide(X, code, features)

    def encode(self, wav: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What each frame says alone, whatever is around it.

        Arguments
        ---------
        wav : torch.Tensor [shape=(B, N)]
            Audio at 16 kHz.

        Returns
        -------
        tuple[torch.Tensor, torch.Tensor] [shape=(B, T, F), (B, T, K)]
            Spectrogram and sparse code.
        """
        X = self.spectrogram(wav)
        return X, self.sparse_code(X)

    def decide(
        self, X: torch.Tensor, code: torch.Tensor, features: torch.Tensor
    ) -> StudentOutput:
        """Change the code as the context asks, and classify.

        Arguments
        ---------
        X : torch.Tensor [shape=(B, T, F)]
            Spectrogram.
        code : torch.Tensor [shape=(B, T, K)]
            Its sparse code.
        features : torch.Tensor [shape=(B, T, n_features)]
            What the TCN sees.

        Returns
        -------
        StudentOutput
        """
        return self.conclude(X, code, self.tcn(features.float()))

    def conclude(
        self, X: torch.Tensor, code: torch.Tensor, context: torch.Tensor
    ) -> StudentOutput:
        """Change the code as the TCN says, and classify.

        Arguments
        ---------
        X : torch.Tensor [shape=(B, T, F)]
            Spectrogram.
        code : torch.Tensor [shape=(B, T, K)]
            Its sparse code.
        context : torch.Tensor [shape=(B, T, n_channels)]
            What the TCN says.

        Returns
        -------
        StudentOutput
        """
        changes = self.head(context)
        if self.sight is not None:
            changes = changes + self.sight(SIGHT_SCALE * code)
        gain, shift = changes.float().chunk(2, dim=-1)
        H = self.rectifier(code * 2 * gain.sigmoid() + shift)
        return StudentOutput(self._classify(H), H, X, code)

    @property
    def shares_spectrogram(self) -> bool:
        """Whether the TCN sees the very spectrogram that the atoms rebuild."""
        return (
            isinstance(self.frontend, LogPowerSpectrogram)
            and self.frontend.n_fft == self.spectrogram.n_fft
        )

    def learn_dictionary(self) -> None:
        """Make the atoms a parameter, to be trained with the rest."""
        atoms = self.dictionary.clone()
        del self.dictionary
        self.register_parameter("dictionary", torch.nn.Parameter(atoms))

    @torch.no_grad()
    def project_dictionary(self) -> None:
        """Make the atoms non-negative and of unit norm again.

        An atom that a step has made nowhere positive stays zero, which the
        sparse code never uses.
        """
        self.dictionary.clamp_(min=0)
        norms = self.dictionary.norm(dim=0).clamp(min=1e-12)
        self.dictionary.div_(norms)

    @full_precision
    def _classify(self, H: torch.Tensor) -> torch.Tensor:
        """Logits of activations, in full precision: explanations are exact."""
        logits: torch.Tensor = self.classifier(H)
        return logits

    def sparse_code(self, X: torch.Tensor) -> torch.Tensor:
        """What H starts from: sparse code of a spectrogram.

        Where atoms are a class's own, of each class apart, as if nothing else
        were heard: of two atoms that are alike one code would give all to
        either, by chance, and what belongs to whom is what the context says.

        Arguments
        ---------
        X : torch.Tensor [shape=(B, T, F)]
            Spectrogram.

        Returns
        -------
        torch.Tensor [shape=(B, T, K)]
            Activations that depend on each frame alone.
        """
        numbers = self.atoms_per_class or [self.dictionary.shape[1]]
        dictionaries = self.dictionary.split(numbers, dim=1)
        codes = [self._code(X, W) for W in dictionaries if W.shape[1]]
        return torch.cat(codes, dim=-1)

    def joint_code(self, X: torch.Tensor) -> torch.Tensor:
        """Sparse code of a spectrogram for all atoms together.

        Arguments
        ---------
        X : torch.Tensor [shape=(B, T, F)]
            Spectrogram.

        Returns
        -------
        torch.Tensor [shape=(B, T, K)]
            What the budgets of H are measured by.
        """
        return self._code(X, self.dictionary)

    @torch.no_grad()
    def _code(self, X: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
        """Sparse code [B, T, K] for some atoms [F, K]."""
        H = sparse_code(X.flatten(0, 1), W, self.mu, self.code_sweeps)
        return H.reshape(*X.shape[:2], -1)


def check_atoms_per_class(numbers: Sequence[int], n_atoms: int) -> None:
    """Raise unless atoms of each class can make up a dictionary.

    Arguments
    ---------
    numbers : Sequence[int]
        Atoms of each of the four classes, 0 for none.
    n_atoms : int
        All of them.

    Raises
    ------
    SettingsError
        If there is not one number a class, or they do not sum up.
    """
    fit = len(numbers) == len(CLASSES) and min(numbers) >= 0
    if not fit or sum(numbers) != n_atoms:
        raise SettingsError(
            f"expected `atoms_per_class` of {', '.join(CLASSES)} that sum "
            f"up to n_atoms {n_atoms}, got {list(numbers)}; change one of them"
        )


MODELS: dict[str, Any] = {"teacher": Teacher, "student": Student}


def build_model(
    config: dict[str, Any], dictionary: Optional[torch.Tensor] = None
) -> Union[Teacher, Student]:
    """Model of a configuration, with fresh weights.

    Arguments
    ---------
    config : dict
        ``type`` (``teacher`` or ``student``) and the arguments of that class,
        plain values only; ``model.config`` gives it back.
    dictionary : torch.Tensor, optional [shape=(F, K)]
        The atoms of a new student.

    Returns
    -------
    Teacher or Student

    Raises
    ------
    ValueError
        If the type or an argument is unknown.

    Example
    -------
    >>> build_model(
    ...     {"type": "teacher", "frontend": {}, "tcn": {"n_blocks": 1}}
    ... ).config["frontend"]
    {'type': 'spectrogram', 'n_fft': 512}
    """
    arguments = dict(config)
    kind = arguments.pop("type", None)
    if kind not in MODELS:
        known = ", ".join(MODELS)
        raise SettingsError(f"expected a model among {known}, got '{kind}'")
    if dictionary is not None:
        arguments["dictionary"] = dictionary
    try:
        return MODELS[kind](**arguments)
    except TypeError as error:
        raise SettingsError(
            f"expected the arguments of a {kind}, got: {error}"
        ) from error


def count_values(config: dict[str, Any]) -> int:
    """How many numbers the state of a model holds, without making it.

    So a configuration can be compared with a file of weights before it takes
    any memory. (PyTorch's ``meta`` device says it too, and takes a second to
    be imported.)

    Arguments
    ---------
    config : dict
        As for :func:`build_model`, of a model on a spectrogram.

    Returns
    -------
    int

    Example
    -------
    >>> config = {"type": "teacher", "frontend": {}, "tcn": {"n_layers": 2}}
    >>> model = build_model(config)
    >>> sum(values.numel() for values in model.state_dict().values()) == (
    ...     count_values(config)
    ... )
    True
    """
    model = {**_defaults(MODELS[config["type"]]), **config}
    tcn = {**_defaults(TCN), **model["tcn"]}
    n_channels, n_hidden = tcn["n_channels"], tcn["n_hidden"]
    n_classes = len(model["classes"])
    n_features = model["frontend"].get("n_fft", 512) // 2 + 1
    norm_and_activation = 2 * n_hidden + 1
    layer = (
        _linear(n_channels, n_hidden)
        + norm_and_activation
        + (tcn["kernel_size"] + 1) * n_hidden
        + norm_and_activation
        + _linear(n_hidden, n_channels)
    )
    n_layers = tcn["n_blocks"] * tcn["n_layers"]
    stride = tcn["stride"]
    network = _linear(stride * n_features, n_channels) + n_layers * layer
    if stride > 1:
        network += _linear(n_channels, stride * n_channels)
    if config["type"] == "teacher":
        return network + _linear(n_channels, n_classes)
    n_atoms = model["n_atoms"]
    sight = 2 * n_atoms**2 if model["atoms_per_class"] else 0
    return (
        network
        + sight
        + _linear(n_channels, 2 * n_atoms)
        + _linear(n_atoms, n_classes)
        + (model["n_fft"] // 2 + 1) * n_atoms
    )


def _linear(n_inputs: int, n_outputs: int) -> int:
    """Numbers of a linear layer."""
    return (n_inputs + 1) * n_outputs


def _defaults(module: type) -> dict[str, Any]:
    """Default values of a module's arguments."""
    parameters = inspect.signature(module).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}
