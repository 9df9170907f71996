"""Stores that speak S3: an address `s3://bucket/key` is read by HTTPS, signed with the user's keys.

Signature Version 4 in the query (AWS, "Authenticating Requests: Using Query Parameters"), made by
botocore for each request anew: what is sent is good for one file for some minutes, and is no key.
"""

import dataclasses
import functools
import logging
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from obriy.errors import MissingExtraError, RemoteError
from obriy.installation import install_hint

SCHEME: Final = "s3://"
_GOOD_S: Final = 900
"""Seconds that a signature is good for: the waits between tries end well within."""
_OF_THE_MACHINE: Final = "iam-role"
"""Where botocore asks the network for the rights of a rented machine: no store of ours knows it."""


@dataclasses.dataclass(frozen=True)
class S3Signer:
    """Signs what lies in one store; see `obriy.net.signing.Signer`.

    Attributes:
        endpoint: Address of the store, without a slash at its end; buckets are folders of it.
        region: As the store calls it.
        needs: What it asks for, in words for whoever has no keys.
    """

    endpoint: str
    region: str
    needs: str

    def reached(self, href: str) -> str:
        """Return where `s3://bucket/key` is asked for; any other address as it is."""
        if not href.startswith(SCHEME):
            return href
        return f"{self.endpoint}/{quote(href.removeprefix(SCHEME), safe='/-_.~')}"

    def sign(self, href: str, ask: Callable[[str], Any], *, refused: str) -> str:
        """See `Signer`; what is of another host than the store is never signed.

        Raises:
            MissingExtraError: where botocore is not installed.
        """
        del ask
        if refused or not href.startswith(f"{self.endpoint}/"):
            return refused or href  # made a moment ago, a signature is refused for its keys
        botocore = _botocore()
        request = botocore.awsrequest.AWSRequest("GET", href)
        keys = self._keys(href)
        signing = botocore.auth.S3SigV4QueryAuth(keys, "s3", self.region, expires=_GOOD_S)
        signing.add_auth(request)
        return str(request.url)

    def _keys(self, href: str) -> Any:
        botocore = _botocore()
        try:
            keys = session().get_credentials()
            if keys is not None:
                return keys.get_frozen_credentials()
        except botocore.exceptions.BotoCoreError as error:  # its words may hold what was read
            why = f" ({type(error).__name__})"
        else:
            why = ""
        raise RemoteError(
            f"{SCHEME}{href.removeprefix(self.endpoint + '/')} lies in a store that asks for "
            f"{self.needs}{why}.",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile of "
            "~/.aws/credentials; or take another catalogue (stac:earth-search).",
        )


@functools.lru_cache(maxsize=1)
def session() -> Any:
    """Return what finds keys in the environment and the profiles, and renews those that end."""
    session = _botocore().session.Session()
    session.get_component("credential_provider").remove(_OF_THE_MACHINE)
    return session


def _botocore() -> Any:
    try:
        import botocore.auth
        import botocore.awsrequest
        import botocore.exceptions
        import botocore.session
    except ImportError as error:
        raise MissingExtraError(
            "Stores that speak S3 are read by botocore.", f"Run: {install_hint('access')}"
        ) from error
    # Its lines of debugging hold what is signed, tokens of a session among it.
    logging.getLogger("botocore").setLevel(logging.ERROR)
    return botocore
