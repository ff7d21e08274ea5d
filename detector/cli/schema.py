"""`trimwatch schema`: what editors need to complete and explain settings and rules."""

from __future__ import annotations

import json

import click

from detector.core.ruleset.load import rule_schema
from detector.settings import settings_schema

EXAMPLES = """
\b
Examples:
  trimwatch schema > trimwatch.schema.json
  trimwatch schema rules > rule.schema.json
\b
Then begin the file with: # yaml-language-server: $schema=trimwatch.schema.json
"""


@click.command(epilog=EXAMPLES)
@click.argument("what", type=click.Choice(["settings", "rules"]), default="settings")
def schema(what: str) -> None:
    """Prints the JSON Schema of a settings file, or of a rule."""
    made = settings_schema() if what == "settings" else rule_schema()
    click.echo(json.dumps(made, indent=2, ensure_ascii=False))
