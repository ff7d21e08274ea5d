"""The command line: one file a verb, loaded only when it is called, so that `--help` and the daemon stay small."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "run": ("detector.cli.run:run", "Follow the sources of a settings file and tell the receivers."),
    "replay": ("detector.cli.replay:replay", "Look through past logs; never pages anyone."),
    "check": ("detector.cli.check:check", "List every fault of settings and rules; touches no network."),
    "rules": ("detector.cli.rules:rules", "Test, lint, explain and measure rules."),
    "schema": ("detector.cli.schema:schema", "Print the JSON Schema of settings or rules, so that editors complete."),
    "demo": ("detector.cli.demo:demo", "Play the recording of a trimmed service and find what it misses."),
    "version": ("detector.cli.version:version", "Say which release this is."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are named, not before."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands from the table alone: `--help` must not import seven modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Names what trimming an application broke.

    \b
    Examples:
      kubectl logs --previous pod | trimwatch replay -
      trimwatch run --config settings.yaml
      trimwatch rules test
    """
