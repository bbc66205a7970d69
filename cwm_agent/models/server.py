"""A model server over HTTP: questions put with patience, streams read line by line, every failure in one voice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import httpx
from msgspec import Struct

from cwm_agent.errors import ModelUnavailable

_START = "Start one with `cwm-agent serve`, or set `model_url` to where yours listens."
_LOOK = "Its log says why; the answers until then are kept."
_DATA = "data:"
_DONE = "[DONE]"
_QUOTED = 300


class Patience(Struct, frozen=True, kw_only=True):
    """Seconds to wait for a connection, for the first token of an answer, and for each further one.

    `attempts` is how often a question is put in all, with `pause` seconds after the first, and then twice as many each.
    """

    connect: float = 5.0
    first: float = 300.0
    silence: float = 60.0
    attempts: int = 3
    pause: float = 0.25


class _Again(Exception):
    """A failure that may pass: nothing of the answer was used yet."""

    def __init__(self, error: ModelUnavailable) -> None:
        super().__init__(str(error))
        self._error = error

    async def wait(self, pause: float | None) -> None:
        """Wait for the next attempt; without a pause there is none, and the error is raised."""
        if pause is None:
            raise self._error from self.__cause__
        await asyncio.sleep(pause)


class Server:
    """One server and its open connections. What fails is a ModelUnavailable that names the address."""

    def __init__(self, url: str, *, patience: Patience | None = None, key: str = "") -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self.patience = patience or Patience()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(None, connect=self.patience.connect)
        try:
            self._client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=timeout, trust_env=False)
        except (httpx.InvalidURL, ValueError) as error:
            raise ModelUnavailable(f"{url} is no address of a server: {error}.", remedy=_START) from error

    async def ask(self, path: str, content: dict[str, Any] | None = None) -> Any:
        """The JSON that the server answers: to a GET without `content`, to a POST with it."""
        for pause in self._pauses():
            try:
                async with self._opened(path, content) as response:
                    return await self._json(response)
            except _Again as again:
                await again.wait(pause)
        raise AssertionError("the last attempt raises")

    async def stream(self, path: str, content: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The objects of an event stream, to its end. Tried again only while none was given; closing it hangs up."""
        for pause in self._pauses():
            begun = False
            try:
                async with self._opened(path, content) as response, aclosing(self._pieces(response)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                    return
            except _Again as again:
                await again.wait(None if begun else pause)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _pauses(self) -> list[float | None]:
        """One for each attempt: how long to wait where it fails; None after the last."""
        return [*(self.patience.pause * 2**number for number in range(self.patience.attempts - 1)), None]

    @asynccontextmanager
    async def _opened(self, path: str, content: dict[str, Any] | None) -> AsyncIterator[httpx.Response]:
        """A response of status 200; anything else is raised."""
        request = self._client.build_request("POST" if content else "GET", path, json=content)
        try:
            async with asyncio.timeout(self.patience.first):
                response = await self._client.send(request, stream=True)
        except TimeoutError:
            raise self._silent(self.patience.first) from None
        except httpx.ConnectTimeout:
            raise _Again(self._gone(f"no connection within {self.patience.connect:g} s", _START)) from None
        except httpx.HTTPError as error:
            raise _Again(self._gone(_why(error), _START)) from error
        except httpx.InvalidURL as error:
            raise self._gone(str(error), _START) from error
        try:
            if response.status_code != httpx.codes.OK:
                raise await self._refusal(path, response)
            yield response
        finally:
            await response.aclose()

    async def _json(self, response: httpx.Response) -> Any:
        try:
            async with asyncio.timeout(self.patience.first):
                return json.loads(await response.aread())
        except TimeoutError:
            raise self._silent(self.patience.first) from None
        except httpx.HTTPError as error:
            raise _Again(self._gone(_why(error), _LOOK)) from error
        except ValueError as error:
            raise self._gone("its answer is not JSON; is it a model server?", _START) from error

    async def _pieces(self, response: httpx.Response) -> AsyncGenerator[dict[str, Any]]:
        lines = response.aiter_lines()
        patience = self.patience.first
        while True:
            try:
                async with asyncio.timeout(patience):
                    line = await anext(lines, None)
            except TimeoutError:
                raise self._silent(patience) from None
            except httpx.HTTPError as error:
                raise _Again(self._gone(f"it broke off its answer ({_why(error)})", _LOOK)) from error
            if line is None:
                raise _Again(self._gone("it broke off its answer", _LOOK))
            if not line.startswith(_DATA):
                continue
            data = line.removeprefix(_DATA).strip()
            if data == _DONE:
                return
            patience = self.patience.silence
            yield self._piece(data)

    def _piece(self, data: str) -> dict[str, Any]:
        try:
            piece = json.loads(data)
        except ValueError as error:
            raise self._gone(f"it wrote no JSON: {data[:_QUOTED]}", _LOOK) from error
        if not isinstance(piece, dict):
            raise self._gone(f"it wrote no object: {data[:_QUOTED]}", _LOOK)
        if "error" in piece:
            raise self._gone(f"it reports: {_message(piece)}", _LOOK)
        return piece

    async def _refusal(self, path: str, response: httpx.Response) -> Exception:
        """What a status other than 200 means."""
        code = response.status_code
        text = ""
        with suppress(httpx.HTTPError, TimeoutError):
            async with asyncio.timeout(self.patience.silence):
                text = (await response.aread()).decode("utf-8", "replace")
        said = text[:_QUOTED].strip()
        with suppress(ValueError):
            said = _message(json.loads(text)) or said
        error = self._gone(f"{path} gives status {code}{f': {said}' if said else ''}", _remedy(code))
        passing = code >= httpx.codes.INTERNAL_SERVER_ERROR or code == httpx.codes.TOO_MANY_REQUESTS
        return _Again(error) if passing else error

    def _gone(self, what: str, remedy: str) -> ModelUnavailable:
        return ModelUnavailable(f"The model server at {self.url}: {what}.", remedy=remedy)

    def _silent(self, seconds: float) -> ModelUnavailable:
        return self._gone(f"it has said nothing for {seconds:g} s", _LOOK)


def _remedy(code: int) -> str:
    if code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return "It wants a key; start it without one, or set one up."
    return _LOOK if code != httpx.codes.NOT_FOUND else "It is no vLLM server, or an old one. " + _START


def _message(content: Any) -> str:
    """What an error object says, in one line."""
    found = content.get("error", content) if isinstance(content, dict) else content
    said = found.get("message", "") if isinstance(found, dict) else found
    return " ".join(str(said).split())[:_QUOTED]


def _why(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
