"""Trimwatch: finds what trimming an application broke."""

__version__ = "0.1.0"
