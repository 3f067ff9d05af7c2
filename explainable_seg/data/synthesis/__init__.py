"""Synthesised clips: speech by rule, music from a soundfont, drawn noises."""
