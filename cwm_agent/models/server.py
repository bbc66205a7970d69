"""A model server over HTTP: questions put with patience, streams read event by event, every failure in one voice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

import httpx
import msgspec
from msgspec import Struct

from cwm_agent.errors import ModelUnavailable, RequestRefused
from cwm_agent.models.event_stream import EventStream
from cwm_agent.models.refusals import LOOK, START, message, refusal, short
from cwm_agent.text import public_address

MOST = 16 * 1024**2
"""Bytes that an answer may have, other than a stream."""
_MOST_OF_AN_ERROR = 64 * 1024
_EVENTS = "text/event-stream"
_HANG_UP = 0.2
"""Seconds that a stream may take to close after it said that it is done; later it costs a new connection."""

Kind = TypeVar("Kind")


class Patience(Struct, frozen=True, kw_only=True):
    """Seconds to wait for a connection, for the first token of an answer, and for each further one.

    `attempts` is how often a question is put in all, with `pause` seconds after the first, and then twice as many each;
    a server that names a longer pause is waited for up to `longest` seconds.
    """

    connect: float = 5.0
    first: float = 300.0
    silence: float = 60.0
    attempts: int = 3
    pause: float = 0.25
    longest: float = 30.0


class _Again(Exception):
    """A failure that may pass: nothing of the answer was used yet. `seconds`: how long the server wants one to wait."""

    def __init__(self, error: ModelUnavailable, seconds: float = 0.0) -> None:
        super().__init__(str(error))
        self._error = error
        self._seconds = seconds

    async def wait(self, pause: float | None, longest: float) -> None:
        """Wait for the next attempt; where there is none, or it is too far off, the error is raised."""
        if pause is None or self._seconds > longest:
            raise self._error from self.__cause__
        await asyncio.sleep(max(pause, self._seconds))


class Server:
    """One server and its open connections. What fails is a ModelUnavailable that names the address.

    `start` says what to do where there is none at it.
    """

    def __init__(self, url: str, *, patience: Patience | None = None, key: str = "", start: str = START) -> None:
        address = url.rstrip("/").removesuffix("/v1")
        self.url = public_address(address)
        self.patience = patience or Patience()
        self._key = key
        self._start = start
        headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {key}"} if key else {})}
        timeout = httpx.Timeout(None, connect=self.patience.connect)
        try:
            self._client = httpx.AsyncClient(base_url=address, headers=headers, timeout=timeout, trust_env=False)
        except (httpx.InvalidURL, ValueError) as error:
            raise ModelUnavailable(f"{self.url} is no address of a server: {error}.", remedy=self._start) from error

    async def ask(self, path: str, content: dict[str, Any] | None = None) -> Any:
        """The JSON that the server answers: to a GET without `content`, to a POST with it."""
        for pause in self._pauses():
            deadline = self._now() + self.patience.first
            try:
                async with self._opened(path, content, deadline) as response:
                    return self._json(await self._whole(response, deadline))
            except _Again as again:
                await again.wait(pause, self.patience.longest)
        raise AssertionError("the last attempt raises")

    async def stream(self, path: str, content: dict[str, Any], kind: type[Kind]) -> AsyncGenerator[Kind, None]:
        """The objects of an event stream, to its end. Tried again only while none was given; closing it hangs up."""
        decoder = msgspec.json.Decoder(kind)
        for pause in self._pauses():
            begun = False
            deadline = self._now() + self.patience.first
            try:
                async with (
                    self._opened(path, content, deadline) as response,
                    aclosing(self._events(response, deadline)) as events,
                ):
                    async for data in events:
                        begun = True
                        yield self._piece(data, decoder)
                    return
            except _Again as again:
                await again.wait(None if begun else pause, self.patience.longest)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _pauses(self) -> list[float | None]:
        """One for each attempt: how long to wait where it fails; None after the last."""
        return [*(self.patience.pause * 2**number for number in range(self.patience.attempts - 1)), None]

    @asynccontextmanager
    async def _opened(
        self, path: str, content: dict[str, Any] | None, deadline: float
    ) -> AsyncIterator[httpx.Response]:
        """A response of status 200; anything else is raised."""
        request = self._client.build_request("POST" if content else "GET", path, json=content)
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._client.send(request, stream=True)
        except TimeoutError:
            raise self._silent(self.patience.first) from None
        except httpx.ConnectTimeout:
            raise _Again(self._gone(f"no connection within {self.patience.connect:g} s", self._start)) from None
        except httpx.HTTPError as error:
            raise _Again(self._gone(_why(error), self._start)) from error
        except httpx.InvalidURL as error:
            raise self._gone(str(error), self._start) from error
        try:
            if response.status_code != httpx.codes.OK:
                raise await self._refused(path, response)
            yield response
        finally:
            await response.aclose()

    async def _refused(self, path: str, response: httpx.Response) -> Exception:
        body = bytearray()
        try:
            async with asyncio.timeout(min(self.patience.connect, self.patience.silence)):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _MOST_OF_AN_ERROR:
                        break
        except (httpx.HTTPError, TimeoutError):
            pass  # the status says enough
        told = refusal(path, response.status_code, response.headers, bytes(body))
        if told.passing:
            return _Again(self._gone(told.what, told.remedy), told.seconds or 0.0)
        error = self._gone(told.what, told.remedy)
        if not told.faulty:
            return error
        said = self._without_key(told.said)
        return RequestRefused(error.message, remedy=error.remedy, status=response.status_code, said=said)

    async def _whole(self, response: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout_at(deadline):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MOST:
                        raise self._gone(f"its answer has more than {MOST // 1024**2} MiB", self._start)
        except TimeoutError:
            raise self._gone(f"its answer was not whole after {self.patience.first:g} s", LOOK) from None
        except httpx.HTTPError as error:
            raise _Again(self._gone(_why(error), LOOK)) from error
        return bytes(body)

    def _json(self, body: bytes) -> Any:
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._gone("its answer is not JSON; is it a model server?", self._start) from error

    async def _events(self, response: httpx.Response, deadline: float) -> AsyncGenerator[bytes]:
        """The data of each event; comments and empty lines are no sign of an answer."""
        said = response.headers.get("content-type", "")
        if not said.lower().startswith(_EVENTS):
            raise self._gone(f"it answers {short(said) or 'without a type'}, not an event stream", self._start)
        reader = EventStream()
        chunks = response.aiter_bytes()
        patience = self.patience.first
        while not reader.done:
            try:
                async with asyncio.timeout_at(deadline):
                    chunk = await anext(chunks, None)
                found = reader.feed(chunk) if chunk is not None else None
            except TimeoutError:
                raise self._silent(patience) from None
            except httpx.HTTPError as error:
                raise _Again(self._gone(f"it broke off its answer ({_why(error)})", LOOK)) from error
            except ValueError as error:
                raise self._gone(f"it wrote {error}", LOOK) from error
            if found is None:
                raise _Again(self._gone("it broke off its answer", LOOK))
            for data in found:
                yield data
            if found:
                patience = self.patience.silence
                deadline = self._now() + patience
        await _drain(chunks)

    def _piece(self, data: bytes, decoder: msgspec.json.Decoder[Kind]) -> Kind:
        try:
            if b'"error"' in data and (said := _error(data)):
                raise self._gone(f"it reports: {said}", LOOK)
            return decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            quoted = short(data.decode("utf-8", "replace"))
            raise self._gone(f"it wrote what is no piece of an answer ({error}): {quoted}", LOOK) from error

    def _gone(self, what: str, remedy: str) -> ModelUnavailable:
        what = self._without_key(what).rstrip(".")
        return ModelUnavailable(f"The model server at {self.url}: {what}.", remedy=remedy)

    def _without_key(self, text: str) -> str:
        """A server may quote the key that it was shown."""
        return text.replace(self._key, "…") if self._key else text

    def _silent(self, seconds: float) -> ModelUnavailable:
        return self._gone(f"it has said nothing for {seconds:g} s", LOOK)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read a stream that is done to its last byte, so that its connection can be used again."""
    try:
        async with asyncio.timeout(_HANG_UP):
            async for _ in chunks:
                pass
    except (httpx.HTTPError, TimeoutError):
        pass


def _error(data: bytes) -> str:
    """What an event reports in place of an answer; empty where it reports nothing."""
    content = msgspec.json.decode(data)
    return message(content) if isinstance(content, dict) and content.get("error") else ""


def _why(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
