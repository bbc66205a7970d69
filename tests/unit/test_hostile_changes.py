"""Change sets that want out of the tree, into `.git`, or past the user's eyes: refused, and nothing is touched."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwm_agent.errors import CwmAgentError, UnsafePath
from cwm_agent.workspace import plan
from cwm_agent.workspace.apply import apply, recover, undo
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Change, ChangeSet, Entry
from cwm_agent.workspace.safety import check, check_path
from tests.unit.trees import fast_folder, shape, text

NAMES = [
    b"", b"/etc/passwd", b"//x", b".", b"..", b"../x", b"a/../x", b"a/./x", b"./x", b"a//x", b"a/", b"a\0b",
    b".git", b".git/config", b".git/hooks/pre-commit", b"sub/.git/config", b".GIT/config", b".Git/hooks/x", b".giT",
    b"git~1/config", b"GIT~1/x", b"git~2", b".git /config", b".git./config", b".git . ./x",
    b".git::$INDEX_ALLOCATION/x",
    b".git:stream", b".git\\config", b"a\\.git\\config", b"..\\x", b"a\\..\\..\\x", b"C:\\x", b"c:", b"a\\..",
    ".g\u200cit/config".encode(), ".gi\u200dt/x".encode(), "\ufeff.git/x".encode(), ".git\u200e/x".encode(),
    ".g\u2060it".encode(), ".\uff47it/x".encode(), ".GI\u0054\u200b/x".encode(),
    b"a\x1b[2Jb", b"a\nb", b"a\rb", b"a\tb", b"a\x7fb", "a\u009b31mb".encode(), "a\u202eb".encode(),
    "a\u2066b".encode(), "a\u200bb".encode(), "a\u00adb".encode(), "a\u2028b".encode(), b"x" * 256, b"x/" * 2500 + b"x",
]  # fmt: skip
LINKS = [
    b"", b"/etc/passwd", b"/", b"..", b"../x", b"../../x", b"a/../../x", b"a/../x", b".git/config", b".GIT/hooks",
    b"./.git", b"../.git/config", b"\\x", b"C:\\x", b"..\\x", b"git~1/x", b"a\0b",
]  # fmt: skip
MODES = [
    0o160000,
    0o040000,
    0o020000,
    0o060000,
    0o010000,
    0o140000,
    0o104755,
    0o102755,
    0o101644,
    0o100777,
    0,
    0o120777,
]
SETS = {
    "twice": (Change(b"a", None, text("1")), Change(b"a", None, text("2"))),
    "file and folder": (Change(b"a", None, text("1")), Change(b"a/b", None, text("2"))),
    "case pair": (Change(b"Readme", None, text("1")), Change(b"README", None, text("2"))),
    "case pair of folders": (Change(b"Src/a", None, text("1")), Change(b"src/b", None, text("2"))),
    "composed and decomposed": (Change("é".encode(), None, text("1")), Change("e\u0301".encode(), None, text("2"))),
    "rename out of .git": (Change(b"a", text("x"), text("x"), renamed_from=b".git/config"),),
    "rename from outside": (Change(b"a", text("x"), text("x"), renamed_from=b"../outside/secret"),),
    "rename into .git": (Change(b".git/hooks/post-checkout", text("x"), text("x"), renamed_from=b"plain"),),
    "rename of nothing": (Change(b"a", None, text("x"), renamed_from=b"plain"),),
    "delete in .git": (Change(b".git/config", text("x"), None),),
    "delete outside": (Change(b"../outside/secret", text("secret"), None),),
    "mode of what is outside": (Change(b"../outside/secret", text("secret"), Entry(EXECUTABLE, b"secret")),),
    "link, then a file through it": (
        Change(b"l", None, Entry(SYMLINK, b"sub")),
        Change(b"l/x", None, text("x")),
    ),
    "link as .gitmodules": (Change(b".gitmodules", None, Entry(SYMLINK, b"plain")),),
    "through a standing link": (Change(b"out/secret", text("secret"), text("changed")),),
    "new through a standing link": (Change(b"out/new", None, text("x")),),
    "delete through a standing link": (Change(b"out/secret", text("secret"), None),),
    "link by way of a standing link": (Change(b"l", None, Entry(SYMLINK, b"out/secret")),),
    "rename through a standing link": (Change(b"a", text("secret"), text("secret"), renamed_from=b"out/secret"),),
}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A tree with a `.git` and a link that points out, and a folder beside it that nothing may touch."""
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        top = Path(folder)
        (top / "outside").mkdir()
        (top / "outside" / "secret").write_text("secret")
        root = top / "root"
        (root / ".git" / "hooks").mkdir(parents=True)
        (root / ".git" / "config").write_text("x")
        (root / "sub").mkdir()
        (root / "sub" / "file").write_text("x")
        (root / "plain").write_text("x")
        (root / "out").symlink_to("../outside")
        yield top


def world(top: Path) -> dict[bytes, object]:
    """All that stands there, `.git` too, but not our journal."""
    found: dict[bytes, object] = {b".git/" + path: e for path, e in shape(top / "root" / ".git").items()}
    return found | {p: e for p, e in shape(top).items() if not p.startswith(b"journal")}


def refused(top: Path, changes: tuple[Change, ...]) -> UnsafePath:
    before = world(top)
    with pytest.raises(UnsafePath) as caught:
        apply(top / "root", ChangeSet(changes), top / "journal")
    assert world(top) == before
    assert caught.value.exit_code == 5
    message = str(caught.value)
    assert message.replace("\n", "").isprintable()
    return caught.value


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:40])
def test_a_name_is_refused(place: Path, name: bytes) -> None:
    refused(place, (Change(name, None, text("x")),))


@pytest.mark.parametrize("target", LINKS, ids=repr)
def test_a_link_is_refused(place: Path, target: bytes) -> None:
    refused(place, (Change(b"l", None, Entry(SYMLINK, target)),))


@pytest.mark.parametrize("mode", MODES, ids=oct)
def test_a_mode_is_refused(place: Path, mode: int) -> None:
    refused(place, (Change(b"m", None, Entry(mode, b"x")),))


@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_a_set_is_refused(place: Path, changes: tuple[Change, ...]) -> None:
    refused(place, changes)


@pytest.mark.parametrize(
    "name",
    [
        b".gitignore",
        b".github/x",
        b"..a",
        b"a..",
        b"...",
        b".gitx",
        b"git",
        b"-x",
        b"--",
        b"\xff",
        b"a b",
        b"a:b",
        b"x\\y",
        "ä/ö".encode(),
    ],
)
def test_a_plain_name_is_not(name: bytes) -> None:
    check_path(name)


def test_links_inside_the_tree_are_not_refused() -> None:
    for path, target in ((b"l", b"a/b"), (b"a/b/l", b"../../x"), (b"a/l", b"./x"), (b"a/l", b"..")):
        check(ChangeSet((Change(path, None, Entry(SYMLINK, target)),)))


def test_a_file_that_is_there_keeps_its_odd_name(tmp_path: Path) -> None:
    root = tmp_path / "r"
    root.mkdir()
    (root / "new\nline\x1b").write_text("a")
    apply(root, ChangeSet((Change(b"new\nline\x1b", text("a"), text("b")),)), tmp_path / "j")
    assert (root / "new\nline\x1b").read_text() == "b"


def test_without_the_check_it_would_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what the cases above see is the check, not some other failure."""
    root = tmp_path / "r"
    (root / ".git" / "hooks").mkdir(parents=True)
    monkeypatch.setattr(plan, "check", lambda changes: None)
    apply(root, ChangeSet((Change(b".git/hooks/post-checkout", None, text("x")),)), tmp_path / "j")
    assert (root / ".git" / "hooks" / "post-checkout").read_text() == "x"


COMPONENT = st.sampled_from(b"..|.||.git|.GIT|git~1|.git |out|sub|plain|file|a|secret|\\..|config|hooks".split(b"|"))
PATH = st.one_of(st.lists(COMPONENT, min_size=1, max_size=4).map(b"/".join), st.binary(max_size=6))
ENTRY = st.one_of(
    st.builds(Entry, st.sampled_from([REGULAR, EXECUTABLE, 0o104755]), st.sampled_from([b"", b"x", b"secret"])),
    st.builds(Entry, st.just(SYMLINK), PATH),
)
CHANGE = st.builds(Change, PATH, st.none() | ENTRY, st.none() | ENTRY, st.none() | PATH)


@settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(changes=st.lists(CHANGE, min_size=1, max_size=4))
def test_nothing_outside_is_ever_touched(place: Path, changes: list[Change]) -> None:
    before = world(place)
    try:
        apply(place / "root", ChangeSet(tuple(changes)), place / "journal")
    except CwmAgentError:
        assert world(place) == before
        return
    now = world(place)
    guarded = [path for path in before if path.startswith((b"outside", b".git/"))]
    assert {p: now.get(p) for p in guarded} == {p: before[p] for p in guarded}
    assert [p for p in now if p.startswith((b"outside", b".git/"))] == guarded
    undo(place / "root", place / "journal")
    assert world(place) == before
    assert recover(place / "root", place / "journal") == ""
