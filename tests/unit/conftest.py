"""What tests of the command line and of its documentation share."""

import pytest
import typer

from fpmg_bench.cli.app import application


@pytest.fixture(scope="session")
def parse_command():
    """parse_command(words after `fpmg-bench`) -> (names of the command, its parameters), by the program's own parser.

    Raises click's UsageError for an unknown command or option, a missing argument or a value of the wrong type.
    """
    program = typer.main.get_command(application())

    def parse(words):
        context, room, names, rest = program.make_context("fpmg-bench", list(words)), program, [], list(words)
        while hasattr(room, "resolve_command"):
            name, room, rest = room.resolve_command(context, rest)
            context = room.make_context(name, list(rest), parent=context)
            names.append(name)
        return names, dict(context.params)

    return parse
