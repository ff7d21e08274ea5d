"""`trimwatch run`: the daemon."""

from __future__ import annotations

import os

import click

from detector.app import Origin
from detector.app import run as run_daemon

EXAMPLES = """
\b
Examples:
  trimwatch run --config settings.yaml
  my-service 2>&1 | trimwatch run                    # standard input, alerts as JSON on standard output
  TRIMWATCH_STORE_PATH=/data trimwatch run --config settings.yaml
\b
Signals: SIGTERM and SIGINT stop after what was read is written down, SIGHUP reads settings and rules again.
Exit status: 0 stopped, 1 it could not go on (the log says why), 2 settings, rules, store or address are wrong.
"""


@click.command(epilog=EXAMPLES)
@click.option("--config", "path", metavar="FILE", help="The settings; without them standard input is read.")
def run(path: str | None) -> None:
    """Follows the sources of a settings file, names what trimming broke, and tells the receivers until it is stopped."""
    run_daemon(Origin(path, os.environ))
