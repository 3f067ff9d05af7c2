"""``python -m explainable_seg``: the command ``explainable-seg``."""

import sys

from explainable_seg.commands import main

if __name__ == "__main__":
    sys.exit(main())
