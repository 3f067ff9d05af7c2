"""The package captum, which only comparisons need."""

from typing import Any

from explainable_seg.errors import ExplainableSegError


def captum_methods() -> Any:
    """Methods of captum (Kokhlikyan et al., arXiv 2009.07896).

    Returns
    -------
    module
        ``captum.attr``.

    Raises
    ------
    ExplainableSegError
        If it is not installed.
    """
    try:
        import captum.attr
    except ImportError:
        raise ExplainableSegError(
            "expected the package captum for other methods, got none; "
            "pip install 'explainable-seg[compare]'"
        ) from None
    return captum.attr
