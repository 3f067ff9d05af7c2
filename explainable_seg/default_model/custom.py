"""For speechbrain.inference.interfaces.foreign_class(source=folder)."""
