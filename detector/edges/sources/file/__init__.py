"""Follows log files: rotation by rename and by copytruncate, reused inodes, globs."""
