"""Asks a Prometheus, or what speaks like one, over its HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api."""
