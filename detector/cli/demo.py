"""`trimwatch demo`: the main job in a minute."""

from __future__ import annotations

import sys

import click
from rich.console import Console

from detector.demo import DemoFailed
from detector.demo import demo as play_demo

EXAMPLES = """
\b
Examples:
  trimwatch demo
"""


@click.command(epilog=EXAMPLES)
def demo() -> None:
    """Plays the recording of a trimmed Spring Boot service into a file that `trimwatch run` follows, and shows what it finds and
    whom it tells. Needs no server and no network; leaves nothing behind."""
    try:
        play_demo(Console())
    except DemoFailed as problem:
        click.echo(f"trimwatch demo: {problem}", err=True)
        sys.exit(1)
