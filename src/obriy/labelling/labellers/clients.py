"""Models of providers through their own SDKs (pydantic-ai); keys stay inside the SDKs."""

import contextlib
import dataclasses
import warnings
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from obriy.errors import MissingExtraError, UsageError
from obriy.installation import install_hint
from obriy.labelling.cache import Exchange
from obriy.labelling.labellers.spec import Spec
from obriy.labelling.question import Question, schema
from obriy.settings import settings
from obriy.tables import load_toml

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.messages import ModelResponse, UserContent
    from pydantic_ai.models import Model

_MOST_BYTES: Final = 8_000_000
"""Bytes of an answer that are read: a thousand times what one has."""
_CONNECT_S: Final = 10.0
_NO_KEY: Final = "none"
"""Sent to an address for which no key is given: the SDKs want one."""


def check_client(spec: Spec) -> None:
    """Check that a model can be asked, without asking it.

    Raises:
        MissingExtraError: the SDKs are not installed.
        UsageError: the environment has no key for the provider.
    """
    _make_model(spec, _client_of(1.0))


@contextlib.asynccontextmanager
async def open_model(spec: Spec, timeout_s: float) -> "AsyncIterator[Model]":
    """Open the model of a spec for the requests of one event loop.

    Args:
        spec: Provider, model, and perhaps an address.
        timeout_s: Seconds that the network may be silent.

    Raises:
        MissingExtraError: the SDKs are not installed.
        UsageError: the environment has no key for the provider.
    """
    client = _client_of(timeout_s)
    # That a model which thinks takes no temperature is no news to the user.
    warnings.filterwarnings("ignore", r"Sampling parameters \['temperature'\]", UserWarning)
    try:
        yield _make_model(spec, client)
    finally:
        await client.aclose()


async def request(model: "Model", question: Question, spec: Spec) -> Exchange:
    """Send a question once, without any retry, and return what came back.

    Args:
        model: Of `open_model`.
        question: What to send.
        spec: Whose price counts.

    Raises:
        Exception: whatever pydantic-ai or the SDK raises; it may hold secrets and must not be
            shown.
    """
    from pydantic_ai.direct import model_request
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.settings import ModelSettings

    form = OutputObjectDefinition(json_schema=schema(), name="answer")
    response = await model_request(
        model,
        _messages(question),
        # The form stands in the question, in our words; "prompted" asks for JSON where a provider
        # can promise it, and works with every model: not all take tools or a schema.
        model_request_parameters=ModelRequestParameters(
            output_mode="prompted", output_object=form, prompted_output_template=False
        ),
        model_settings=ModelSettings(
            max_tokens=load_toml("providers")["most_answer_tokens"],
            max_retries=0,
            temperature=0.0,  # models that take none ignore it
        ),
        instrument=False,
    )
    return _exchange(response, spec)


def _make_model(spec: Spec, client: "httpx2.AsyncClient") -> "Model":
    from pydantic_ai.exceptions import UserError

    keys = load_toml("providers")[spec.kind]["keys"]
    try:
        return _BUILDERS[spec.kind](spec, client)
    except ImportError as error:
        raise _missing_extra() from error
    except UserError:
        raise UsageError(
            f"There is no key for the labeller '{spec.text}'.",
            f"Set the variable {' or '.join(keys)} in the environment.",
        ) from None


def _anthropic(spec: Spec, client: "httpx2.AsyncClient") -> "Model":
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    where = _where(spec)
    provider = AnthropicProvider(api_key=where.key, base_url=where.base, http_client=client)
    return AnthropicModel(spec.value, provider=provider)


def _openai(spec: Spec, client: "httpx2.AsyncClient") -> "Model":
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    where = _where(spec)
    if where.base is None:
        return OpenAIChatModel(spec.value, provider=OpenAIProvider(http_client=client))
    # What servers of open models have in common: some refuse the newer name of the cap on tokens,
    # others the promise of JSON.
    plain = OpenAIModelProfile(
        openai_chat_supports_max_completion_tokens=False, supports_json_object_output=False
    )
    other = OpenAICompatibleProvider(
        "compatible", base_url=where.base, api_key=where.key, http_client=client, profile=plain
    )
    return OpenAIChatModel(spec.value, provider=other)


def _openai_responses(spec: Spec, client: "httpx2.AsyncClient") -> "Model":
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    where = _where(spec)
    if where.base is None:
        return OpenAIResponsesModel(spec.value, provider=OpenAIProvider(http_client=client))
    other = OpenAICompatibleProvider(
        "compatible", base_url=where.base, api_key=where.key, http_client=client
    )
    return OpenAIResponsesModel(spec.value, provider=other)


def _google(spec: Spec, client: "httpx2.AsyncClient") -> "Model":
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    where = _where(spec)
    provider = GoogleProvider(api_key=where.key, base_url=where.base, http_client=client)
    return GoogleModel(spec.value, provider=provider)


_BUILDERS: Final = {
    "anthropic": _anthropic,
    "google": _google,
    "openai": _openai,
    "openai-responses": _openai_responses,
}


@dataclasses.dataclass(frozen=True)
class _Where:
    """Base URL and key; None: as the SDK finds them in the environment."""

    base: str | None
    key: str | None = dataclasses.field(repr=False)


def _where(spec: Spec) -> _Where:
    """Return where to send; the key of a provider never goes to another address."""
    if not spec.address:
        return _Where(None, None)
    secret = settings().labeller_key
    key = secret.get_secret_value() if secret else _NO_KEY
    base = spec.address.rstrip("/")
    if spec.provider != "openai":  # the SDKs of the others add the version themselves
        base = base.removesuffix("/v1").removesuffix("/v1beta")
    return _Where(base, key)


def _client_of(timeout_s: float) -> "httpx2.AsyncClient":
    try:
        import httpx2
        import pydantic_ai  # noqa: F401
    except ImportError as error:
        raise _missing_extra() from error
    times = httpx2.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S), pool=None)
    # No redirects: a key must not travel on to another host.
    return httpx2.AsyncClient(
        timeout=times, follow_redirects=False, event_hooks={"response": [_bound]}
    )


async def _bound(response: Any) -> None:
    """Stop reading an answer that does not end."""
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            read = 0
            async for chunk in self._stream:
                read += len(chunk)
                if read > _MOST_BYTES:
                    raise httpx2.ReadError(f"an answer of more than {_MOST_BYTES} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    response.stream = Bounded(response.stream)


def _messages(question: Question) -> list[Any]:
    from pydantic_ai.messages import (
        BinaryContent,
        ModelRequest,
        ModelResponse,
        TextPart,
        UserPromptPart,
    )

    content: list[UserContent] = [question.before] if question.before else []
    for caption, png in question.pictures:
        content += [caption, BinaryContent(png, media_type="image/png")]
    content.append(question.after)
    first = ModelRequest([UserPromptPart(content)], instructions=question.instructions)
    if question.rejected is None:
        return [first]
    said, problem = question.rejected
    again = ModelRequest([UserPromptPart(problem)], instructions=question.instructions)
    return [first, ModelResponse([TextPart(said or "(nothing)")]), again]


def _exchange(response: "ModelResponse", spec: Spec) -> Exchange:
    text = "".join(part.content for part in response.parts if part.part_kind == "text")
    refused = response.finish_reason == "content_filter"
    reason = str((response.provider_details or {}).get("refusal", "")) or text
    usage = response.usage
    measured = bool(usage.input_tokens or usage.output_tokens)
    return Exchange(
        "" if refused else text[:100_000],
        (" ".join(reason.split())[:200] or "no reason given") if refused else "",
        usage.input_tokens if measured else None,
        usage.output_tokens if measured else None,
        price_of(spec, usage) if measured else None,
    )


def price_of(spec: Spec, usage: Any) -> float | None:
    """Return US dollars for a usage; None where the price of the model is not known.

    Prices are those of the installed genai-prices. An address of one's own network costs 0, any
    other address an unknown sum.

    Args:
        spec: Provider and model.
        usage: Tokens, as pydantic-ai or genai-prices hold them.
    """
    if spec.address:
        return 0.0 if spec.own_machine else None
    from genai_prices import calc_price

    try:
        return float(calc_price(usage, spec.value, provider_id=spec.provider).total_price)
    except LookupError:
        return None


def expected_price(spec: Spec, input_tokens: int, output_tokens: int) -> float | None:
    """Return US dollars for tokens that are expected; None where the price is not known."""
    from genai_prices import Usage

    return price_of(spec, Usage(input_tokens=input_tokens, output_tokens=output_tokens))


def _missing_extra() -> MissingExtraError:
    return MissingExtraError(
        "Labellers that look need the SDKs of their providers.",
        f"Install them: {install_hint('vlm')}",
    )
