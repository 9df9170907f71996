"""The only reader of the environment (variables ``OBRIY_*``)."""

import logging
import os
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from obriy.errors import UsageError

PREFIX = "OBRIY_"


class Settings(BaseModel):
    """What the environment may say; every field has a working default.

    A field is the variable ``OBRIY_FIELD``, unless it has the name of a variable as its alias.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    workers: int | None = Field(None, ge=1, description="threads; None: one per core")
    max_ram_gb: float | None = Field(
        None, gt=0, le=1e6, description="memory to use; None: half of the free"
    )
    lang: str = Field("en", description="language of reports")
    cache: Path = Field(
        Path("~/.cache/obriy").expanduser(),
        description="what was read in the network, and answers of paid labellers, kept",
    )
    cache_gb: float = Field(20, gt=0, le=1e6, description="most that is kept of the network")
    net_connections: int = Field(8, ge=1, le=64, description="requests at a time to one host")
    net_requests_per_minute: int | None = Field(
        None, ge=1, description="requests a minute to one host; None: as many as it answers"
    )
    net_tries: int = Field(6, ge=1, le=20, description="tries at a request that may yet succeed")
    net_wait_s: float = Field(1.0, ge=0, description="seconds before the second try, then doubled")
    net_longest_wait_s: float = Field(
        60, ge=0, description="the longest wait, also where a server asks for more"
    )
    net_silence_s: float = Field(30, gt=0, description="seconds that a server may say nothing")
    net_deadline_s: float = Field(300, gt=0, description="seconds that one request may take")
    sh_client_id: str | None = Field(
        None, validation_alias="SH_CLIENT_ID", description="OAuth client of a Process API"
    )
    sh_client_secret: SecretStr | None = Field(
        None, validation_alias="SH_CLIENT_SECRET", description="its secret"
    )
    sh_profile: str = Field(
        "default-profile",
        validation_alias="SH_PROFILE",
        description="profile of the SDK of Process APIs where none has the name of the deployment",
    )
    labeller_key: SecretStr | None = Field(
        None, description="key for labellers at an address of one's own (`@http://...`)"
    )
    progress: Path | None = Field(
        None, description="file that says how far a run has come, for programs that watch it"
    )
    token: SecretStr | None = Field(
        None, min_length=8, description="what `obriy serve` asks of everybody who looks"
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once.

    Raises:
        UsageError: naming the variable that is off, in one line.
    """
    try:
        return Settings.model_validate(_said())
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{PREFIX}{str(first['loc'][0]).upper()}: {first['msg'].lower()} (given: "
            f"{first.get('input')!r}).",
            "Set that variable to something else, or unset it.",
        ) from error


def _said() -> dict[str, str]:
    """Return what the environment says of settings; what is empty is not said."""
    said = {name.upper(): value for name, value in os.environ.items() if value}  # noqa: TID251
    fields = {
        str(field.validation_alias or name): str(field.validation_alias or f"{PREFIX}{name}")
        for name, field in Settings.model_fields.items()
    }
    return {f: said[variable.upper()] for f, variable in fields.items() if variable.upper() in said}


def environment_with(**values: str) -> dict[str, str]:
    """Return the environment for a process of ours, with values for some settings.

    The token of the page is left out: a run has no use for it.
    """
    own = {f"{PREFIX}{name.upper()}": value for name, value in values.items()}
    kept = {key: value for key, value in os.environ.items() if key != f"{PREFIX}TOKEN"}  # noqa: TID251
    return kept | own


def silence_gdal() -> None:
    """Keep GDAL's own lines off standard error, in this process and those that it starts.

    What they say is said by the errors that come of it. There are two GDALs, rasterio's and
    pyogrio's, each with handlers by thread, and what no handler takes is printed: this variable is
    what all of them ask. Who has set it keeps it.
    """
    os.environ.setdefault("CPL_LOG", os.devnull)  # noqa: TID251 - the one place
    for name in ("rasterio", "pyogrio"):  # what a handler takes is logged, and printed unless taken
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
