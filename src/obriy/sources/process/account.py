"""Whose account asks a Process API: the SDK's variables and its file, and the token they give."""

import importlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from sentinelhub.download.handlers import fail_user_errors, retry_temporary_errors

from obriy.errors import UsageError
from obriy.registry import did_you_mean
from obriy.settings import settings
from obriy.tables import load_toml

sdk: Final[Any] = importlib.import_module("sentinelhub")
oauth: Final[Any] = importlib.import_module("oauthlib.oauth2")


def account_of(name: str, facts: Mapping[str, str]) -> Any:
    """Return the SDK's configuration of a deployment, or of a profile.

    The profile of that name counts; else the usual one, if it is of the same deployment: the
    credentials of one provider are no business of another. The environment outranks both.
    """
    profiles, known = _profiles(), load_toml("process_api")["deployments"]
    if name not in profiles and not facts:
        raise did_you_mean("deployment of the Process API", name, sorted({*known, *profiles}))
    given, plain = settings(), sdk.SHConfig(use_defaults=True)
    own = profiles.get(name)
    if own is None:
        usual = profiles.get(given.sh_profile, {})
        theirs = usual.get("sh_base_url", plain.sh_base_url)
        own = usual if theirs.rstrip("/") == facts["base_url"] else {}
    addresses = {f"sh_{key}": facts[key] for key in ("base_url", "token_url") if facts}
    account = {"sh_client_id": given.sh_client_id, "sh_client_secret": given.sh_client_secret}
    told = {
        key: value.get_secret_value() if isinstance(value, SecretStr) else value
        for key, value in account.items()
        if value is not None
    }
    try:
        return sdk.SHConfig(use_defaults=True, **{**addresses, **own, **told})
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{sdk.SHConfig.get_config_location()} says what the SDK does not know.",
            "Correct it: sentinelhub.config --show tells its fields.",
        ) from error


def _profiles() -> dict[str, Any]:
    """Return the profiles of the SDK's file; none where it is not there."""
    path = Path(sdk.SHConfig.get_config_location())
    try:
        return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read.", "Correct it: it is TOML.") from error


class Session(sdk.SentinelHubSession):  # type: ignore[misc]
    """The SDK's; it does not wait for ever, and no redirect carries the secret to another place."""

    @retry_temporary_errors
    @fail_user_errors
    def _fetch_token(self, request: Any) -> Any:
        config = self.config
        client = oauth.BackendApplicationClient(client_id=config.sh_client_id)
        with importlib.import_module("requests_oauthlib").OAuth2Session(client=client) as session:
            session.max_redirects = 0
            session.register_compliance_hook("access_token_response", self._compliance_hook)
            return session.fetch_token(
                token_url=request.url,
                client_id=config.sh_client_id,
                client_secret=config.sh_client_secret,
                include_client_id=True,
                timeout=config.download_timeout_seconds,
            )
