"""What `mkdocs` is told of this project: pages made of other files, links between all of them.

`mkdocs.yml` names it. Links in our files lead to files, as they do where the repository is read;
here they lead to the pages that those files became.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from docs.making.checking import faults
from docs.making.commands import commands_page
from docs.making.fields import fields_page
from docs.making.notebooks import notebook_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Files beside docs/ that are pages, by the name that they have on the site."""
SHELVES = {"How to": "", "Examples": "examples", "Design": "design"}
"""Lists of `nav` that take the pages of a folder which stand in none."""
EXECUTED = ROOT / "build" / "examples"
"""Where `make notebooks` leaves notebooks with what they show."""
_LINK = re.compile(r"(!?\[(?:[^\]]|\n)*?\])\(([^)\s#]*)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and list those that no list names."""
    for source, name in PAGES.items():
        _add(files, config, name, (ROOT / source).read_text("utf-8"))
    for notebook in sorted((ROOT / "examples").glob("*.ipynb")):
        executed = EXECUTED / notebook.name
        text = notebook_page(executed if executed.exists() else notebook)
        _add(files, config, f"examples/{notebook.stem}.md", text)
        _add(files, config, f"examples/{notebook.name}", notebook.read_text("utf-8"))
    _add(files, config, "reference/commands.md", commands_page())
    _add(files, config, "reference/result.md", fields_page())
    listed = set(_listed(config.nav))
    for title, folder in SHELVES.items():
        found = sorted(file.src_uri for file in files.documentation_pages())
        new = [u for u in found if posixpath.dirname(u) == folder and u not in listed]
        next(part[title] for part in config.nav or [] if title in part).extend(new)
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead links to pages; what lies in the repository and not on the site is named only."""
    here = page.file.src_uri
    sources = {name: source for source, name in PAGES.items()}
    beside = sources.get(here, here if here.startswith("examples/") else f"docs/{here}")
    return _LINK.sub(lambda found: _led(found, beside, here), markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Let search work from disk, and look at all that was built as a reader offline would."""
    site = Path(config.site_dir)
    index = (site / "search" / "search_index.json").read_text("utf-8")
    (site / "search" / "search_index.js").write_text(f"var __index = {index}", "utf-8")
    found = faults(site)
    if found:
        raise PluginError("The site has faults:\n" + "\n".join(found))


def _add(files: Files, config: MkDocsConfig, name: str, text: str) -> None:
    files.append(File.generated(config, name, content=text))


def _listed(nav: Any) -> list[str]:
    """Return the pages that a list names, at any depth."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav or []
    return [name for part in parts for name in _listed(part)]


def _led(found: re.Match[str], beside: str, here: str) -> str:
    """Return one link as it must be on the page ``here``, of the file ``beside``."""
    words, target, anchor = found[1], found[2], found[3] or ""
    if not target or "://" in target:
        return found[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(beside), target))
    page = _page_of(path)
    if page is not None:
        return f"{words}({posixpath.relpath(page, posixpath.dirname(here) or '.')}{anchor})"
    return words[1:-1] if (ROOT / path).exists() else found[0]


def _page_of(path: str) -> str | None:
    """Return the page that a file of the repository is, or what it is called on the site."""
    if path in PAGES:
        return PAGES[path]
    if path == "docs/design":
        return f"design/{min((ROOT / path).glob('*.md')).name}"
    if path.startswith("examples/") and path.endswith(".ipynb"):
        return f"{path.removesuffix('.ipynb')}.md"
    inside = path.removeprefix("docs/")
    return inside if inside != path and (ROOT / path).is_file() else None
