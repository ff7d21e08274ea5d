"""`trimwatch version`."""

from __future__ import annotations

import platform
from importlib.metadata import version as release

import click


@click.command()
def version() -> None:
    """Say which release this is, and what it runs on."""
    click.echo(f"trimwatch {release('trimwatch')} (Python {platform.python_version()}, {platform.machine()})")
