"""Losses, budgets and thresholds: what the Brains use."""
