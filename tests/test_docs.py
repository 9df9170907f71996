"""What README and tutorial tell people to type exists."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from obriy.cli.commands import app
from obriy.methods.clustering.spec import parse_spec
from obriy.methods.expression import parse_method
from obriy.methods.ice.spec import ICE_METHODS

ROOT = Path(__file__).parents[1]
GUIDES = [
    ROOT / "README.md",
    ROOT / "docs" / "tutorial.md",
    ROOT / "docs" / "landcover.md",
    ROOT / "docs" / "ice.md",
    ROOT / "docs" / "measure.md",
]
PAGES = [*GUIDES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "design").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def blocks(page: Path, language: str) -> list[str]:
    found = BLOCK.findall(page.read_text("utf-8"))
    return [text for marked, text in found if marked == language]


def command_lines(page: Path) -> list[list[str]]:
    """Return the words of each line in a plain block that starts with `obriy`."""
    lines = [line.split("  #")[0] for text in blocks(page, "") for line in text.splitlines()]
    words = [shlex.split(line) for line in lines if re.match(r"(\S*/)?obriy ", line)]
    return [line[1:] for line in words]


COMMANDS = [(page.name, words) for page in GUIDES for words in command_lines(page)]
SNIPPETS = [(page.name, text) for page in GUIDES for text in blocks(page, "python")]


def test_there_is_something_to_check() -> None:
    names = {page.name for page in GUIDES}
    assert {name for name, _ in COMMANDS} == names
    assert {name for name, _ in SNIPPETS} == names


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=lambda v: v if isinstance(v, str) else "")
def test_commands_parse(page: str, words: list[str]) -> None:
    command, left = typer.main.get_command(app), list(words)
    while hasattr(command, "commands"):
        command = command.commands[left.pop(0)]
    context = command.make_context(command.name, left)  # raises on what does not exist
    if "--method" in words:
        method = words[words.index("--method") + 1]
        if "ice" in words[:2]:
            assert ":" in method or ICE_METHODS.get(method)
        else:
            parse = parse_spec if "landcover" in words else parse_method
            assert method.startswith("student:") or parse(method)
    assert context.params is not None


def test_a_wrong_option_would_be_found() -> None:
    command = typer.main.get_command(app).commands["water"]
    with pytest.raises(Exception, match="--sensr"):
        command.make_context("water", ["scene.tif", "--sensr", "hls"])


@pytest.mark.parametrize(("page", "text"), SNIPPETS, ids=lambda v: v if v.endswith(".md") else "")
def test_python_compiles(page: str, text: str) -> None:
    ast.parse(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_tree_of_contributing_names_every_room():
    (tree,) = [t for t in blocks(ROOT / "CONTRIBUTING.md", "") if t.startswith("src/obriy")]
    named, above = set(), []
    for line in tree.splitlines()[1:]:
        match = re.match(r"(?P<bars>[│ ]*)[├└]── (?P<name>\w+) +\w", line)
        if match:
            above[len(match["bars"]) // 4 :] = [match["name"]]
            named.add("/".join(above))
    house = ROOT / "src" / "obriy"
    files = [file.relative_to(house).parent.as_posix() for file in house.rglob("*.*")]
    assert named == {room for room in files if room != "." and "__pycache__" not in room}
