"""A trained student at work: load, window, stitch, decide, write."""
