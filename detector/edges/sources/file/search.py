"""Looks for files: those that the globs match, and what became of one that is no longer at its path. Blocks; runs in a thread."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from detector.edges.sources.file.identity import Content, Identity, digest, head_of, head_of_gzip, is_gzip_of

STILL_NS = 1_000_000_000  # a folder whose time of change is younger may change again without its time moving on
LOOKS = 8
_MAGIC = re.compile(r"[*?[]")
_BEHIND = re.compile(r"(?:[-._~][-._~:+\dTZ]*|[-._](?:old|bak|prev))(?:\.(?:gz|bak|old))?")
_DATED = re.compile(r"[-._]\d{4}[-._]?\d\d[-._:+\dTZ]*?(?P<suffix>\.[^.\d][^.]*)?(?P<number>\.\d+)?(?:\.gz)?")


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file as it was when we looked."""

    path: str
    identity: Identity
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class _Folder:
    modified_ns: int
    is_still: bool
    folders: tuple[str, ...]
    files: tuple[str, ...]
    links: frozenset[str]


class Finder:
    """Finds the files that the globs match. A folder that has not changed since the last time costs one stat."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(os.path.abspath(pattern) for pattern in patterns)
        self._folders: dict[str, _Folder] = {}
        self._seen: dict[str, tuple[_Folder, bool]] = {}
        self.closed_folders: dict[str, str] = {}  # those we may not list, and why

    def matches(self, path: str) -> bool:
        """Whether some glob means this path."""
        return any(_does_match(path.split("/"), pattern.split("/")) for pattern in self._patterns)

    def find(self, known: Collection[str], again: Collection[str]) -> list[Found]:
        """Regular files at paths that are not `known`, in the order of their time of change; in folders that did not change
        only those of `again`."""
        self._seen, self.closed_folders = {}, {}
        paths = dict.fromkeys(path for pattern in self._patterns for path in self._paths(pattern, again) if path not in known)
        self._folders = {folder: listing for folder, (listing, _) in self._seen.items()}
        return sorted(look_at_all(paths), key=lambda found: (found.modified_ns, found.path))

    def _paths(self, pattern: str, again: Collection[str]) -> Iterator[str]:
        if not _MAGIC.search(pattern):
            return iter([pattern])
        parts = pattern.split("/")
        fixed = next(i for i, part in enumerate(parts) if _MAGIC.search(part))
        return self._walk("/".join(parts[:fixed]) or "/", parts[fixed:], again)

    def _walk(self, folder: str, parts: list[str], again: Collection[str]) -> Iterator[str]:
        listing, did_change = self._list(folder)
        part, rest = parts[0], parts[1:]
        if part == "**":
            yield from self._walk(folder, rest or ["*"], again)
            for name in listing.folders:
                if name not in listing.links:  # a link may lead back up
                    yield from self._walk(os.path.join(folder, name), parts, again)
        elif rest:
            for name in _matching(listing.folders, part):
                yield from self._walk(os.path.join(folder, name), rest, again)
        else:
            some = {*listing.links, *(os.path.basename(path) for path in again if os.path.dirname(path) == folder)}
            for name in _matching(listing.files if did_change else some.intersection(listing.files), part):
                yield os.path.join(folder, name)

    def _list(self, folder: str) -> tuple[_Folder, bool]:
        """The folder's names, and whether they may differ from the last time."""
        if folder not in self._seen:
            self._seen[folder] = self._list_anew(folder)
        return self._seen[folder]

    def _list_anew(self, folder: str) -> tuple[_Folder, bool]:
        before = self._folders.get(folder)
        try:
            modified_ns = os.stat(folder).st_mtime_ns
            if before is not None and before.is_still and before.modified_ns == modified_ns:
                return before, False
            return _read_folder(folder, modified_ns), True
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                self.closed_folders[folder] = error.strerror or "cannot be listed"
            return _Folder(0, False, (), (), frozenset()), True


def look_at(path: str) -> Found | None:
    """The regular file at `path`, through links; None if there is none or we may not look."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Found(path, (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns)


def look_at_all(paths: Iterable[str]) -> list[Found]:
    return [found for path in paths if (found := look_at(path)) is not None]


def siblings(path: str) -> list[Found]:
    """The other regular files in the folder in which the file at `path` lies, or lay; a link is followed. Looked at until two
    looks agree: a rotation may be renaming them right now."""
    folder, own = os.path.split(os.path.realpath(path))
    now: list[Found] = []
    for _ in range(LOOKS):
        before = now
        now = look_at_all(os.path.join(folder, name) for name in _names(folder) if name != own)
        if [(one.path, one.identity) for one in now] == [(one.path, one.identity) for one in before]:
            break
    return now


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def is_rotated_name(name: str, of: str) -> bool:
    """Whether `name` is what some rotation would call a file that was called `of`: app.log.1, app.log-20240514, app.log.1.gz,
    app-2024-05-14.0.log. A number alone before the suffix is no sign of it: app-2.log may be another instance's."""
    if name.startswith(of):
        return _BEHIND.fullmatch(name, len(of)) is not None
    stem, suffix = os.path.splitext(of)
    parts = _DATED.fullmatch(name, len(stem)) if name.startswith(stem) else None
    return parts is not None and suffix in (parts["suffix"] or "", (parts["suffix"] or "") + (parts["number"] or ""))


def originals(path: str) -> Iterator[str]:
    """Paths whose rotated name `path` may be."""
    folder, name = os.path.split(path)
    suffix = os.path.splitext(re.sub(r"(?:\.\d+)?(?:\.gz)?$", "", name))[1]
    for boundary in re.finditer(r"[-._~]", name):
        begin = name[: boundary.start()]
        for original in dict.fromkeys((begin, begin + suffix)):
            if begin and is_rotated_name(name, original):
                yield os.path.join(folder, original)


def find_moved(path: str, identity: Identity, content: Content) -> Found | None:
    """The file itself, under another name in its folder."""

    def look() -> Found | None:
        moved = (found for found in siblings(path) if found.identity == identity)
        return next((found for found in moved if holds(found.path, content)), None)

    return _steadily(path, look)


def find_copy(path: str, content: Content) -> Found | None:
    """A file under a rotated name that holds the same content, plain or packed; the plain one first."""
    if not content.end:
        return None

    def look() -> Found | None:
        rotated = rotated_siblings(path)
        plain = (found for found in rotated if found.size >= content.end and holds(found.path, content))
        packed = (found for found in rotated if is_packed(found.path) and is_gzip_of(found.path, content))
        return next(plain, None) or next(packed, None)

    return _steadily(path, look)


def _steadily(path: str, look: Callable[[], Found | None]) -> Found | None:
    """A rotation that is under way moves names while we read them: what was not found is looked for again until its folder has
    kept still, a few times at most."""
    folder = os.path.dirname(os.path.realpath(path))
    found = None
    for _ in range(LOOKS):
        before = _entries(folder)
        found = look()
        if found is not None or _entries(folder) == before:
            break
    return found


def _entries(folder: str) -> set[tuple[str, int]]:
    try:
        with os.scandir(folder) as entries:
            return {(entry.name, entry.inode()) for entry in entries}
    except OSError:
        return set()


def find_unseen(path: str, since_ns: int, known: Collection[Identity], contents: Collection[Content]) -> list[Found]:
    """Files under rotated names of `path` that were written since then and that nobody knows, the oldest first: they were
    created and rotated between two looks. What begins like one of `contents` is a copy of it, plain or packed, and left out."""
    rotated = rotated_siblings(path) if since_ns else []  # nothing is known: they may be from long before us
    paths = {found.path for found in rotated}
    unseen = [
        found
        for found in rotated
        if found.modified_ns >= since_ns and found.size and found.identity not in known
        if not (is_packed(found.path) and found.path.removesuffix(".gz") in paths)  # is being packed: the plain one is whole
        if not begins_like(found.path, contents)
    ]
    return sorted(unseen, key=lambda found: found.modified_ns)


def rotated_siblings(path: str) -> list[Found]:
    """Those under rotated names; `path` may be a rotated name itself."""
    own = os.path.realpath(path)
    names = [os.path.basename(name) for name in (own, *originals(own))]
    return [one for one in siblings(path) if any(is_rotated_name(os.path.basename(one.path), of) for of in names)]


def is_packed(path: str) -> bool:
    """A live source reads gzip only under its usual name, where a rotation has put it."""
    return path.endswith(".gz")


def begins_like(path: str, contents: Collection[Content]) -> bool:
    """Whether the file's head is that of one of `contents`, plain or packed. Also true for a file without readable beginning:
    there is nothing in it yet, or it is no gzip."""
    head = head_of_gzip(path) if is_packed(path) else head_of(path)
    return not head or any(0 < c.head.end <= len(head) and digest(head[: c.head.end]) == c.head.digest for c in contents)


def holds(path: str, content: Content) -> bool:
    """Whether the file begins with what was given out of another."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return content.is_in(fd)
    except OSError:
        return False
    finally:
        os.close(fd)


def _read_folder(folder: str, modified_ns: int) -> _Folder:
    folders: list[str] = []
    files: list[str] = []
    links: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            is_link = entry.is_symlink()
            (folders if _is_folder(entry, is_link) else files).append(entry.name)
            if is_link:
                links.append(entry.name)
    is_still = 0 <= modified_ns < time.time_ns() - STILL_NS
    return _Folder(modified_ns, is_still, tuple(folders), tuple(files), frozenset(links))


def _is_folder(entry: os.DirEntry[str], is_link: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=is_link)
    except OSError:
        return False


def _matching(names: Iterable[str], part: str) -> Iterator[str]:
    """As a shell does: a hidden file needs a pattern that begins with a dot."""
    match = re.compile(fnmatch.translate(part)).match
    return (name for name in names if (name[0] != "." or part[0] == ".") and match(name))


def _does_match(names: list[str], parts: list[str]) -> bool:
    if not parts or not names:
        return not parts and not names
    if parts[0] == "**":
        return _does_match(names, parts[1:] or ["*"]) or (len(names) > 1 and _does_match(names[1:], parts))
    is_same = names[0] == parts[0] or (names[0] != "" and any(_matching((names[0],), parts[0])))
    return is_same and _does_match(names[1:], parts[1:])
