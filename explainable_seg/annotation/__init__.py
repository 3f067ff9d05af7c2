"""Readers and writers of annotation files, one format a file."""
