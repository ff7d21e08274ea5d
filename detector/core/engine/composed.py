"""Whether a JSON line may say, once decoded, what its bytes nowhere say in one piece.

Templates are filled in, an error's type and message come from two fields, stacks from lists, colours are taken out. Of any other
line the text is one string of the record: what rules may find in it, a scan of the raw line has marked.
"""

from __future__ import annotations

import re

from detector.core.decode.logs.error_text import FIELDS
from detector.core.engine.regexes import Regex

_QUOTE = r"\\{0,3}\""  # as JSON nested up to twice prints it
_FIELD = "|".join(sorted(map(re.escape, (*FIELDS, "@mt", "MessageTemplate"))))
_COMPOSED = Regex(
    rf"\"(?:{_FIELD}){_QUOTE}\s*:"
    rf"|\"(?:message|msg|body|MESSAGE){_QUOTE}\s*:\s*[\[{{]"
    r"|\\u001[bB]|\x1b"
)


def may_be_composed(line: bytes) -> bool:
    """A key that is written with escapes for its letters is not recognised."""
    return _COMPOSED.search(line, 0, 0) is not None
