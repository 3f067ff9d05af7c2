"""Preparation of corpora: one file a corpus, each knows one layout only."""
