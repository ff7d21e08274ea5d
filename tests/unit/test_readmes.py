"""The READMEs are short, lead somewhere, and leave out no command and no sink."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from detector.cli import COMMANDS
from detector.core.ruleset.load import rule_schema
from detector.edges.sinks import SINKS

ROOT = Path(__file__).parents[2]
FOLDERS = ("detector", "rules", "tests", "deploy", "models")
PAGES = [
    ROOT / "README.md",
    *(ROOT / folder / "README.md" for folder in FOLDERS if folder != "deploy"),
    *sorted((ROOT / "deploy").rglob("*.md")),
]

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


@every_page
def test_a_page_is_at_most_a_page(page: Path) -> None:
    """About eighty lines."""
    assert 3 < len(page.read_text().splitlines()) <= 80


@every_page
def test_every_link_leads_to_a_file(page: Path) -> None:
    """Links inside the repository."""
    links = [link for link in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_names_every_command_and_every_sink() -> None:
    """What is missing there cannot be found."""
    text = PAGES[0].read_text()
    (listed,) = re.findall(r"lists the commands \(([\w, ]+)\)", text)
    assert listed.split(", ") == list(COMMANDS)
    assert {sink for sink in SINKS if f"| `{sink}`" not in text} == set()


@pytest.mark.parametrize("folder", ["detector", "tests", "deploy"])
def test_a_folders_readme_names_what_lies_in_it(folder: str) -> None:
    """Every folder, in backticks."""
    text = (ROOT / folder / "README.md").read_text()
    there = {path.name for path in (ROOT / folder).iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}
    assert {name for name in there if not re.search(rf"`{name}[/`]", text)} == set()


def test_the_rules_readme_documents_every_field_of_a_rule() -> None:
    """What the schema knows, the page tells."""
    text = (ROOT / "rules" / "README.md").read_text()
    fields = set(rule_schema()["properties"])
    assert {field for field in fields if not re.search(rf"\b{field}\b", text)} == set()
