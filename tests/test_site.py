"""What the documentation site is made of; `make docs` builds all of it and looks at every link."""

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import material
import pytest
import typer.main
from docs.making.checking import faults
from docs.making.commands import commands_page
from docs.making.fields import fields_page
from docs.making.hooks import ROOT, on_page_markdown
from docs.making.notebooks import notebook_page
from tests.browsing import browsing, needs_browser, new_page

import obriy
from obriy.cli.commands import app
from obriy.runs.result_file import result_schema

PAGE = '<h2 id="there">x</h2><a href="#there">y</a><img src="data:image/png;base64,AA==">'


def site(folder, **pages):
    (folder / "deep").mkdir()
    for name, text in pages.items():
        (folder / f"{name.replace('__', '/').replace('_', '.')}").write_text(text)
    return folder


def test_a_site_that_leads_somewhere_has_no_fault(tmp_path):
    made = site(
        tmp_path,
        index_html=PAGE + '<a href="https://example.org/x">elsewhere</a><a href="b%20c.png">',
        deep__a_html='<a href="../index.html#there">up</a><link href="../s.css">',
        s_css="@import 'own.css'; p {background: url(own.png)}",
    )
    (made / "b c.png").touch()
    assert faults(made) == []


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ('<a href="gone.html">x</a>', "leads nowhere"),
        ('<a href="deep/a.html#gone">x</a>', "leads nowhere"),
        ('<a href="#gone">x</a>', "leads nowhere"),
        ('<a href="/index.html">x</a>', "leads nowhere"),
        ('<a href="../index.html">x</a>', "leads nowhere"),
        ('<img src="gone.png">', "leads nowhere"),
        ('<script src="https://example.org/x.js"></script>', "fetches"),
        ('<link href="//example.org/x.css">', "fetches"),
        ('<img src="http://example.org/x.png">', "fetches"),
    ],
)
def test_each_fault_of_a_page_is_found(tmp_path, page, said):
    made = site(tmp_path, index_html=page, deep__a_html=PAGE)
    (fault,) = faults(made)
    assert said in fault
    assert fault.startswith("index.html")


def test_a_font_from_elsewhere_is_found(tmp_path):
    made = site(tmp_path, index_html=PAGE, s_css="@font-face {src: url('//example.org/f.woff2')}")
    assert faults(made) == ["s.css: fetches //example.org/f.woff2"]


@pytest.mark.parametrize(
    ("here", "text", "led"),
    [
        ("index.md", "[a](docs/ice.md#methods)", "[a](ice.md#methods)"),
        ("index.md", "![a](docs/images/demo.png)", "![a](images/demo.png)"),
        ("index.md", "[a](examples/reservoir.ipynb)", "[a](examples/reservoir.md)"),
        ("index.md", "[a](CHANGELOG.md)", "[a](changelog.md)"),
        ("index.md", "[a](docs/design/)", "[a](design/0001-blocks.md)"),
        ("changelog.md", "[a](docs/web.md)", "[a](web.md)"),
        ("design/0003-visibility.md", "[a](../web.md)", "[a](../web.md)"),
        ("design/0003-visibility.md", "[a](../../README.md)", "[a](../index.md)"),
        ("design/0003-visibility.md", "[a\nb](../../pyproject.toml)", "a\nb"),
        ("web.md", "[a](gone.md)", "[a](gone.md)"),  # mkdocs says so
        ("web.md", "[a](https://example.org/docs/ice.md)", "[a](https://example.org/docs/ice.md)"),
    ],
)
def test_links_of_files_lead_to_pages(here, text, led):
    page = SimpleNamespace(file=SimpleNamespace(src_uri=here))
    assert on_page_markdown(text, page) == led


def test_every_public_name_is_explained():
    page = (ROOT / "docs" / "reference" / "python.md").read_text("utf-8")
    told = set(re.findall(r"^::: obriy\.(\w+)$", page, re.MULTILINE))
    assert told == set(obriy.__all__) - {"ObriyError", "__version__"} | {"errors"}


def test_every_option_of_every_command_is_listed():
    page, found = commands_page(), 0
    left = [(typer.main.get_command(app), [])]
    while left:
        command, words = left.pop()
        left += [(one, [*words, name]) for name, one in getattr(command, "commands", {}).items()]
        if hasattr(command, "commands"):
            continue
        (section,) = re.findall(rf"^## {' '.join(words)}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
        for param in command.params:
            found += 1
            word = (
                param.opts[-1] if param.param_type_name == "option" else param.metavar or param.name
            )
            assert getattr(param, "hidden", False) or word in section
    assert found > 300


def test_every_field_of_a_result_is_there_with_a_meaning():
    page = fields_page()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert [row for row in rows if len(row) != 3 or len(row[2]) < 5] == []
    schema = result_schema()
    for name, one in schema["$defs"].items():
        (section,) = re.findall(rf"^### {name}\n(.*?)(?=^##|\Z)", page, re.M | re.S)
        assert re.findall(r"^\| `(\w+)`", section, re.M) == list(one["properties"])
    leads = set(re.findall(r"\]\(#(\w+)\)", page))
    assert leads <= {name.lower() for name in re.findall(r"^### (\w+)", page, re.M)}


def test_a_notebook_shows_what_its_cells_showed(tmp_path):
    shown = [
        {"output_type": "stream", "text": ["said\n"]},
        {"output_type": "execute_result", "data": {"text/html": ["<b>\n", "bold</b>"]}},
        {"output_type": "display_data", "data": {"image/png": "QUJD\n"}},
        {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}},
    ]  # fmt: skip
    cells = [
        {"cell_type": "markdown", "source": ["# A title\n", "words"]},
        {"cell_type": "code", "source": ["1 + 1"], "outputs": shown},
    ]
    file = tmp_path / "one.ipynb"
    file.write_text(json.dumps({"cells": cells}))
    page = notebook_page(file)
    assert page.startswith("# A title\nwords\n\n")
    for part in ('href="one.ipynb"', "```python\n1 + 1\n```", "said", "<b> bold</b>",
                 'src="data:image/png;base64,QUJD"', "moves"):  # fmt: skip
        assert part in page


def make_n(folder, *goals):
    """Return the commands that make would run in a folder with an environment that is whole."""
    for name in ("pyproject.toml", ".venv/bin/python", ".venv/.core", ".venv/.dev"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    said = subprocess.run(
        ["make", "-n", "-f", ROOT / "Makefile", *goals],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return said.stdout


def test_the_site_runs_the_examples_that_were_not_run(tmp_path):
    for name in ("old", "new"):
        file = tmp_path / "examples" / f"{name}.ipynb"
        file.parent.mkdir(exist_ok=True)
        file.touch()
    (tmp_path / "build" / "examples").mkdir(parents=True)
    (tmp_path / "build" / "examples" / "old.ipynb").touch()
    said = make_n(tmp_path, "docs")
    assert re.findall(r"test_example_notebooks_run\[(\w+)\]", said) == ["new"]
    assert said.index("[new]") < said.index("mkdocs build")


@needs_browser
def test_code_and_tables_of_the_site_fit_a_screen(tmp_path):
    """The theme's own sheet, ours after it: comments are whole, cells fit a screen."""
    theme = Path(material.__file__).parent / "templates" / "assets" / "stylesheets"
    sheets = [*theme.glob("main.*.min.css"), ROOT / "docs" / "assets" / "site.css"]
    words = "obriy water images/ --aoi districts.gpkg --datetime 2025-06/2025-09 --fill"
    page = tmp_path / "a.html"
    page.write_text(
        f"<style>{''.join(sheet.read_text('utf-8') for sheet in sheets)}</style>"
        f"<article class='md-typeset'><pre><code>{words}  # {words}</code></pre>"
        f"<table><tr><td><code>{words}</code></td><td>b</td></tr></table></article>"
    )
    with browsing() as browser:
        for width in (360, 700):
            shown = new_page(browser, viewport={"width": width, "height": 600})
            shown.goto(page.as_uri())
            cut = shown.evaluate(
                "(c => c.scrollWidth - c.clientWidth)(document.querySelector('pre>code'))"
            )
            cell = shown.evaluate("document.querySelector('td').getBoundingClientRect().width")
            assert cut <= 0
            assert cell < width
