"""The command line: one file a verb, loaded only when it is called, so that `--help` and the daemon stay small."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

import click

from detector.errors import BadInput, StoreUnavailable, TrimwatchError

COMMANDS = {
    "run": ("detector.cli.run:run", "Follow the sources of a settings file and tell the receivers."),
    "replay": ("detector.cli.replay:replay", "Look through past logs; never pages anyone."),
    "verdict": ("detector.cli.verdict:verdict", "Judge signals before and after a change: pass, fail, inconclusive."),
    "baseline": ("detector.cli.baseline:baseline", "Keep how a service was before a change; list, show, export, import."),
    "change": ("detector.cli.change:change", "Say that a service was trimmed or released; list and show changes."),
    "check": ("detector.cli.check:check", "List every fault of settings and rules; with --connect, also ask whom they name."),
    "rules": ("detector.cli.rules:rules", "Test, lint, explain and measure rules."),
    "schema": ("detector.cli.schema:schema", "Print the JSON Schema of settings, of rules, or of what is written."),
    "demo": ("detector.cli.demo:demo", "Play the recording of a trimmed service and find what it misses."),
    "version": ("detector.cli.version:version", "Say which release this is."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are named, not before."""

    def invoke(self, context: click.Context) -> Any:
        """A file that people wrote and that is wrong ends any command in the same way: its faults, exit status 2."""
        try:
            return super().invoke(context)
        except BadInput as bad:
            click.echo(str(bad), err=True)
            context.exit(2)
        except StoreUnavailable as problem:  # a disk that is full may have room again: whoever supervises us should try again
            click.echo(f"trimwatch: {problem}", err=True)
            context.exit(1)
        except TrimwatchError as problem:
            click.echo(f"trimwatch: {problem}", err=True)
            context.exit(2)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        close = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and close:
            context.fail(f"No such command {args[0]!r}; did you mean {close[0]!r}?")
        return super().resolve_command(context, args)

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
