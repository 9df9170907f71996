"""What stands beside the package fits it: the citation, the image for containers, the bounds."""

import ast
import json
import re
import shlex
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import typer.main
import yaml

import obriy
from obriy.cli.commands import app
from obriy.web.guard import is_loopback

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIRED = {"cff-version", "message", "title", "authors"}
"""Keys that the schema of CFF 1.2.0 asks for; those below it knows, too."""
KNOWN = REQUIRED | {
    "abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license",
    "license-url", "preferred-citation", "references", "repository", "repository-artifact",
    "repository-code", "type", "url", "version",
}  # fmt: skip
COMES_WITH = {
    "pydantic_core": "pydantic", "urllib3": "requests", "starlette": "nicegui",
    "fastapi": "nicegui", "uvicorn": "nicegui", "ipywidgets": "ipyleaflet",
    "pydantic_ai": "pydantic-ai-slim", "genai_prices": "pydantic-ai-slim",
    "httpx2": "pydantic-ai-slim", "pyarrow": "stac-geoparquet", "distributed": "dask",
}  # fmt: skip
"""Modules that are part of what is asked for: with it they come, and break with it."""


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each with what it says."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line[:1] != "#"]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


DOCKER = instructions()


def said(word: str) -> list[str]:
    return [rest for instruction, rest in DOCKER if instruction == word]


def test_the_citation_is_one_and_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert set(cited) >= REQUIRED
    assert set(cited) <= KNOWN
    assert cited["cff-version"] == "1.2.0"
    assert cited["type"] in ("software", "dataset")
    assert str(cited["version"]) == obriy.__version__
    assert cited["license"] == PROJECT["license"]
    assert [{"name": one["name"]} for one in cited["authors"]] == PROJECT["authors"]
    assert len(set(cited["keywords"])) == len(cited["keywords"])


def test_the_image_has_a_python_that_is_supported_and_extras_that_exist():
    (base,) = said("FROM")
    least = re.match(r">=(\d+)\.(\d+)$", PROJECT["requires-python"])
    found = re.match(r"python:(\d+)\.(\d+)-slim$", base)
    assert tuple(map(int, found.groups())) >= tuple(map(int, least.groups()))
    (extras,) = said("ARG")
    assert set(extras.removeprefix("EXTRAS=").split(",")) <= set(EXTRAS)
    assert "web" in extras


def test_the_image_is_made_of_files_that_are_sent():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    sources = [name for rest in said("COPY") for name in rest.split()[:-1]]
    assert sources
    assert all((ROOT / name).exists() and f"!{name}" in ignored for name in sources)
    assert {PROJECT["readme"], *PROJECT["license-files"], "pyproject.toml", "src"} == set(sources)


def test_nobody_is_root_where_the_page_is_served_and_strangers_need_the_token():
    words = [instruction for instruction, _ in DOCKER]
    assert words.index("USER") < words.index("CMD")
    (user,) = said("USER")
    assert any(f"useradd --create-home --uid 10001 {user}" in rest for rest in said("RUN"))
    given = json.loads(said("CMD")[0])
    assert json.loads(said("ENTRYPOINT")[0]) == ["obriy"]
    command = typer.main.get_command(app).commands[given[0]]
    options = command.make_context(given[0], given[1:]).params
    assert not is_loopback(options["host"])  # whoever is not on loopback is asked for a token
    assert [str(options["port"])] == said("EXPOSE")
    assert [str(options["folder"])] == said("VOLUME")
    assert "OBRIY_TOKEN" not in str(DOCKER)  # an image keeps no secret


def test_what_the_head_of_the_image_says_to_type_is_right():
    lines = re.findall(r"^#   (docker .*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    build, run = map(shlex.split, lines)
    assert build[build.index("-t") + 1] == run[-1]
    assert run[run.index("-p") + 1] == f"127.0.0.1:{said('EXPOSE')[0]}:{said('EXPOSE')[0]}"
    assert run[run.index("-v") + 1].endswith(f":{said('VOLUME')[0]}")


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_every_dependency_has_a_lowest_version(extra):
    asked = EXTRAS[extra] if extra else PROJECT["dependencies"]
    free = ("types-", "pandas-stubs", "obriy")  # stubs follow what they describe
    bare = [one for one in asked if not name_of(one).startswith(free)]
    assert [one for one in bare if ">=" not in one] == []


def imported() -> dict[str, set[str]]:
    """The packages that our modules import, each with the first room below ours."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / "src" / "obriy").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                found.setdefault(name.partition(".")[0], set()).add(file.name)
    return found


def test_every_package_that_is_imported_is_asked_for():
    asked = {name_of(one) for one in PROJECT["dependencies"]}
    asked |= {name_of(one) for ones in EXTRAS.values() for one in ones}
    known = packages_distributions()
    missing = {}
    for module, files in imported().items():
        if module in sys.stdlib_module_names or module == "obriy":
            continue
        names = {name_of(name) for name in known.get(module, [module])}
        if not names & asked and COMES_WITH.get(module) not in asked:
            missing[module] = sorted(files)
    assert missing == {}
