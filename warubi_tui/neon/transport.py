"""HTTP with Neon's rules: what is retried, what never is, and what each failure means.

This is the only place that knows httpx: its exceptions leave here as WarubiErrors. httpx is imported on the
first call, so that the console's first frame does not wait for it.

- A read is repeated when no connection could be made, and on 429, 502, 503 and 504.
- A change is repeated only when the server surely did nothing: no connection, 423 (busy), 429, 503.
- A change whose answer is lost (connection dropped, timeout, 500, 502, 504, or an answer that cannot be read)
  is never sent again: UnknownOutcomeError.
"""

import asyncio
import ipaddress
import random
import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from warubi_tui import __version__
from warubi_tui.errors import (
    RefusedError,
    UnknownOutcomeError,
    UnreachableError,
    UsageError,
    WarubiError,
)
from warubi_tui.neon.fields import not_neon
from warubi_tui.secret import Secret, redact
from warubi_tui.text import clean_lines, shorten

if TYPE_CHECKING:
    import httpx

Parameters = Mapping[str, str | int]
Body = Mapping[str, object]

_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 60.0
# Shorter than the 5 s after which servers commonly drop an idle connection: no change may meet one just then.
_KEEPALIVE_SECONDS: Final = 2.0


class NotFoundError(RefusedError):
    """The server does not know that project, branch, role or operation (404). Nothing was done."""


@dataclass(frozen=True)
class Retries:
    """How long to be patient: seconds of waiting per call, by the kind of trouble."""

    connecting_seconds: float = 2.0
    slowed_seconds: float = 30.0
    busy_seconds: float = 60.0
    first_pause_seconds: float = 0.25
    longest_pause_seconds: float = 4.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    """From 0 up to 1: how much of a quarter is added to each pause, so that clients do not march in step."""

    def pause(self, attempt: int, asked_for: float | None) -> float:
        """Seconds before the next attempt, the first attempt being 0; at least what the server asked for."""
        grown = min(self.first_pause_seconds * 2.0**attempt, self.longest_pause_seconds)
        return max(grown, asked_for or 0.0) * (1 + self.jitter() / 4)


@dataclass(frozen=True)
class _Failure:
    """A call that did not succeed: the error to raise and how many seconds may be spent on trying again."""

    error: WarubiError
    patience_seconds: float = 0.0
    asked_for_seconds: float | None = None


class Transport:
    """One server and one key.

    Raises UsageError for an address that is none, that would send the key unencrypted over a network, or for
    a key that cannot be one.
    """

    def __init__(
        self,
        host: str,
        key: Secret,
        *,
        retries: Retries,
        transport: "httpx.AsyncBaseTransport | None",
        engine: Path | None = None,
    ) -> None:
        self.host = host.rstrip("/")
        self._address = _address(self.host)
        self._key = _checked_key(key)
        self._retries = retries
        self._engine = engine
        self._transport = transport
        self._http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def read(self, doing: str, path: str, parameters: Parameters | None = None) -> object:
        """The JSON that GET `path` answers.

        Args:
            doing: the call in words, for messages: "list the branches".
        """
        return await self._call("GET", doing, path, parameters, None)

    async def change(self, method: str, doing: str, path: str, body: Body | None = None) -> object:
        """Sends a change; the JSON of the answer, None when the answer has no content.

        Raises:
            UnknownOutcomeError: it may or may not have happened. It has not been sent again.
        """
        return await self._call(method, doing, path, None, body)

    async def _call(
        self, method: str, doing: str, path: str, parameters: Parameters | None, body: Body | None
    ) -> object:
        import httpx

        reading = method == "GET"
        waited, attempt = 0.0, 0
        while True:
            try:
                response = await self._client().request(
                    method, self.host + path, params=parameters, json=body
                )
            except httpx.HTTPError as error:
                failure = self._no_answer(error, doing, reading=reading)
            else:
                if response.is_success:
                    return self._content(response, doing, reading=reading)
                failure = self._failure(response, doing, reading=reading)
            pause = self._retries.pause(attempt, failure.asked_for_seconds)
            if waited + pause > failure.patience_seconds:
                raise failure.error
            await self._retries.sleep(pause)
            waited, attempt = waited + pause, attempt + 1

    def _client(self) -> "httpx.AsyncClient":
        import httpx

        if self._http is None:
            self._http = httpx.AsyncClient(
                headers={
                    "Authorization": f"Bearer {self._key.reveal()}",
                    "Accept": "application/json",
                    "User-Agent": f"warubi/{__version__}",
                },
                timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                limits=httpx.Limits(keepalive_expiry=_KEEPALIVE_SECONDS),
                trust_env=not _is_loopback(self._address),
                # http is for this machine alone, without proxies or redirects: nothing there is ever TLS,
                # and loading the certificates would hold up the loop for more than 100 ms.
                verify=self._address.scheme == "https",
                transport=self._transport,
            )
        return self._http

    def _no_answer(self, error: "httpx.HTTPError", doing: str, *, reading: bool) -> _Failure:
        import httpx

        reason = self._foreign_text(str(error)) or type(error).__name__
        never_sent = isinstance(
            error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
        )
        if not reading and not never_sent:
            return _Failure(self._unknown(doing, reason))
        return _Failure(
            UnreachableError(
                f"{self._address.netloc} does not answer.",
                f"Could not {doing}: {reason}. Nothing was changed.",
                self._where_to_look(),
                retryable=True,
            ),
            self._retries.connecting_seconds,
        )

    def _where_to_look(self) -> str:
        if self._engine is not None:
            return f"See whether the engine runs: warubi engine status --dir {shlex.quote(str(self._engine))}"
        if _is_loopback(self._address):
            return (
                "Check the address; for an engine: warubi engine status (--dir D if it is not the default)."
            )
        return "Check the network and the address."

    def _content(self, response: "httpx.Response", doing: str, *, reading: bool) -> object:
        if response.status_code == 204 and not reading:
            return None
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            seen = self._foreign_text(response.text)
            if not reading:
                raise self._unknown(doing, f"its answer cannot be read: {seen}") from error
            raise not_neon(f"Could not {doing}; the answer begins: {seen}") from error

    def _failure(self, response: "httpx.Response", doing: str, *, reading: bool) -> _Failure:
        status = response.status_code
        message = self._message(response)
        said = message or f"HTTP {status}: {self._foreign_text(response.text)}"
        if status == 423:
            busy = RefusedError(
                f"The server is busy with other operations and did not {doing}.",
                said,
                "Nothing was changed. Try again when its operations have ended.",
                retryable=True,
            )
            return _Failure(busy, self._retries.busy_seconds, _asked_for(response))
        if status in {429, 503} or (reading and status in {502, 504}):
            slowed = UnreachableError(
                f"The server did not {doing} (HTTP {status}).",
                said,
                "Nothing was changed. It asks for patience: try again in a minute.",
                retryable=True,
            )
            return _Failure(slowed, self._retries.slowed_seconds, _asked_for(response))
        if status in {401, 403}:
            return _Failure(
                UnreachableError(
                    f"{self._address.netloc} does not accept the API key (HTTP {status}).",
                    said,
                    "Check NEON_API_KEY, or log in with `neon auth`; `warubi engine env` for the engine.",
                )
            )
        if status >= 500 or status == 408:
            error = UnreachableError(f"The server could not {doing} (HTTP {status}).", said, retryable=True)
            return _Failure(error if reading else self._unknown(doing, said))
        if message is None:
            return _Failure(not_neon(said))
        kind = NotFoundError if status == 404 else RefusedError
        return _Failure(kind(f"The server did not {doing} (HTTP {status}).", message))

    def _unknown(self, doing: str, reason: str) -> UnknownOutcomeError:
        return UnknownOutcomeError(
            f"The answer was lost: it is not known whether the server did {doing}.",
            f"{reason}. It may or may not have happened, and it has not been sent again.",
            "Look at the branches and the operations before you repeat it.",
        )

    def _message(self, response: "httpx.Response") -> str | None:
        """The `message` of an error in Neon's form; None when the answer is something else."""
        try:
            body = response.json()
        except (ValueError, RecursionError):
            return None
        message = body.get("message") if isinstance(body, dict) else None
        return redact(clean_lines(message), self._key) if isinstance(message, str) else None

    def _foreign_text(self, text: str) -> str:
        return shorten(redact(clean_lines(text), self._key), 300)


def _address(host: str) -> SplitResult:
    try:
        address = urlsplit(host)
        named = address.hostname is not None and (address.port is None or address.port > 0)
    except ValueError:
        named = False
    if not named or address.scheme not in {"http", "https"} or address.username or address.query:
        raise UsageError(
            "The address of the API is not a URL.",
            shorten(redact(clean_lines(host)), 200),
            "It looks like https://console.neon.tech/api/v2.",
        )
    if address.scheme == "http" and not _is_loopback(address):
        raise UsageError(
            f"{address.netloc} would get the API key unencrypted.",
            hint="Use https; http is only for this machine.",
        )
    return address


def _is_loopback(address: SplitResult) -> bool:
    if address.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.hostname or "").is_loopback
    except ValueError:
        return False


def _checked_key(key: Secret) -> Secret:
    text = key.reveal()
    if not text or not all("!" <= char <= "~" for char in text):
        raise UsageError(
            "The API key is empty or has characters that no key has.",
            hint="Check NEON_API_KEY for spaces and quotes.",
        )
    return key


def _asked_for(response: "httpx.Response") -> float | None:
    """`Retry-After` in seconds: it is a number of seconds or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((date.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)
