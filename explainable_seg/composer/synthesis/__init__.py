"""Clips made from packages of the registry: speech, music, noise."""
