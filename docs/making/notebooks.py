"""A notebook as a page: its words, its code, and what its cells showed."""

import json
from pathlib import Path
from typing import Any

_MOVES = "*A map that moves: it shows in the notebook itself.*"
_KINDS = ("application/vnd.jupyter.widget-view+json", "text/html", "image/png", "text/plain")
"""What is shown of an output, the first of them that it has."""


def notebook_page(file: Path) -> str:
    """Return a notebook in Markdown; one that was never executed shows its code alone."""
    cells = json.loads(file.read_text("utf-8"))["cells"]
    note = f'<a href="{file.name}" download>The notebook</a>, to run where Obriy is installed.'
    title, *rest = [text for cell in cells for text in _shown(cell)]
    return "\n\n".join([title, note, *rest]) + "\n"


def _shown(cell: dict[str, Any]) -> list[str]:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [text]
    return [f"```python\n{text}\n```", *map(_output, cell.get("outputs", []))]


def _output(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return f"```\n{''.join(output['text'])}\n```"
    data = output.get("data", {})
    kind = next((kind for kind in _KINDS if kind in data), "")
    text = "".join(data.get(kind, ""))
    match kind:
        case "text/html":
            return f'<div class="output">{" ".join(text.splitlines())}</div>'
        case "image/png":
            return (
                f'<img class="output" alt="" src="data:image/png;base64,{"".join(text.split())}">'
            )
        case "text/plain":
            return f"```\n{text}\n```"
    return _MOVES if kind else ""
