"""`trimwatch change`: says that a service was trimmed or released, and what to go back to."""

from __future__ import annotations

import getpass
import json
from typing import Any

import click

from detector.cli.store_options import moment, now_ms, opened, store_options
from detector.core.signals.changes import MOST_MANIFEST_BYTES, read_manifest
from detector.edges.store.changes import Changes
from detector.errors import NoSuchInput
from detector.interface import change_object, rfc3339
from detector.records import Change, Manifest, Stage

EXAMPLES = """
\b
Examples:
  trimwatch change add --service shop --stage dependency --release-before 1.4.0 --release-after 1.4.1
  trimwatch change add --service shop --before shop:1.4.0 --after shop:1.4.1 --at 2026-11-25T02:00:00Z
  trimwatch change list --service shop
  trimwatch change show shop-20261125-0200 --json
"""
ADD_EXAMPLES = """
\b
Examples:
  trimwatch change add --service shop --stage dependency --before shop:1.4.0 --after shop:1.4.1
  trimwatch change add --service shop --at 10m --manifest trim.jsonl --note "no Hibernate Validator any more"
  trimwatch change add --service shop --config settings.yaml --json    # in a pipeline, beside a running daemon
\b
--before and --after also say the releases, where --release-before and --release-after do not. A manifest has one JSON object a
line, as `trimwatch manifest diff --json` writes it.
Exit status: 0 it is written down, 1 the store cannot be written now, 2 something is wrong.
"""
SHOW_EXAMPLES = """
\b
Examples:
  trimwatch change list --limit 5
  trimwatch change list --service shop --json        # one JSON object a line
  trimwatch change show shop-20261125-0200
"""


@click.group(epilog=EXAMPLES)
def change() -> None:
    """Writes down changes of services, and shows them."""


@change.command(epilog=ADD_EXAMPLES)
@click.option("--service", required=True, help="What was changed.")
@click.option("--at", "at", metavar="TIME", default="now", show_default=True, help="When: 2026-11-25T02:00:00Z, or 10m (ago).")
@click.option("--stage", type=click.Choice([stage.value for stage in Stage]), default="none", help="Which kind of trim it was.")
@click.option("--before", "image_before", metavar="IMAGE", default="", help="The image that ran before.")
@click.option("--after", "image_after", metavar="IMAGE", default="", help="The image that runs since.")
@click.option("--release-before", metavar="RELEASE", default="", help="What to go back to.")
@click.option("--release-after", metavar="RELEASE", default="", help="What runs since.")
@click.option("--manifest", "manifest", metavar="FILE", help="What the trim took away; `-` for standard input.")
@click.option("--rollback", "is_rollback", is_flag=True, help="It goes back to what was there before.")
@click.option("--note", default="", help="A word for people.")
@click.option("--json", "as_json", is_flag=True, help="The change as one JSON object.")
@store_options
def add(
    service: str,
    at: str,
    manifest: str | None,
    is_rollback: bool,
    as_json: bool,
    config: str | None,
    store: str | None,
    **said: Any,
) -> None:
    """Writes a change down, in the store of a daemon that runs or is stopped."""
    if not service.strip() or len(service) > 253:
        raise click.UsageError("--service is a name of 1 to 253 characters")
    if long := [name for name, text in said.items() if text and len(text) > 4_096]:
        raise click.UsageError(f"--{long[0].replace('_', '-')} has more than 4,096 characters")
    at_ms, now = moment("--at", at), now_ms()
    assert at_ms is not None
    if at_ms > now + 86_400_000 or at_ms < 0:
        raise click.UsageError(f"--at {at} is more than a day ahead, or before 1970")
    made = Change(
        "",
        service.strip(),
        at_ms,
        Stage(said["stage"]),
        said["release_before"] or _release(said["image_before"]),
        said["release_after"] or _release(said["image_after"]),
        said["image_before"],
        said["image_after"],
        None if manifest is None else _manifest(manifest),
        said["note"],
        _who(),
        now,
        is_rollback,
    )
    beside = opened(config, store, is_made=True)
    try:
        kept = Changes(beside).add(made, made.made_by)
    finally:
        beside.close()
    click.echo(_json(kept) if as_json else f"{kept.id}: written down.")


@change.command("list", epilog=SHOW_EXAMPLES)
@click.option("--service", help="Only its changes.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many, the latest first."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a change.")
@store_options
def list_(service: str | None, limit: int, as_json: bool, config: str | None, store: str | None) -> None:
    """Shows the changes, the latest first."""
    beside = opened(config, store, is_made=False)
    try:
        changes = Changes(beside).latest(service, limit)
    finally:
        beside.close()
    for each in changes:
        click.echo(_json(each) if as_json else _line(each))
    if not changes and not as_json:
        click.echo(f"No change{f' of {service}' if service else ''} is written down.")


@change.command(epilog=SHOW_EXAMPLES)
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@store_options
def show(id_: str, as_json: bool, config: str | None, store: str | None) -> None:
    """Shows one change and what its manifest lists."""
    beside = opened(config, store, is_made=False)
    try:
        found = Changes(beside).get(id_)
        near = [] if found else [each.id for each in Changes(beside).latest(limit=5)]
    finally:
        beside.close()
    if found is None:
        raise NoSuchInput(f"there is no change {id_!r}; the latest are: {', '.join(near) or 'none'}")
    if as_json:
        click.echo(_json(found, is_whole=True))
        return
    for name, value in _fields(found, is_whole=False).items():
        if value not in ("", None, False) and name != "kind":
            click.echo(f"{name.replace('_', ' '):15} {_shown(value)}")


def _manifest(path: str) -> Manifest:
    try:
        with click.open_file(path, "rb") as file:
            text = file.read(MOST_MANIFEST_BYTES + 1).decode("utf-8")
        return read_manifest(path, text)
    except OSError as error:
        raise NoSuchInput(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NoSuchInput(f"{path}: this is no UTF-8 text") from None
    except ValueError as error:
        raise NoSuchInput(str(error)) from None


def _release(image: str) -> str:
    """The tag of an image, else the image."""
    name = image.partition("@")[0]
    tag = name.rpartition(":")[2]
    return tag if ":" in name and "/" not in tag else image


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "someone"


def _fields(change: Change, *, is_whole: bool) -> dict[str, object]:
    fields: dict[str, object] = dict(change_object(change))
    manifest, about = change.manifest, fields["manifest"]
    if isinstance(about, dict) and manifest is not None and is_whole:
        about["lines"] = [json.loads(line) for line in manifest.text.splitlines() if line.strip()]
    return fields


def _json(change: Change, *, is_whole: bool = False) -> str:
    return json.dumps(_fields(change, is_whole=is_whole), ensure_ascii=False)


def _line(change: Change) -> str:
    releases = " -> ".join(filter(None, (change.release_before, change.release_after)))
    marks = ["rollback" if change.is_rollback else "", f"{change.manifest.items} items" if change.manifest else "", change.note]
    words = "  ".join(filter(None, (change.service, change.stage.value, releases, *marks)))
    return f"{rfc3339(change.at_ms)}  {change.id}  {words}"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return f"{value['name']} ({value['items']} items, sha256 {str(value['sha256'])[:12]})"
    return "yes" if value is True else str(value)
