"""What is wrong with a site: links that lead nowhere, and what it would fetch from elsewhere."""

import functools
import html.parser
import posixpath
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FETCHED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}
"""What a browser fetches by itself; links of `a` it follows when asked."""
_IN_STYLE = re.compile(r"url\(\s*['\"]?((?:https?:)?//[^)'\"]+)|@import\s+['\"](https?:[^'\"]+)")


class _Page(html.parser.HTMLParser):
    """The names that a page has, and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.leads: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note them."""
        has = {name: value or "" for name, value in attrs}
        self.names |= {has[name] for name in ("id", "name") if name in has}
        where = has.get(_FETCHED.get(tag, "href" if tag == "a" else ""), "")
        if where:
            self.leads.append((tag, where))


def faults(site: Path) -> list[str]:
    """Return what is wrong with the pages under a folder, a line each: none is right.

    Args:
        site: The folder with its ``index.html``.
    """
    pages = sorted(site.rglob("*.html"))
    found = [fault for page in pages for fault in _of_page(page, site)]
    for style in sorted(site.rglob("*.css")):
        fetched = [a or b for a, b in _IN_STYLE.findall(style.read_text("utf-8"))]
        found += [f"{style.relative_to(site)}: fetches {where}" for where in fetched]
    return found


def _of_page(page: Path, site: Path) -> list[str]:
    name = page.relative_to(site).as_posix()
    said = []
    for tag, where in _read(page).leads:
        parts = urlsplit(where)
        if parts.scheme == "data":
            continue
        if parts.scheme or parts.netloc:
            if tag != "a":
                said.append(f"{name}: fetches {where}")
        elif not _is_there(page, parts.path, unquote(parts.fragment), site):
            said.append(f"{name}: {where} leads nowhere")
    return said


def _is_there(page: Path, path: str, fragment: str, site: Path) -> bool:
    base = page.parent
    if path.startswith("/"):  # only what a server shows of any address knows where its root is
        base = site if page.name == "404.html" else Path("/")
    target = Path(posixpath.normpath(base / unquote(path).lstrip("/"))) if path else page
    if not target.is_relative_to(site) or not target.is_file():
        return False
    return not fragment or target.suffix != ".html" or fragment in _read(target).names


@functools.cache
def _read(page: Path) -> _Page:
    parsed = _Page()
    parsed.feed(page.read_text("utf-8"))
    return parsed
