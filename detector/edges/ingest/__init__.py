"""Metrics that others push to us: one listener, and a file for each protocol."""
