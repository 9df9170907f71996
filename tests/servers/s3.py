"""A store that speaks S3, over a folder: each request must be signed (Signature Version 4)."""

import datetime as dt
import hmac
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

NAME = "AKIDOFATEST"


def signature_of(url, secret, service="s3"):
    """The signature that belongs to a presigned address, made of it anew."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    name, _, region, *_ = query["X-Amz-Credential"].split("/")
    request = AWSRequest("GET", url.partition("&X-Amz-Signature=")[0])
    request.context["timestamp"] = query["X-Amz-Date"]
    signing = S3SigV4QueryAuth(Credentials(name, secret), service, region)
    text = signing.string_to_sign(request, signing.canonical_request(request))
    return signing.signature(text, request)


class Store:
    """An ASGI application; buckets are the folders of ``folder``.

    ``token`` is what the query must carry beside (keys that end soon); what lies under the path
    ``moved`` is led to.
    """

    def __init__(self, folder, secret, token=None, moved=None):
        self.files = StaticFiles(directory=folder)
        self.secret, self.token, self.moved = secret, token, moved or {}

    async def __call__(self, scope, receive, send):
        why = self.refusal(scope)
        moved = self.moved.get(scope["path"])
        answer = RedirectResponse(moved) if moved else self.files
        if why:
            answer = PlainTextResponse(f"<Error><Code>{why}</Code></Error>", 403)
        await answer(scope, receive, send)

    def refusal(self, scope):
        """Why a request is refused, in the words of S3; None: it is not."""
        text = scope["query_string"].decode()
        query = {name: values[0] for name, values in parse_qs(text).items()}
        if "X-Amz-Signature" not in query:
            return "AccessDenied"
        if query["X-Amz-Credential"].split("/")[0] != NAME:
            return "InvalidAccessKeyId"
        if query.get("X-Amz-Security-Token") != self.token:
            return "InvalidToken"
        made = dt.datetime.strptime(query["X-Amz-Date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
        age = (dt.datetime.now(dt.UTC) - made).total_seconds()
        if not -60 < age < int(query["X-Amz-Expires"]):
            return "RequestExpired"
        host = dict(scope["headers"])[b"host"].decode()
        url = f"http://{host}{scope['raw_path'].decode()}?{text}"
        if not hmac.compare_digest(signature_of(url, self.secret), query["X-Amz-Signature"]):
            return "SignatureDoesNotMatch"
        return None
