"""What a user writes for a labeller: ``spectral``, ``openai:MODEL@http://HOST:PORT/v1``, ..."""

import dataclasses
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from obriy.errors import UsageError
from obriy.registry import did_you_mean

PROVIDERS: Final = ("anthropic", "google", "openai", "openai-responses")
"""Kinds that look through a network; each names a model."""
_FILES: Final = ("human", "replay")
_OWN_HOSTS: Final = (".local", ".internal", ".lan", ".home.arpa")


@dataclasses.dataclass(frozen=True)
class Spec:
    """A labeller as the user wrote it.

    Attributes:
        text: The whole, the name of the labeller in every table.
        kind: ``"spectral"``, ``"anthropic"``, ...
        value: Model or file; empty where there is none.
        address: Base URL of a compatible server; empty: the provider's own.
    """

    text: str
    kind: str
    value: str = ""
    address: str = ""

    @property
    def provider(self) -> str:
        """Whose it is: a provider may be asked by several protocols."""
        return self.kind.partition("-")[0]

    @property
    def own_machine(self) -> bool:
        """Whether the address is of this machine or of a private network: it costs nothing."""
        host = urlsplit(self.address).hostname or ""
        if not host:
            return False
        try:
            return ipaddress.ip_address(host).is_private
        except ValueError:
            return "." not in host or host.endswith(_OWN_HOSTS)


def parse_spec(text: str, kinds: list[str]) -> Spec:
    """Read the spec of a labeller.

    Args:
        text: ``KIND``, ``KIND:MODEL``, ``KIND:MODEL@ADDRESS`` or ``KIND:FILE``.
        kinds: Names that are known.

    Raises:
        UnknownNameError: no labeller of that name.
        UsageError: no model where one is needed, one where none is, an address with a password.
    """
    kind, _, rest = text.strip().partition(":")
    kind = kind.lower()
    if kind not in kinds:
        raise did_you_mean("labeller", kind, kinds)
    if kind in PROVIDERS:
        return _of_provider(text.strip(), kind, rest)
    if kind == "replay" and not rest:
        raise UsageError("The labeller 'replay' needs a record.", "Write replay:FILE.")
    if rest and kind not in _FILES:
        raise UsageError(f"The labeller '{kind}' takes nothing after its name: '{text}'.")
    return Spec(text.strip(), kind, rest)


def _of_provider(text: str, kind: str, rest: str) -> Spec:
    at = min((i for i in (rest.find("@http://"), rest.find("@https://")) if i >= 0), default=-1)
    model, address = (rest, "") if at < 0 else (rest[:at], rest[at + 1 :])
    if not model:
        raise UsageError(
            f"The labeller '{kind}' needs a model: '{text}'.", f"Write {kind}:MODEL[@http://HOST]."
        )
    parts = urlsplit(address)
    if address and (not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment):
        raise UsageError(
            f"The address of '{kind}:{model}' must be a plain http://HOST[:PORT][/PATH].",
            "A key belongs in the environment: OBRIY_LABELLER_KEY.",
        )
    return Spec(text, kind, model, address)
