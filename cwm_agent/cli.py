"""Commands and flags, turned into settings and handed to `compose`. Imports nothing heavy before it knows what for."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwm_agent import __version__
from cwm_agent.errors import CwmAgentError, UsageError

if TYPE_CHECKING:
    from cwm_agent.settings import Settings

EXIT_CODES = """\
exit codes:
  0    done: a patch whose tests ran and passed, or the request was answered
  1    finished without such a patch
  2    wrong usage or configuration
  3    something needed is not there: engine, image, model server
  4    a limit was reached: turns, tokens, time
  5    the patch could not be applied: the tree changed or conflicts
  130  interrupted
"""


def _common() -> argparse.ArgumentParser:
    """Flags that stand before or after the command."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("everywhere")
    group.add_argument("--model-url", metavar="URL", help="where the model server listens")
    group.add_argument("--model", metavar="NAME", help="the name under which the server knows the model")
    group.add_argument("--policy", choices=("auto", "forager", "cwm", "chat"), help="who decides")
    group.add_argument("--chat-url", metavar="URL", help="a server of chat completions, whose model decides")
    group.add_argument("--chat-model", metavar="NAME", help="the name under which that server knows its model")
    group.add_argument("--config", metavar="FILE", type=Path, help="settings to read instead of the user's own")
    group.add_argument("--repo", metavar="DIR", type=Path, help="the repository (default: the one of this folder)")
    group.add_argument("--mode", choices=("real", "verify", "imagined"), help="which world answers")
    group.add_argument("--quiet", action="store_true", help="only results and errors")
    return common


def _parser() -> argparse.ArgumentParser:
    common = _common()
    style: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(
        prog="cwm-agent",
        description="A coding agent that imagines what code will do, then runs it in a sandbox and shows both.\n"
        "Without a command it opens on the repository of this folder.",
        epilog='example:\n  cwm-agent run "test_refund fails, please fix it"\n\n' + EXIT_CODES,
        parents=[common],
        **style,
    )
    parser.add_argument("--version", action="version", version=f"cwm-agent {__version__}")
    parser.set_defaults(action=_open)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, action: Callable[..., int], help_: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=help_, description=help_, parents=[common], epilog=f"example:\n  {example}", **style
        )
        sub.set_defaults(action=action)
        return sub

    demo = command("demo", _demo, "The main job on a sample repository with a real bug.", "cwm-agent demo")
    demo.add_argument("--headless", action="store_true", help="print the conversation and the diff instead")
    demo.add_argument("--folder", type=Path, metavar="DIR", help="where to make the sample (default: a new folder)")

    run = command("run", _run, "Work on one task without a screen.", 'cwm-agent run "fix the failing tests" --apply')
    run.add_argument("task", metavar="TASK", nargs="?", help="what to do; read from standard input when left out")
    run.add_argument("--test", metavar="ID", action="append", help="a failing test to repair, by its pytest id")
    run.add_argument("--best-of", type=int, default=1, metavar="N", help="let the model try it N times; the best patch")
    run.add_argument("--trust", dest="guidance", action="store_const", const="follow", help="follow its AGENTS.md")
    run.add_argument("--output", type=Path, metavar="FILE", help="write the patch there")
    run.add_argument("--apply", action="store_true", help="apply the patch when its tests ran and passed")
    run.add_argument("--format", choices=("text", "json", "stream-json"), default="text", help="what is printed")
    chat = command("chat", _chat, "Line mode: the same session at a prompt, without a full screen.", "cwm-agent chat")
    chat.add_argument("task", metavar="TASK", nargs="?", help="what to do first")
    chat.add_argument("--plain", action="store_true", help="no colours, nothing redrawn: for a screen reader or a pipe")
    acp = command("acp", _acp, "Serve an editor over the Agent Client Protocol, on standard input.", "cwm-agent acp")
    for sub in (run, chat, acp, parser):
        sub.add_argument(
            "--no-git", action="store_true", default=argparse.SUPPRESS, help="work on a folder that is not under git"
        )

    trace = command(
        "trace",
        _trace,
        "The execution of a call, a test or a script, frame by frame: real, imagined, or both and where they part.",
        'cwm-agent trace letters.py --call \'count("strawberry", "r")\'',
    )
    trace.add_argument("file", type=Path, metavar="FILE", help="the Python file; without --call or --test, run it")
    what = trace.add_mutually_exclusive_group()
    what.add_argument("--call", metavar="EXPR", help="a call, evaluated in the file")
    what.add_argument("--test", metavar="NAME", help="a test of the file, as pytest names it")
    trace.add_argument("--args", metavar="WORDS", default="", help="the script's arguments, split as a shell would")
    trace.add_argument("--format", choices=("text", "jsonl", "html", "svg"), default="text", help="what is written")
    trace.add_argument("--output", type=Path, metavar="OUT", help="write it there")

    debug = command(
        "debug",
        _debug,
        "Step through the execution of a call: forwards, backwards, real, imagined, or both.",
        'cwm-agent debug letters.py --call \'count("strawberry", "r")\'',
    )
    debug.add_argument("file", type=Path, metavar="FILE", help="the Python file")
    debug.add_argument("--call", metavar="EXPR", required=True, help="a call, evaluated in the file")

    serve = command("serve", _serve, "Start vLLM for CWM, sized to the GPUs, and look after it.", "cwm-agent serve")
    serve.add_argument("--preset", metavar="NAME", help="a set-up by name instead of the one that fits the GPUs")
    serve.add_argument("--host", help="where to listen (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, help="at which port (default: 8000)")
    serve.add_argument("--python", metavar="PATH", help="the Python that has vLLM (default: this one)")
    serve.add_argument("--dry-run", action="store_true", help="print the command and why, and start nothing")

    ledger = command("ledger", _ledger, "How often predictions came true.", "cwm-agent ledger")
    ledger.add_argument("--format", choices=("text", "json"), default="text")

    sessions = command("sessions", _sessions, "Recorded sessions.", "cwm-agent sessions resume")
    choices = ("list", "show", "resume", "export", "rename", "fork")
    sessions.add_argument("what", choices=choices, help="what to do")
    sessions.add_argument("session", nargs="?", help="its name, or the beginning of it (default: the newest here)")
    sessions.add_argument("--title", metavar="WORDS", default="", help="for rename; without words it has none")
    sessions.add_argument("--format", choices=("text", "json", "markdown", "patch"), default=None)
    sessions.add_argument("--rollout", type=int, metavar="N", help="show or export a rollout of it, by its number")
    command("undo", _undo, "Take the last applied patch back.", "cwm-agent undo")
    trust = command("trust", _trust, "Whose AGENTS.md a model follows, by your word.", "cwm-agent trust --forget")
    trust.add_argument("--forget", action="store_true", help="take your answer for this repository back")
    doctor = command("doctor", _doctor, "What a session needs: state and remedy of each thing.", "cwm-agent doctor")
    doctor.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _settings(args: argparse.Namespace) -> Settings:
    from cwm_agent.settings import load

    names = ("model_url", "model", "mode", "policy", "guidance")
    flags = {name: getattr(args, name, None) for name in names}
    chat = {name: getattr(args, f"chat_{name}") for name in ("url", "model") if hasattr(args, f"chat_{name}")}
    return load(getattr(args, "config", None), **flags, chat=chat or None)


def _repo(args: argparse.Namespace) -> Path:
    return getattr(args, "repo", None) or Path.cwd()


def _without_git(args: argparse.Namespace) -> bool:
    return getattr(args, "no_git", False)


def _is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") != "dumb"


def _task(args: argparse.Namespace) -> str:
    """The task in words: the argument, or standard input, and the tests that were named."""
    text = getattr(args, "task", None)
    tests = getattr(args, "test", None) or []
    if text is None and not tests:
        text = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    text = (text or "").strip()
    if not text and not tests:
        raise UsageError("There is no task.", remedy='Say what to do: cwm-agent run "test_refund fails, please fix it"')
    if tests:
        named = " ".join(tests)
        text = f"{text}\n\nThe failing tests: {named}" if text else f"Fix the failing tests {named}"
    return text


def _open(args: argparse.Namespace) -> int:
    if not _is_interactive():
        return _run(args)
    from cwm_agent.compose_tui import run_tui

    return run_tui(_settings(args), repo=_repo(args), without_git=_without_git(args))


def _run(args: argparse.Namespace) -> int:
    from cwm_agent import compose
    from cwm_agent.headless import Output

    return compose.run_headless(
        _settings(args),
        repo=_repo(args),
        task=_task(args),
        best_of=getattr(args, "best_of", 1),
        without_git=_without_git(args),
        output=Output(
            format=getattr(args, "format", "text"),
            quiet=getattr(args, "quiet", False),
            patch_file=getattr(args, "output", None),
            apply=getattr(args, "apply", False),
        ),
    )


def _demo(args: argparse.Namespace) -> int:
    from cwm_agent.compose_tui import run_demo

    headless = args.headless or not _is_interactive()
    return run_demo(_settings(args), folder=args.folder, headless=headless, quiet=getattr(args, "quiet", False))


def _sessions(args: argparse.Namespace) -> int:
    from cwm_agent import compose_sessions

    repo = _repo(args)
    if args.what == "rename":
        return compose_sessions.rename(repo=repo, session=args.session, title=args.title)
    if args.what in ("resume", "fork"):
        take_up = compose_sessions.resume if args.what == "resume" else compose_sessions.fork
        return take_up(_settings(args), repo=repo, session=args.session, interactive=_is_interactive())
    return compose_sessions.show_sessions(
        args.what, repo=repo, session=args.session, format_=args.format, rollout=args.rollout
    )


def _chat(args: argparse.Namespace) -> int:
    from cwm_agent.compose_chat import chat

    plain = args.plain or not _is_interactive() or bool(os.environ.get("NO_COLOR"))
    return chat(_settings(args), repo=_repo(args), task=args.task, without_git=_without_git(args), plain=plain)


def _acp(args: argparse.Namespace) -> int:
    from cwm_agent.compose_editors import serve

    return serve(_settings(args), without_git=_without_git(args))


def _undo(args: argparse.Namespace) -> int:
    from cwm_agent import compose

    return compose.undo(_repo(args))


def _trust(args: argparse.Namespace) -> int:
    from cwm_agent import compose_guidance

    return compose_guidance.show(_repo(args), forget=args.forget)


def _trace(args: argparse.Namespace) -> int:
    from cwm_agent import compose_traces

    wish = compose_traces.Wish(call=args.call or "", test=args.test or "", arguments=tuple(shlex.split(args.args)))
    return compose_traces.trace(_settings(args), file=args.file, wish=wish, format_=args.format, output=args.output)


def _debug(args: argparse.Namespace) -> int:
    from cwm_agent import compose_traces

    return compose_traces.debug(_settings(args), file=args.file, entry=args.call)


def _serve(args: argparse.Namespace) -> int:
    from cwm_agent.compose_serve import serve

    return serve(
        _settings(args),
        model=getattr(args, "model", None),
        preset=args.preset,
        port=args.port,
        host=args.host,
        dry_run=args.dry_run,
        python=args.python,
        quiet=getattr(args, "quiet", False),
    )


def _ledger(args: argparse.Namespace) -> int:
    from cwm_agent import compose_traces

    return compose_traces.ledger(args.format)


def _doctor(args: argparse.Namespace) -> int:
    from cwm_agent import doctor

    return doctor.report(_settings(args), format_=args.format)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    args = _parser().parse_args(argv)
    try:
        return int(args.action(args))
    except CwmAgentError as error:
        print(f"cwm-agent: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stdout = None  # the reader left: nothing more can be said
        return 1
