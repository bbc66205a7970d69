"""One bash that stays: commands go in as text, output and completion come back on two pipes of their own."""

import contextlib
import fcntl
import os
import resource
import shutil
import signal
import tempfile

from shell_tree import send_signal

# The numbers are high so that a command's own `exec 9>lock` does not meet them; a plain sh knows single digits alone.
# Each command runs without them: nothing that it starts can write a false completion. The driver is one line, so that
# the shell counts a command's lines from 1, and comes in as standard input, so that an EXIT trap can still write; a
# plain sh would read more than that line. The inner loop catches a stray `break`; TMOUT would be read's time limit.
_BASH_DESCRIPTORS = (196, 198, 199)
_BASH_DRIVER = (
    b"while IFS= TMOUT= builtin read -r __cwm && IFS= TMOUT= builtin read -r -d '' -u 196 __cwm; do "
    b'for _ in 1; do builtin eval "$__cwm" </dev/null >&198 2>&1 196<&- 198>&- 199>&-; done; '
    b"builtin printf '%s\\0' \"$?\" >&199; builtin disown -a; done\n"
)
_SH_DESCRIPTORS = (7, 8, 9)
_SH_DRIVER = (
    "while IFS= read -r __cwm; do "
    'for __cwm in 1; do command eval "$(cat <&7)" </dev/null >&8 2>&1 7<&- 8>&- 9>&-; done; '
    "printf '%s\\000' \"$?\" >&9; done"
)
_OUTPUT_PIPE = 1024 * 1024
_F_SETPIPE_SZ = 1031
_OOM_SCORE = b"300"


class Shell:
    """A persistent shell process; `pid` is None while none runs. `output` and `control` are to be polled and read."""

    def __init__(self):
        bash = shutil.which("bash")
        self.name = "bash" if bash else "sh"
        self._path = bash or shutil.which("sh") or "/bin/sh"
        self._argv = ["bash", "--norc", "--noprofile", "-s"] if bash else ["sh", "-c", _SH_DRIVER, "sh"]
        self._first = _BASH_DRIVER if bash else b""
        self.pid = None
        self.status = None
        self.cwd = "/"
        self._driver = None
        self._done = b""
        self._open_descriptors(_BASH_DESCRIPTORS if bash else _SH_DESCRIPTORS)

    def _open_descriptors(self, numbers):
        output, output_end = os.pipe()
        control, control_end = os.pipe()
        text = os.memfd_create("command", 0) if hasattr(os, "memfd_create") else _unnamed_file()
        # Out of the way first: the fixed numbers may be among those just opened.
        self.output, self.control = _moved(output), _moved(control)
        ends = [_moved(text), _moved(output_end), _moved(control_end)]
        for end, number in zip(ends, numbers):  # noqa: B905 - `strict` is not in Python 3.8
            os.dup2(end, number, inheritable=False)
            os.close(end)
        self._text, self._output_end, self._control_end = numbers
        os.set_blocking(self.output, False)
        os.set_blocking(self.control, False)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.output, _F_SETPIPE_SZ, _OUTPUT_PIPE)

    def start(self, cwd):
        """Start a new shell in `cwd`, or the nearest folder above that is left; OSError when it cannot fork."""
        self._forget()
        reader, self._driver = os.pipe()
        try:
            self.pid = os.fork()
        except OSError:
            os.close(reader)
            raise
        if self.pid == 0:
            self._become(reader, cwd)
        os.close(reader)
        os.write(self._driver, self._first)
        self.status = None
        self.cwd = cwd

    def _become(self, reader, cwd):
        """In the child: turn into the shell. Never returns."""
        try:
            os.setsid()
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            os.dup2(reader, 0)
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            for number in (self._text, self._output_end, self._control_end):
                os.set_inheritable(number, True)  # noqa: FBT003 - has no keywords
            _enter(cwd)
            env = {key: value for key, value in os.environ.items() if key not in ("BASH_ENV", "ENV", "PWD", "OLDPWD")}
            with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as file:
                file.write(_OOM_SCORE)
            os.execve(self._path, self._argv, env)
        finally:
            os._exit(127)

    def _forget(self):
        """Drop what a shell before this one left in the pipes."""
        if self._driver is not None:
            os.close(self._driver)
            self._driver = None
        with contextlib.suppress(BlockingIOError):
            while os.read(self.control, 4096):
                pass
        self._done = b""

    def submit(self, command):
        """Hand the shell one command; a shell that just died is noticed by its status, not here."""
        self._done = b""
        os.ftruncate(self._text, 0)
        end = b"\0" if self.name == "bash" else b""
        os.pwrite(self._text, command + end, 0)
        os.lseek(self._text, 0, os.SEEK_SET)
        # A program of an earlier command may have made the shared description non-blocking.
        os.set_blocking(self._output_end, True)
        with contextlib.suppress(BrokenPipeError):
            os.write(self._driver, b"\n")

    def completed(self):
        """The exit code that the shell reported for the command, or None while it runs."""
        with contextlib.suppress(BlockingIOError):
            self._done += os.read(self.control, 64)
        code = self._done.partition(b"\0")
        return int(code[0]) if code[1] and code[0].isdigit() else None

    def note_cwd(self):
        """Remember where the shell is, for the one after it."""
        if self.pid is not None:
            with contextlib.suppress(OSError):
                self.cwd = os.readlink("/proc/%d/cwd" % self.pid)

    def gone(self, ended):
        """Look for the shell among the children that ended; True once it is gone, with its exit code in `status`."""
        if self.pid in ended:
            wait_status = ended[self.pid]
            self.pid = None
            if os.WIFSIGNALED(wait_status):
                self.status = 128 + os.WTERMSIG(wait_status)
            else:
                self.status = os.WEXITSTATUS(wait_status)
        return self.pid is None

    def pause(self):
        """Stop the shell, so that it does not go on with the next part of a command that is being ended."""
        self._signal(signal.SIGSTOP)

    def go_on(self, *, forks):
        """Let the shell run again, with or without leave to start processes."""
        if self.pid is not None:
            with contextlib.suppress(OSError, ValueError):
                _, hard = resource.prlimit(self.pid, resource.RLIMIT_NPROC)
                resource.prlimit(self.pid, resource.RLIMIT_NPROC, (hard if forks else 0, hard))
        self._signal(signal.SIGCONT)

    def kill(self):
        """End the shell; its variables are lost."""
        self._signal(signal.SIGKILL)

    def _signal(self, number):
        if self.pid is not None:
            send_signal([self.pid], number)


def _moved(fd):
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 210)
    os.close(fd)
    return moved


def _unnamed_file():
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _enter(folder):
    while True:
        try:
            os.chdir(folder)
            return
        except OSError:
            if folder in ("", "/"):
                return
            folder = os.path.dirname(folder)
