"""`trimwatch version`."""

from __future__ import annotations

import platform
from importlib.metadata import version as release

import click

EXAMPLES = """
\b
Examples:
  trimwatch version
"""


@click.command(epilog=EXAMPLES)
def version() -> None:
    """Say which release this is, and what it runs on."""
    click.echo(f"trimwatch {release('trimwatch')} (Python {platform.python_version()}, {platform.machine()})")
