"""The package as an integration of SpeechBrain: whole, under one prefix."""

from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
OURS = "explainable_seg"
THERE = "speechbrain.integrations.segmentation"
# SpeechBrain has no command line, its weights are on the hub, and the methods
# that we compare with are other people's.
STAYING = ("__main__", "commands", "default_model", "interpreters")
# Scripts, YAML files and preparations lie in one folder there.
REPLACED = (
    (OURS, THERE),
    ("data_prep.", ""),
    ("data_prep/", ""),
    ("recipes/train_", "train_"),
    ("hparams/<corpus>/", "hparams/"),
    ("hparams/minibroadcast/", "hparams/"),
    ('"explainable-seg[minibroadcast]"', "-r extra_requirements.txt"),
)


def renamed(text: str) -> str:
    """Text with the names that things bear in SpeechBrain.

    Arguments
    ---------
    text : str
        Python, YAML or prose.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If it names a room that stays with us.

    Example
    -------
    >>> renamed("from explainable_seg.nmf import SparseNMF")
    'from speechbrain.integrations.segmentation.nmf import SparseNMF'
    """
    for ours, theirs in REPLACED:
        text = text.replace(ours, theirs)
    for room in STAYING:
        if f"{THERE}.{room}" in text:
            raise ValueError(f"expected rooms that go, got {OURS}.{room}")
    return text


def going() -> Iterator[tuple[Path, str]]:
    """Files of the package that go, and their paths in SpeechBrain.

    Yields
    ------
    tuple[pathlib.Path, str]
    """
    package = CHECKOUT / OURS
    for path in sorted(package.rglob("*.*")):
        relative = path.relative_to(package)
        room = relative.parts[0].partition(".")[0]
        if room not in STAYING and path.suffix != ".pyc":
            yield path, f"{THERE.replace('.', '/')}/{relative.as_posix()}"


def write_text(path: Path, text: str) -> Path:
    """Write a file, and the folders that it is in.

    Arguments
    ---------
    path : pathlib.Path
        The file; a link there is replaced.
    text : str
        Its text.

    Returns
    -------
    pathlib.Path
        The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_library(clone: Path) -> Iterator[Path]:
    """Write the package and its README.

    Arguments
    ---------
    clone : pathlib.Path
        SpeechBrain's repository.

    Yields
    ------
    pathlib.Path
        What was written.
    """
    for path, place in going():
        text = renamed(path.read_text(encoding="utf-8"))
        yield write_text(clone / place, text)
    readme = (HERE / "integration.md").read_text(encoding="utf-8")
    yield write_text(clone / THERE.replace(".", "/") / "README.md", readme)
