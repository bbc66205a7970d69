"""A session whose model server fails in every way: it goes on, loses nothing, and does nothing by halves.

The server is a real one on a socket, the client the program's own, the sandbox the real one. For each fault the model
first writes a file, then fails in the middle of a call; when it is well again it reads the file.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest
import pytest_asyncio

from cwm_agent.compose import House
from cwm_agent.core import record
from cwm_agent.core.session import Session
from cwm_agent.errors import ModelUnavailable
from cwm_agent.events import (
    ActionEnded,
    ActionOutput,
    ActionProposed,
    AgentEvent,
    CheckpointMade,
    Noticed,
    Rested,
    SetMode,
    SubmitPrompt,
    TextWritten,
    ThoughtWritten,
)
from cwm_agent.observations import Mode
from cwm_agent.resources import state_folder
from cwm_agent.settings import LimitSettings, PatienceSettings, Settings
from cwm_agent.workspace.repository import Repository
from tests.e2e import faults
from tests.e2e.conftest import git
from tests.e2e.faults import choosing, cut, endless, status
from tests.e2e.faulty_server import DONE, Fault, FaultyServer, events
from tests.e2e.model_server import NAME
from tests.unit.core.grammar import check
from tests.unit.policies.chat_model import call, says

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = PatienceSettings(connect=1.0, first=0.6, silence=0.4, attempts=2, pause=0.01, longest=0.5)
HARM = call("bash", "touch harm", text="I do harm.")
STREAM = events(HARM)


class Stand:
    """One session, its server, and what was told in it."""

    def __init__(self, session: Session, server: FaultyServer) -> None:
        self.session = session
        self.server = server
        self.number = 0

    async def tell(self, *replies: str, faults: tuple[Fault | None, ...] = ()) -> list[AgentEvent]:
        """What comes of a prompt that the model answers so."""
        before = len(self.session.history)
        self.server.replies, self.server.faults, self.server.fired = list(replies), list(faults), []
        await self.session.send(SubmitPrompt("Go on."))
        await self.session.idle()
        return list(self.session.history[before:])

    def changed(self) -> dict[str, bytes]:
        """The files that the snapshot has and the tree has not."""
        review = self.session.review()
        return {each.path.decode(): each.new.content for each in review.changes.changes if each.new} if review else {}


def settings(url: str, **more: object) -> Settings:
    limits = LimitSettings(tokens=1_000_000)
    given: dict[str, object] = {"limits": limits, "patience": PATIENCE, "mode": Mode.REAL, **more}
    return Settings(model_url=url, model=NAME, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "project"
    folder.mkdir()
    (folder / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    (folder / "test_calc.py").write_text("from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CWM_AGENT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(project: Path) -> AsyncIterator[Stand]:
    server = FaultyServer()
    await server.start()
    house = House(settings(server.url), Repository.open(project))
    session = await house.open(lambda event: None)
    await session.start()
    try:
        yield Stand(session, server)
    finally:
        await session.aclose()
        await house.aclose()
        server.kill()


def last(told: list[AgentEvent]) -> Rested:
    assert isinstance(told[-1], Rested)
    return told[-1]


def errors(told: list[AgentEvent]) -> list[Noticed]:
    return [event for event in told if isinstance(event, Noticed) and event.level == "error"]


LASTING: list[tuple[str, Fault, int, str]] = [
    ("reset at once", faults.reset_at_once, 2, "model server at"),
    ("closed at once", faults.closed_at_once, 2, "model server at"),
    ("reset in the stream", cut(450, how="reset"), 1, "broke off"),
    ("closed in the stream", cut(450), 1, "broke off"),
    ("chunks without an end", cut(450, how="chunks"), 1, "broke off"),
    ("no end of the stream", cut(-len(DONE)), 1, "broke off"),
    ("silent", faults.silent, 1, "nothing for 0.6 s"),
    ("silent in the stream", faults.silent_in_the_middle, 1, "nothing for 0.4 s"),
    ("429", status(429, {"error": {"message": "busy"}}), 2, "429: busy"),
    ("429, later", status(429, {"error": "busy"}, retry_after="3600"), 1, "asked again in 3600 s"),
    ("500", status(500, {"error": {"message": "CUDA error"}}), 2, "500: CUDA error"),
    ("503", status(503, "loading"), 2, "still be loading"),
    ("invalid JSON", faults.answering(b"data: {nonsense\n\n" + DONE), 1, "no piece of an answer"),
    ("JSON that is no object", faults.answering(b"data: [1]\n\n" + DONE), 1, "no piece of an answer"),
    ("an error in the stream", faults.answering(b'data: {"error": {"message": "dead"}}\n\n'), 1, "it reports: dead"),
    ("no ids", choosing([{"text": HARM}]), 1, "no token ids"),
    ("ids that are texts", choosing([{"text": "a", "token_ids": ["a"]}]), 1, "no piece of an answer"),
    ("ids below 0", choosing([{"text": "a", "token_ids": [-1]}]), 1, "no piece of an answer"),
    ("choices of another kind", choosing({"text": HARM}), 1, "no piece of an answer"),
    ("aborted", choosing([{"text": HARM, "token_ids": [1], "finish_reason": "abort"}]), 1, "ended its answer at"),
    ("another model", faults.wrong_model, 1, "does not exist"),
    ("garbage", faults.garbage, 2, "model server at"),
    ("garbage in the stream", faults.garbage_in_the_stream, 1, "no piece of an answer"),
    ("endless comments", endless(b": still here\n\n", pause=0.01), 1, "nothing for 0.6 s"),
    ("an endless line", endless(b"x" * 65536, start=b"data: "), 1, "a line of more than 4 MiB"),
    ("events without tokens", endless(b'data: {"choices": []}\n\n' * 99), 1, "does not end its answer"),
    ("an endless error", status(500, "x" * 1_000_000), 2, "500"),
    ("HTML", faults.answering(b"<html>hello</html>", "text/html"), 1, "answers text/html"),
    ("a redirect", status(307, "", location="http://elsewhere:1/v1"), 1, "http://elsewhere:1/v1"),
    ("a bad request", status(400, {"error": {"message": "no such token id"}}), 1, "no such token id"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "times", "words"), [row[1:] for row in LASTING], ids=[row[0] for row in LASTING])
async def test_a_lasting_fault(
    stand: Stand, caplog: pytest.LogCaptureFixture, fault: Fault, times: int, words: str
) -> None:
    stand.number += 1
    name, text = f"note{stand.number}.txt", f"written before fault {stand.number}"
    told = await stand.tell(call("create", f"{name}\n{text}\n"), HARM, faults=(None, *[fault] * times))
    assert stand.server.fired == [fault.__name__] * times
    assert last(told).status == "error", told
    (error,) = errors(told)
    assert words in f"{error.text} {error.remedy}"
    assert error.remedy
    assert "\n" not in error.text
    assert len(error.text) < 500
    assert sum(isinstance(event, ActionProposed) for event in told) == 1, "only what was wholly said is done"
    assert any(isinstance(event, CheckpointMade) for event in told)
    assert stand.changed()[name].decode().strip() == text
    assert "harm" not in stand.changed()
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR or each.exc_info]

    again = await stand.tell(call("bash", f"cat {name}; ls harm"), says("I read it."))
    assert last(again).status in ("answered", "proposed")
    (ended,) = [event for event in again if isinstance(event, ActionEnded)]
    assert text in ended.observation
    assert "No such file" in ended.observation
    check(stand.session.history)


async def test_the_same_without_a_fault(stand: Stand) -> None:
    told = await stand.tell(call("create", "well.txt\nx\n"), HARM, call("bash", "rm harm"), says("Done."))
    assert last(told).status in ("answered", "proposed")
    assert [event.call.content for event in told if isinstance(event, ActionProposed)][1] == "touch harm"
    assert not stand.server.fired


PASSING: list[tuple[str, Fault]] = [
    ("slow", faults.slow),
    ("reset at once", faults.reset_at_once),
    ("closed at once", faults.closed_at_once),
    ("500", status(500, {"error": "once"})),
    ("503", status(503, "loading", retry_after="0")),
    ("429, in a moment", status(429, "busy", retry_after="0")),
    ("garbage", faults.garbage),
]


@pytest.mark.parametrize("fault", [row[1] for row in PASSING], ids=[row[0] for row in PASSING])
async def test_a_passing_fault_is_not_noticed(stand: Stand, fault: Fault) -> None:
    stand.number += 1
    once = call("bash", f"echo once >> count{stand.number}; cat count{stand.number}")
    told = await stand.tell(once, says("Done."), faults=(fault,))
    assert stand.server.fired == [fault.__name__]
    assert last(told).status in ("answered", "proposed")
    assert stand.changed()[f"count{stand.number}"] == b"once\n"
    assert not errors(told)


PLACES = sorted({*range(1, len(STREAM), len(STREAM) // 12), *range(len(STREAM) - 20, len(STREAM) - 1, 2)})


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_call_cut_off_at_any_place_is_not_carried_out(stand: Stand, how: str) -> None:
    for at in PLACES:
        told = await stand.tell(HARM, HARM, says("Not reached."), faults=(cut(at, how=how),) * 2)
        assert stand.server.fired, at
        assert last(told).status == "error", (at, told)
        assert not any(isinstance(event, ActionProposed) for event in told), at
    assert "harm" not in stand.changed()
    assert last(await stand.tell(says("Well."))).status in ("answered", "proposed")


async def test_killed_in_the_middle_of_a_turn_and_started_again(stand: Stand) -> None:
    async def killed(wire: faults.Wire) -> None:
        await wire.head()
        await wire.send(wire.good()[:500])
        stand.server.kill()

    first = await stand.tell(call("create", "kept.txt\nkept\n"), HARM, faults=(None, killed))
    assert (last(first).status, stand.server.fired) == ("error", ["killed"])
    gone = await stand.tell(HARM)
    assert last(gone).status == "error"
    (error,) = errors(gone)
    assert "cwm-agent serve" in error.remedy
    await stand.server.start()
    well = await stand.tell(call("bash", "cat kept.txt"), says("It is there."))
    assert last(well).status in ("answered", "proposed")
    assert any(isinstance(event, ActionEnded) and "kept" in event.observation for event in well)


async def test_started_again_with_another_model(stand: Stand) -> None:
    stand.server.model = "other"
    told = await stand.tell(HARM, faults=(faults.wrong_model,))
    stand.server.model = NAME
    (error,) = errors(told)
    assert f"serves other, not {NAME}" in error.text
    assert last(await stand.tell(says("Well."))).status in ("answered", "proposed")


async def test_ids_that_the_server_does_not_take_later_are_not_sent_again(stand: Stand) -> None:
    wrong = faults.answering(events(says("I say this.")).replace(b"[2000, ", b"[77777, "))
    assert last(await stand.tell(faults=(wrong,))).status in ("answered", "proposed")
    refused = await stand.tell(faults=(status(400, {"error": {"message": "Token id 77777 is out of vocabulary"}}),))
    assert last(refused).status == "error"
    assert last(await stand.tell(says("Well."))).status in ("answered", "proposed")
    assert 77777 not in stand.server.prompts[-1]


async def test_a_fault_while_imagining_costs_the_prediction_alone(stand: Stand) -> None:
    await stand.session.send(SetMode(Mode.VERIFY))
    for fault in (status(500, "no"), faults.garbage, faults.silent, cut(40), faults.answering(b"", "text/html")):
        stand.server.tracing = fault
        told = await stand.tell(call("bash", "python3 -m pytest -q test_calc.py::test_add"), says("It fails."))
        assert last(told).status in ("answered", "proposed")
        warned = [event.text for event in told if isinstance(event, Noticed)]
        assert any("No prediction" in text for text in warned), warned
        assert any(isinstance(event, ActionEnded) and "1 failed" in event.observation for event in told)
    stand.server.tracing = None
    await stand.session.send(SetMode(Mode.REAL))


def joined(events: Sequence[AgentEvent]) -> list[object]:
    """The events, what was written piece by piece as one."""
    pieces = (ThoughtWritten, TextWritten, ActionOutput)
    found: list[object] = []
    for kind, group in groupby(events, key=type):
        alike = list(group)
        found += ["".join(each.text for each in alike)] if kind in pieces else alike
    return found


async def test_the_record_has_it_all(stand: Stand, project: Path) -> None:
    """Runs last of those on this session."""
    kept = record.read(state_folder() / "sessions" / stand.session.identity)
    assert not kept.bad
    assert joined(kept.events) == joined(stand.session.history)
    assert git(project, "status", "--porcelain") == "", "the user's own files are as they were"


async def test_a_server_with_less_room_than_before(project: Path) -> None:
    """Started again with a shorter context, it refuses what is too long; the next prompt is folded to fit."""
    server = FaultyServer()
    await server.start()
    house = House(settings(server.url), Repository.open(project))
    session = await house.open(lambda event: None)
    await session.start()
    stand = Stand(session, server)
    try:
        looks = [call("bash", "seq 1 4000", text=f"I look, {number}.") for number in range(3)]
        assert last(await stand.tell(*looks, says("Much."))).status == "answered"
        said = f"This model's maximum context length is 20000 tokens. However, you requested {10**6} tokens."
        server.context = 20_000
        told = await stand.tell(faults=(status(400, {"error": {"message": said}}),))
        assert last(told).status == "limit"
        (error,) = errors(told)
        assert "maximum context length" in error.text
        assert error.remedy
        told = await stand.tell(says("What was done so far."), says("Well."))
        assert last(told).status == "answered", told
        assert len(server.prompts[-1]) < 20_000
    finally:
        await session.aclose()
        await house.aclose()
        server.kill()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (faults.answering(b"<html></html>", "text/html"), "not JSON"),
        (status(503, "loading"), "loading"),
        (faults.garbage, "model server at"),
        (faults.silent, "nothing for"),
        (endless(b"[" * 65536), "more than 16 MiB"),
        (faults.answering(b'{"data": [{"id": ["x"]}]}', "application/json"), "serves nothing"),
        (faults.answering(b'{"data": [{"id": "scripted"}]}', "application/json"), "does not say how long"),
    ],
    ids=["html", "503", "garbage", "silent", "endless", "odd", "no length"],
)
async def test_a_server_that_cannot_be_met(answer: Fault, words: str) -> None:
    from cwm_agent.compose_world import trace_model

    server = FaultyServer()
    server.meeting = answer
    await server.start()
    try:
        with pytest.raises(ModelUnavailable, match=words) as raised:
            await trace_model(settings(server.url))
    finally:
        server.kill()
    assert raised.value.remedy
    assert raised.value.exit_code == 3
