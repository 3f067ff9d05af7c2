"""One way from any file, array or stream to 16 kHz mono at a level."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
