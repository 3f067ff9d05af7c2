"""What commands share: messages, exit codes, the model."""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explainable_seg.inference.segmenter import ExplainableSegmenter

BAD_INPUT = 2
INTERRUPTED = 130  # as shells say it: 128 + SIGINT


def tell(message: str) -> None:
    """Write an error as one line, above the progress bar if there is one."""
    note(f"error: {message}")


def note(message: str) -> None:
    """Write one line to stderr, above the progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(" ".join(message.splitlines()), file=sys.stderr)


def load_segmenter(**loading: Any) -> "ExplainableSegmenter":
    """Segmenter of the options for loading."""
    from explainable_seg.inference.segmenter import ExplainableSegmenter

    return ExplainableSegmenter.from_pretrained(**loading)
