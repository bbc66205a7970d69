"""The commands that make the small model and tell what it knows: `python -m cwm_agent.nano COMMAND --help`."""

from __future__ import annotations

import argparse
import sys

from cwm_agent.errors import CwmAgentError
from cwm_agent.nano.commands import add_commands
from cwm_agent.nano.evaluation import evaluate


def main() -> int:
    """Run one command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cwm_agent.nano", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_commands(commands)
    evaluating = commands.add_parser(
        "evaluate",
        help="what a model knows of programs that it never saw",
        epilog="example: python -m cwm_agent.nano evaluate cwm_agent/nano/weights",
    )
    evaluate.add_arguments(evaluating)
    evaluating.set_defaults(action=evaluate.main)
    options = parser.parse_args()
    try:
        options.action(options)
    except CwmAgentError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
