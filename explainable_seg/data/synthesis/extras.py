"""The optional packages of the synthesis: found, or one clear line."""

import sys
from importlib import import_module, util
from pathlib import Path
from types import ModuleType

from explainable_seg.errors import ExplainableSegError


def require(name: str) -> ModuleType:
    """Import an optional package.

    Arguments
    ---------
    name : str
        Name of the package, for instance ``symusic``.

    Returns
    -------
    ModuleType
        The package.

    Raises
    ------
    ExplainableSegError
        If it is not installed or cannot be imported.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise _missing(name, " ".join(str(error).split())) from None


def package_folder(name: str) -> Path:
    """Folder of an optional package, without importing it.

    Arguments
    ---------
    name : str
        Name of the package, for instance ``pretty_midi``.

    Returns
    -------
    Path
        The folder of its ``__init__.py``.

    Raises
    ------
    ExplainableSegError
        If it is not installed.
    """
    spec = util.find_spec(name)
    if spec is None or spec.origin is None:
        raise _missing(name, "none")
    return Path(spec.origin).parent


def _missing(name: str, found: str) -> ExplainableSegError:
    """The line that says which package to install, and how."""
    return ExplainableSegError(
        f"expected the package {name}, got {found}, in {sys.prefix}; "
        'run: pip install "explainable-seg[minibroadcast]"'
    )
