"""Scores of any ensemble on disk."""
