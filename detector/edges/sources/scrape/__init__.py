"""Fetches metrics from targets as Prometheus does: one task and one stream a target."""
