"""``python -m explainable_seg``: the command ``explainable-seg``."""

import sys

from explainable_seg.cli import main

if __name__ == "__main__":
    sys.exit(main())
