"""The commands of ``explainable-seg``.

Torch and the models are imported inside them, so that ``--help`` is quick.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
