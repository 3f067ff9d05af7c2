"""Find speech, music, noise and overlapped speech, and say why.

Names are imported when first used, so that data preparation, which needs
neither torch nor a model, starts quickly; ``__init__.pyi`` lists them, here and
in each room. Import the package before torch, and threads sleep while they wait
for each other: :mod:`explainable_seg.threads`.
"""

import lazy_loader

from explainable_seg.threads import sleep_while_waiting

sleep_while_waiting()

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
