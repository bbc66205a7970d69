"""The traced program: its output, its exit and what it does are those of an untraced one, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.unit.tracing import RUNNING, TRACER, call, gather, newer_than, pythons, run, trace, write

PROGRAMS = {
    "prints": """
        import sys
        print('a', sys.argv, __name__, __file__)
        print('é', file=sys.stderr)
        """,
    "reads": """
        print(input() + input())
        """,
    "raises": """
        def f():
            return {}['k']

        def g():
            try:
                f()
            except KeyError as e:
                raise ValueError('x') from e
        g()
        """,
    "exits": """
        import sys
        sys.exit(3)
        """,
    "exits with words": """
        import sys
        sys.exit('no good')
        """,
    "exits at once": """
        import os
        print('x', flush=True)
        os._exit(5)
        """,
    "does not parse": """
        def f(:
            pass
        """,
    "is interrupted": """
        raise KeyboardInterrupt
        """,
    "kills itself": """
        import os, signal
        print('x', flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    "crashes": """
        import ctypes
        print('x', flush=True)
        ctypes.string_at(0)
        """,
    "says farewell": """
        import atexit
        atexit.register(lambda: print('bye'))
        print('hello')
        1 / 0
        """,
    "has a hook": """
        import sys
        sys.excepthook = lambda kind, value, tb: print('hook', kind.__name__)
        1 / 0
        """,
    "has threads": """
        import threading, time
        def f():
            time.sleep(0.05)
            print('late')
        threading.Thread(target=f).start()
        print('early')
        """,
    "fails in a thread": """
        import threading
        t = threading.Thread(target=lambda: print('in'))
        t.start(); t.join()
        print(threading.active_count())
        """,
    "forks": """
        import os, sys
        pid = os.fork()
        if not pid:
            x = 1
            print('child', flush=True)
            os._exit(7)
        print('parent', os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
        """,
    "closes everything": """
        import os
        os.closerange(3, 300)
        f = open('made.txt', 'w')
        print(f.fileno())
        for i in range(50):
            f.write(str(i))
        f.close()
        print(open('made.txt').read())
        """,
    "opens": """
        f = open(__file__)
        print(f.fileno())
        """,
    "recurses": """
        import sys
        def f(n):
            return 0 if n == 0 else 1 + f(n - 1)
        print(f(900), sys.getrecursionlimit())
        deepest = 0
        def g(n):
            global deepest
            deepest = n
            return g(n + 1)
        def run():
            try:
                g(1)
            except RecursionError as e:
                print('deep', deepest, e)
        run()
        sys.setrecursionlimit(400)
        run()
        def h(n):
            try:
                return h(n + 1)
            except RecursionError:
                return n
        print(h(1), sys.getrecursionlimit())
        """,
    "shadows": """
        import json, random, token
        print(json.HERE, random.HERE, token.HERE)
        """,
    "warns": """
        import warnings
        warnings.warn('careful')
        """,
    "pickles": """
        import pickle
        class A:
            pass
        print(type(pickle.loads(pickle.dumps(A()))).__name__)
        """,
    "uses alarms": """
        import signal, time
        def on(*_):
            raise TimeoutError('now')
        signal.signal(signal.SIGALRM, on)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            while True:
                x = [1, 2, 3]
        except TimeoutError as e:
            print(e)
        """,
    "runs others": """
        import subprocess, sys
        print(subprocess.run([sys.executable, '-c', 'print(5)'], capture_output=True).stdout)
        """,
    "spawns": """
        import multiprocessing as m
        def f(x):
            return x + 1
        if __name__ == '__main__':
            with m.get_context('spawn').Pool(1) as p:
                print(p.map(f, [1, 2]))
        """,
}

MODULES = {f"{name}.py": "HERE = 'mine'\n" for name in ("json", "random", "token")}


@pytest.mark.parametrize("name", PROGRAMS)
def test_behaviour_is_unchanged(tmp_path: Path, name: str) -> None:
    _compare(tmp_path, name, RUNNING)


@pytest.mark.parametrize("python", [python for python in pythons() if python != RUNNING])
def test_behaviour_is_unchanged_on_every_version(tmp_path: Path, python: str) -> None:
    for name in ("prints", "raises", "exits with words", "does not parse", "is interrupted", "opens", "recurses"):
        _compare(tmp_path, name, python)


def _compare(folder: Path, name: str, python: str) -> None:
    write(folder, {"p.py": PROGRAMS[name]})
    options = ["-B"]
    if name == "shadows":
        write(folder, MODULES)
        options.append("-S")  # what is installed may load the library's modules of these names before the program
    plain = run([python, *options, "p.py", "a b", "--x"], folder, "one\ntwo\n")
    out = folder.parent / "frames"
    command = [python, *options, str(TRACER), "--out", str(out), "--frames", "100000", "--script", "p.py", "a b", "--x"]
    traced = run(command, folder, "one\ntwo\n")
    assert (traced.returncode, traced.stdout, traced.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    found = gather(traced, out)
    assert found.frames or name == "does not parse"
    assert not found.over.startswith("error"), found.over


@pytest.mark.parametrize("end", ["os._exit(5)", "os.kill(os.getpid(), 9)", "ctypes.string_at(0)", "os.abort()"])
def test_a_sudden_end_loses_nothing(tmp_path: Path, end: str) -> None:
    traced = call(
        tmp_path, f"import ctypes, os\n\ndef f():\n    for i in range(200):\n        x = i\n    {end}\n", "f()"
    )
    assert traced.exit in (5, -9, -11, -6)
    assert traced.steps()[-1] == "line f 6"
    assert len(traced.frames) == 403


def test_the_trace_ends_at_a_limit_and_the_program_does_not(tmp_path: Path) -> None:
    source = "def f():\n    n = 0\n    for i in range(20000):\n        n += i\n    print(n)\n"
    for options, over in (
        (("--frames", "100"), "frames"),
        (("--bytes", "20000"), "bytes"),
        (("--seconds", "0.01"), "time"),
    ):
        traced = call(tmp_path, source, "f()", "--frames", "1000000", *options)
        assert (traced.over, traced.exit, traced.out) == (over, 0, "199990000\n")
        assert 50 < len(traced.frames) < 40000
    assert len(call(tmp_path, source, "f()", "--frames", "100").frames) == 100


def test_frames_go_to_a_pipe_as_they_come(tmp_path: Path) -> None:
    write(tmp_path, {"f.py": "import os\n\ndef f():\n    x = 1\n    os.kill(os.getpid(), 9)\n"})
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    seen: list[bytes] = []
    reader = threading.Thread(target=lambda: seen.append(pipe.read_bytes()))
    reader.start()
    subprocess.run([sys.executable, str(TRACER), "--out", str(pipe), "--call", "f()", "f.py"], cwd=tmp_path)
    reader.join(10)
    assert seen[0].count(b"\n") == 3


def test_a_pipe_that_nobody_reads_any_more_ends_the_trace_alone(tmp_path: Path) -> None:
    write(tmp_path, {"f.py": "def f():\n    for i in range(50000):\n        x = i\n    print(x)\n"})
    reading, writing = os.pipe()
    command = [sys.executable, str(TRACER), "--out", f"/dev/fd/{writing}", "--call", "f()", "f.py"]
    process = subprocess.Popen(command, cwd=tmp_path, pass_fds=[writing], stdout=subprocess.PIPE, text=True)
    os.close(writing)
    assert os.read(reading, 100)
    os.close(reading)
    assert process.communicate(timeout=30)[0] == "49999\n"
    assert process.returncode == 0


def test_a_file_that_is_removed_ends_the_trace_alone(tmp_path: Path) -> None:
    source = "import os\n\ndef f(path):\n    os.unlink(path)\n    for i in range(5000):\n        x = i\n    return x\n"
    write(tmp_path, {"f.py": source})
    out = tmp_path / "frames"
    traced = trace(tmp_path, "--frames", "100000", "--call", f"print(f({str(out)!r}))", "f.py", out=out)
    assert (traced.exit, traced.out, traced.frames) == (0, "4999\n", [])


@pytest.mark.parametrize("python", [RUNNING, *newer_than(3, 13)])
def test_a_program_that_takes_tracing_for_itself(tmp_path: Path, python: str) -> None:
    source = """\
        import sys

        def f():
            x = 1
            sys.settrace(None)
            x = 2
            return g(x)

        def g(x):
            return x
        """
    traced = call(tmp_path, source, "print(f())", "--backend", "settrace", python=python)
    assert (traced.exit, traced.out, traced.over) == (0, "2\n", "lost")
    if python in newer_than(3, 12):
        traced = call(tmp_path, source, "f()", python=python)
        assert (traced.over, traced.steps()[-1]) == ("", "return f 7")


def test_a_file_that_changes_while_it_runs_keeps_its_text(tmp_path: Path) -> None:
    files = {
        "other.py": "def g():\n    first = 1\n    return first\n",
        "f.py": "import other\n\ndef f():\n    open('other.py', 'w').write('# nothing')\n    return other.g()\n",
    }
    write(tmp_path, files)
    traced = trace(tmp_path, "--call", "f()", "f.py")
    assert traced.at(2)[0]["source"] == "    first = 1"
