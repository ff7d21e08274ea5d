"""Lines of a UTF-16 file, as Windows services write them. A newline byte cuts inside its two-byte character: each line is read
alone."""

from __future__ import annotations


def plain(line: bytes) -> bytes:
    """UTF-8 of a line that is UTF-16 by its zeros; any other line that holds zero bytes comes back as it is."""
    zeros = line.count(b"\0")
    if zeros * 3 < len(line) or len(line) < 4:
        return line
    body = line.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    little = body.removeprefix(b"\0")  # the second half of the newline before
    is_little = little[1::2].count(b"\0") >= little[0::2].count(b"\0")
    body, codec = (little, "utf-16-le") if is_little else (body if len(body) % 2 == 0 else body[:-1], "utf-16-be")
    return body.decode(codec, "replace").rstrip("\r\0").encode("utf-8", "replace")
