"""The files we know: by identity, by the path they are followed as, and what is remembered of a path whose file has left it."""

from __future__ import annotations

from collections.abc import Iterable

from detector.edges.sources.file.identity import Content, Identity
from detector.edges.sources.file.search import Found, begins_like, originals
from detector.edges.sources.file.tail import Tail

REMEMBERED_S = 60.0  # a path that was left is looked at in every scan for so long, whether or not its folder has changed


class Register:
    """`tails` holds what is read, waits, or is finished but still has a name."""

    def __init__(self, quiet_s: float) -> None:
        self.tails: dict[Identity, Tail] = {}
        self.by_path: dict[str, Tail] = {}
        self.rotated: dict[str, Tail] = {}  # by name: what was rotated last and is not finished
        self.left: dict[str, tuple[float, Content]] = {}  # by name: until when it is remembered, and what was there
        self._quiet_s = quiet_s
        self._held: dict[str, float] = {}  # files that may be a copy in the making, and until when we wait to see

    def add(self, tail: Tail) -> None:
        self.tails[tail.identity] = tail
        self._held.pop(tail.path or "", None)
        tail.after = self.rotated.get(tail.name)
        if not tail.is_rotated:
            self.left.pop(tail.name, None)
            self.by_path[tail.name] = tail
        elif not tail.is_finished:
            self.rotated[tail.name] = tail

    def forget(self, tail: Tail) -> None:
        self.finished(tail)
        if self.tails.get(tail.identity) is tail:
            del self.tails[tail.identity]

    def finished(self, tail: Tail) -> None:
        if self.rotated.get(tail.name) is tail:
            del self.rotated[tail.name]

    def leaves_its_path(self, tail: Tail, content: Content, now_s: float) -> None:
        if self.by_path.get(tail.name) is tail:
            del self.by_path[tail.name]
        self.left[tail.name] = (now_s + REMEMBERED_S, content)

    def comes_back(self, tail: Tail) -> None:
        """It is where it was followed again."""
        self.finished(tail)
        tail.is_rotated = tail.is_finished = False
        self.by_path[tail.name] = tail

    def paths_to_look_at(self, now_s: float) -> set[str]:
        """Those for which a scan must not trust that their folder has not changed."""
        self.left = {path: left for path, left in self.left.items() if left[0] > now_s}
        return {*self.left, *self._held}

    def buried(self, found: Iterable[Found]) -> list[Tail]:
        """Files that have no name and are not open are no more when their inode is another file's now."""
        known = [tail for one in found if (tail := self.tails.get(one.identity)) is not None]
        return [tail for tail in known if tail.path is None and tail.fd is None]

    def may_be_a_copy(self, found: Found, now_s: float) -> bool:
        """copytruncate copies first and truncates then. A new file that begins like one we follow waits for that a while."""
        until_s = self._held.get(found.path, now_s + self._quiet_s)
        followed = [tail.content for path in originals(found.path) if (tail := self.by_path.get(path)) is not None]
        if until_s < now_s or not any(content.end for content in followed) or not begins_like(found.path, followed):
            self._held.pop(found.path, None)
            return False
        self._held[found.path] = until_s
        return True
