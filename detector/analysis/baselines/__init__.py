"""Verdicts: what changed after a change, judged by the statistics of `models`."""
