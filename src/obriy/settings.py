"""The only reader of the environment (variables ``OBRIY_*``)."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the environment may say; every field has a working default."""

    model_config = SettingsConfigDict(env_prefix="OBRIY_", extra="ignore")

    workers: int | None = Field(None, ge=1, description="threads; None: one per core")
    max_ram_gb: float | None = Field(
        None, gt=0, description="memory to use; None: half of the free"
    )
    lang: str = Field("en", pattern="^(en|uk)$", description="language of reports")
    cache: Path = Field(
        Path("~/.cache/obriy").expanduser(), description="answers of paid labellers, kept"
    )
    labeller_key: SecretStr | None = Field(
        None, description="key for labellers at an address of one's own (`@http://...`)"
    )
    realdata: Path | None = Field(None, description="folder of real data for the tests")


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()  # type: ignore[call-arg]
