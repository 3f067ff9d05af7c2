"""Find speech, music, noise and overlapped speech, and say why.

Names are imported when first used, so that data preparation, which needs
neither torch nor a model, starts quickly. Import the package before torch, and
threads sleep while they wait for each other: :mod:`explainable_seg.threads`.
"""

from importlib import import_module
from typing import Any

from explainable_seg.threads import sleep_while_waiting

sleep_while_waiting()

__version__ = "0.1.0"

_EXPORTS = {
    "ExplainableSegmenter": "explainable_seg.inference.segmenter",
    "Segmentation": "explainable_seg.inference.segmentation",
    "Explanation": "explainable_seg.explanation.explanation",
    "CLASSES": "explainable_seg.classes",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Import an exported name on first use (PEP 562)."""
    if name not in _EXPORTS:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    """Exported names beside the module's own."""
    return sorted([*globals(), *_EXPORTS])
