"""For speechbrain.inference.interfaces.foreign_class(source=folder)."""

from explainable_seg import ExplainableSegmenter

CustomInterface = ExplainableSegmenter.of_files
