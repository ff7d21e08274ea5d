"""Reads log documents out of indices: live by polling, past ones through points in time."""
