"""After a restart: which file is which stream of the last checkpoint, and what happened to those that are not where they were.

Blocks; runs in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from detector.edges.sources.base import Resume
from detector.edges.sources.file.identity import NOTHING, Content, Identity, Token, token_of
from detector.edges.sources.file.search import Finder, Found, find_copy, find_moved, find_unseen, holds, originals

TRUNCATED = "truncated"
ROTATED_AWAY = "rotated_away"


@dataclass(frozen=True, slots=True)
class Left:
    """A stream as the last checkpoint left it."""

    key: str
    identity: Identity
    offset: int
    token: Token


@dataclass(frozen=True, slots=True)
class Start:
    """A file to read, and from where. `key` is the stream it goes on with; None: a stream of its own. `lost` is why the stream
    ends instead. `is_new`: never seen and nothing that was rotated, so the settings say where to begin."""

    name: str
    found: Found | None
    key: str | None = None
    offset: int = 0
    content: Content = NOTHING
    is_rotated: bool = False
    is_finished: bool = False
    is_new: bool = False
    lost: str = ""


def left_by(resume: Mapping[str, Resume], finder: Finder) -> list[Left]:
    """The streams of the last checkpoint that the globs of this source mean."""
    left = []
    for key, position in resume.items():
        token = token_of(position.token)
        if token is not None and (not token.path or finder.matches(token.path)):
            device, inode, _ = key.split(":", 2)
            left.append(Left(key, (int(device, 16), int(inode, 16)), position.offset, token))
    return sorted(left, key=lambda one: one.offset, reverse=True)  # of two on one inode the longer content is tried first


def plan(found: list[Found], left: list[Left]) -> tuple[list[Start], list[Left]]:
    """What to read, in this order: what was rotated away first, then what is at its path. Also returns the streams about which
    nothing can be said yet because their folder cannot be looked into."""
    here = _still_here(found, left)
    here += _finished_elsewhere(found, left, here)
    claimed = {start.found.identity for start in here if start.found}
    names = {start.key for start in here}
    gone = [one for one in left if one.key not in names and not one.token.is_finished and one.token.path]
    waiting = [one for one in gone if not os.path.isdir(os.path.dirname(os.path.realpath(one.token.path)))]
    moved = [_gone(one, found) for one in gone if one not in waiting]
    claimed |= {start.found.identity for start in moved if start.found}
    followed = {one.token.path for one in left}
    new = [Start(f.path, f, is_new=f.path not in followed) for f in found if f.identity not in claimed]
    rotated = {one.name for one in (*moved, *here) if one.lost or (one.is_rotated and not one.is_finished)}
    rotated |= {one.name for one in new if not one.is_new}
    between = _unseen_while_down(left, rotated, claimed | {f.identity for f in found})
    return [*moved, *between, *here, *new], waiting


def rotated_from(start: Start, followed: Collection[str]) -> Start:
    """A file that a glob matches under a rotated name of another one belongs to that one: it will not be written any more."""
    if start.found is None or start.is_rotated:
        return start
    name = next((path for path in originals(start.found.path) if path in followed), None)
    return start if name is None else replace(start, name=name, is_rotated=True)


def _still_here(found: Iterable[Found], left: Iterable[Left]) -> list[Start]:
    """Files that hold what was given out of a stream: by inode, or else at the same path (a device can change its number)."""
    by_identity: dict[Identity, list[Left]] = {}
    by_path: dict[str, list[Left]] = {}
    for one in left:
        by_identity.setdefault(one.identity, []).append(one)
        by_path.setdefault(one.token.path, []).append(one)
    starts: dict[str, Start] = {}
    for file in found:
        candidates = by_identity.get(file.identity, []) + [one for one in by_path.get(file.path, []) if one.token.content.end]
        it = next((one for one in candidates if one.key not in starts and _is_it(one, file)), None)
        if it is not None:
            starts[it.key] = _go_on(it, file, it.token.path not in ("", file.path))
    return list(starts.values())


def _finished_elsewhere(found: Iterable[Found], left: Iterable[Left], here: Iterable[Start]) -> list[Start]:
    """Files that were read to their end and are being renamed while we look: at their path is another one now."""
    known = {start.key for start in here}
    identities = {file.identity for file in found} - {start.found.identity for start in here if start.found}
    finished = [one for one in left if one.token.is_finished and one.identity in identities and one.key not in known]
    moved = [(one, find_moved(one.token.path, one.identity, one.token.content)) for one in finished]
    return [_go_on(one, file, True) for one, file in moved if file is not None]


def _is_it(one: Left, file: Found) -> bool:
    return file.size >= one.offset and holds(file.path, one.token.content)


def _go_on(one: Left, file: Found, is_rotated: bool) -> Start:
    name = one.token.path or file.path
    return Start(name, file, one.key, one.offset, one.token.content, is_rotated, one.token.is_finished)


def _gone(one: Left, found: Iterable[Found]) -> Start:
    """What became of a file that is not at its path any more."""
    path, content = one.token.path, one.token.content
    if moved := find_moved(path, one.identity, content) or find_copy(path, content):
        return _go_on(one, moved, True)
    is_same_inode = any(file.identity == one.identity for file in found)
    return Start(path, None, one.key, one.offset, content, lost=TRUNCATED if is_same_inode else ROTATED_AWAY)


def _unseen_while_down(left: Iterable[Left], rotated: Collection[str], known: Collection[Identity]) -> list[Start]:
    """Files that were created and rotated while nobody looked."""
    starts = []
    for path in sorted(rotated):
        contents = [one.token.content for one in left if one.token.path == path]
        since_ns = max(content.modified_ns for content in contents)
        starts += [Start(path, file, is_rotated=True) for file in find_unseen(path, since_ns, known, contents)]
    return starts
