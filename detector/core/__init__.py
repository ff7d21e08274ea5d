"""Decides, touches nothing: no clock, no socket, no disk."""
