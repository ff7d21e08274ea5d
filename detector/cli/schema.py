"""`trimwatch schema`: what editors need for settings and rules, and readers of a topic for what is written there."""

from __future__ import annotations

import json

import click

from detector.core.ruleset.load import rule_schema
from detector.interface_schema import SCHEMAS
from detector.settings import settings_schema

EXAMPLES = """
\b
Examples:
  trimwatch schema > trimwatch.schema.json
  trimwatch schema rules > rule.schema.json
  trimwatch schema incident                          # what the sinks kafka, webhook and stdout write
\b
Then begin a file of settings with: # yaml-language-server: $schema=trimwatch.schema.json
"""


@click.command(epilog=EXAMPLES)
@click.argument("what", type=click.Choice(["settings", "rules", *SCHEMAS]), default="settings")
def schema(what: str) -> None:
    """Prints the JSON Schema of a settings file, of a rule, or of an incident, finding or verdict as it is written."""
    made = _MADE[what]()
    click.echo(json.dumps(made, indent=2, ensure_ascii=False))


_MADE = {"settings": settings_schema, "rules": rule_schema, **SCHEMAS}
