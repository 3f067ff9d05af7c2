"""The commands of ``explainable-seg``, one a file.

Torch and the models are imported inside them, so that ``--help`` is quick.
"""
