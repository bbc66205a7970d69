"""Every error that a user may see, as one tree.

    CwmAgentError                     exit 1
    ├── UsageError                    exit 2   the command line or a setting is wrong
    ├── MissingError                  exit 3   something needed is not there
    │   ├── EngineUnavailable                  no container engine answers
    │   ├── ImageUnavailable                   the sandbox image cannot be had
    │   └── ModelUnavailable                   the model server does not answer
    │       └── RequestRefused                 it answers, and does not take what it is asked
    ├── SandboxError                  exit 3   the engine answers, the sandbox does not work
    │   ├── ContainerDied                      the container is gone; the snapshot is kept
    │   └── SandboxDiskFull                    no room is left for the snapshot
    ├── LimitError                    exit 4   turns, tokens or time are used up
    ├── WorkspaceError                exit 1   the user's repository
    │   ├── NotARepository            exit 2
    │   ├── TreeChanged               exit 5   the files are not what the patch was made from
    │   ├── UnsafePath                exit 5   a path that must not be written
    │   └── NothingToUndo
    └── SessionError                  exit 2   a recorded session
        ├── SessionLocked                      another process is writing it
        └── SessionNotFound

Each carries what happened, to what, and what the user can do about it.
"""

from __future__ import annotations


class CwmAgentError(Exception):
    """What went wrong in one line; `remedy` says in another what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class UsageError(CwmAgentError):
    """The command line or a setting is wrong."""

    exit_code = 2


class MissingError(CwmAgentError):
    """Something that the request needs is not there."""

    exit_code = 3


class EngineUnavailable(MissingError):
    """No container engine answers."""


class ImageUnavailable(MissingError):
    """The sandbox image is not there and cannot be built."""


class ModelUnavailable(MissingError):
    """The model server does not answer."""


class RequestRefused(ModelUnavailable):
    """The model server answers, and does not take what it is asked: the same request will never be taken.

    `status` is that of HTTP, `said` what the server says of it.
    """

    def __init__(self, message: str, *, remedy: str = "", status: int = 0, said: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.said = said


class SandboxError(CwmAgentError):
    """The engine answers, but the sandbox does not work."""

    exit_code = 3


class ContainerDied(SandboxError):
    """The container is gone; the snapshot in it is kept and can be opened again."""


class SandboxDiskFull(SandboxError):
    """No room is left for the snapshot."""


class LimitError(CwmAgentError):
    """Turns, tokens or time are used up."""

    exit_code = 4


class WorkspaceError(CwmAgentError):
    """The user's repository cannot be read or written as asked."""


class NotARepository(WorkspaceError):
    """The folder is not under git."""

    exit_code = 2


class TreeChanged(WorkspaceError):
    """The files are no longer what the patch was made from, and the two cannot be merged."""

    exit_code = 5

    def __init__(self, message: str, *, paths: tuple[bytes, ...] = (), remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.paths = paths


class UnsafePath(WorkspaceError):
    """A path of a patch that must not be written: outside the tree, into `.git`, or through a link."""

    exit_code = 5


class NothingToUndo(WorkspaceError):
    """No patch was applied here, or the last one was undone."""


class SessionError(CwmAgentError):
    """A recorded session cannot be used."""

    exit_code = 2


class SessionLocked(SessionError):
    """Another process is writing this session."""


class SessionNotFound(SessionError):
    """No session has this name."""
