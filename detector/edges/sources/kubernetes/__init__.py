"""Follows the logs of a pod's containers through the Kubernetes API."""
