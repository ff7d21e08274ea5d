"""Verdicts: what changed after a change. Files of series read, questions asked of them, answers of `models` put into words."""
