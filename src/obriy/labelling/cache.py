"""Answers that were paid for once: kept by the content of the question, on disk."""

import contextlib
import dataclasses
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from obriy.errors import OutputError


@dataclasses.dataclass(frozen=True)
class Exchange:
    """What a model returned to one request.

    Attributes:
        text: Its words; empty where it refused.
        refusal: Why it refused; empty where it did not.
        input_tokens: As the provider counts; None: it did not say.
        output_tokens: Likewise.
        usd: US dollars; None: the price is not known.
    """

    text: str
    refusal: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    usd: float | None = None


def content_key(*parts: bytes | str) -> str:
    """Return the SHA-256 of contents, in hexadecimal; where one ends and the next begins counts."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


class ExchangeCache:
    """A folder of exchanges; without a folder, nothing is kept.

    A panel that was cut off finds here what was answered already. A file that cannot be read
    counts as missing: the question is asked again.

    Args:
        folder: Where the files lie; created when the first is written.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: str) -> Exchange | None:
        """Return the exchange of a key; None where there is none."""
        if self.folder is None:
            return None
        try:
            entry: dict[str, Any] = json.loads(self._path(self.folder, key).read_text("utf-8"))
            return Exchange(**entry)
        except (OSError, ValueError, TypeError):
            return None

    def put(self, key: str, exchange: Exchange) -> None:
        """Keep an exchange; the file appears whole or not at all.

        Raises:
            OutputError: the folder cannot be written.
        """
        if self.folder is None:
            return
        path = self._path(self.folder, key)
        text = json.dumps(dataclasses.asdict(exchange), ensure_ascii=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text)
        except OSError as error:
            raise OutputError(
                f"The answers cannot be kept in {self.folder}: {error.strerror}.",
                "Choose another folder for the cache.",
            ) from error

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / key[:2] / f"{key}.json"


def write_whole(path: Path, text: str) -> None:
    """Write a text file (UTF-8) whole or not at all.

    Raises:
        OSError: as the file system says.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
