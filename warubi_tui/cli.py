"""The command line: what can be typed, and which command it calls."""

import re
from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from warubi_tui import __version__
from warubi_tui.errors import UsageError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from warubi_tui.commands.session import Session
    from warubi_tui.config import Target

    Commands: TypeAlias = "_SubParsersAction[_Parser]"

_EPILOG: Final = """\
BRANCH is a name or an id; where the past can be read also NAME@WHEN.
WHEN is a time with Z, an offset or a zone (2026-11-22T14:05:00.250Z,
"yesterday 14:05 Europe/Berlin"), a time without one, read in your zone
("14:05"), relative (-15m, "10 minutes ago"), or an LSN (0/1DE2850).

Exit codes: 0 done, or no difference; 1 found or failed; 2 not understood;
3 refused, nothing done; 4 the other side unreachable or failing;
130 interrupted.

Without a command the console opens. Where to talk: --profile, then
NEON_API_KEY (with NEON_API_HOST, NEON_PROJECT_ID), then the profile that
config.toml chooses, then a login of neonctl, then a running engine.
"""

_RELATIVE_TIME = re.compile(r"[-+]\d.*")
_TIME_OPTIONS: Final = {"--at", "--expires-at", "--against-time"}
_DASHED_NAME = re.compile(r"-(?!-).*", re.DOTALL)
_NAME_OPTIONS: Final = {"--confirm", "--name", "--keep-as", "--from", "--parent", "--where"}


class _Parser(ArgumentParser):
    """Says what was not understood the way every other error is said, and without secrets."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[0].upper()}{message[1:]}.", hint=f"{self.prog} --help says what is.")


def run(arguments: Sequence[str]) -> int:
    """Runs what was typed; the exit code.

    Raises:
        WarubiError: it failed, or the arguments are not understood; the error knows the exit code.
        SystemExit: help or the version was asked for (0).
    """
    options = build_parser().parse_args(join_values(arguments))
    command: Callable[[Namespace], int] = options.command
    return command(options)


def join_values(arguments: Sequence[str]) -> list[str]:
    """Ties a value that begins with a dash to its option, which argparse would take for another option.

    `--at -15m` becomes `--at=-15m`; a branch's name may begin with one dash (`--confirm -x`), not with two.
    """
    joined: list[str] = []
    for argument in arguments:
        if joined and _is_value_of(joined[-1], argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _is_value_of(option: str, argument: str) -> bool:
    if option in _TIME_OPTIONS:
        return _RELATIVE_TIME.fullmatch(argument) is not None
    return option in _NAME_OPTIONS and _DASHED_NAME.fullmatch(argument) is not None


def build_parser() -> ArgumentParser:
    """Everything that can be typed."""
    parser = _Parser(
        prog="warubi",
        description="Recover PostgreSQL branches on Neon.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"warubi {__version__}")
    parser.set_defaults(command=_console)
    _add_target(parser, default=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_demo(commands)
    _add_engine(commands)
    _add_branches(commands)
    _add_restore(commands)
    _add_diff(commands)
    return parser


def _add_demo(commands: "Commands") -> None:
    parser = _command(
        commands, "demo", "an engine, a living shop and an accident: open the console on it", _demo
    )
    parser.add_argument("--dir", type=Path, metavar="D", help="where the demo lives")
    parser.add_argument("--reset", action="store_true", help="throw the demo away and begin anew")
    parser.add_argument(
        "--headless", action="store_true", help="run the recovery without the console and print it"
    )
    _add_json(parser)


def _add_engine(commands: "Commands") -> None:
    parser = _command(commands, "engine", "Neon's API over PostgreSQL on this machine", _engine)
    parser.add_argument(
        "action",
        choices=["start", "serve", "stop", "status", "env"],
        help="run it in the background (start) or here (serve), stop it, say how it is, print its settings",
    )
    parser.add_argument("--dir", type=Path, metavar="D", help="where the engine keeps everything")
    parser.add_argument(
        "--port", type=int, metavar="N", help="port of the API on loopback; by default a free one"
    )
    parser.add_argument("--while-held", type=Path, metavar="FILE", help=SUPPRESS)
    _add_json(parser)


def _add_branches(commands: "Commands") -> None:
    listing = _command(commands, "branches", "show the branches of the project", _list_branches)
    _add_common(listing)
    parser = commands.add_parser(
        "branch", help="create, rename, delete, protect a branch, make it the default, or connect to it"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    create = _command(
        actions, "create", "make a branch of another one, at its head or in its past", _create_branch
    )
    create.add_argument("name", metavar="NAME", help="name of the new branch")
    create.add_argument(
        "--parent", metavar="BRANCH", help="branch to make it of; by default the default branch"
    )
    create.add_argument("--at", metavar="WHEN", help="point in the past of the parent; by default its head")
    create.add_argument("--expires-at", metavar="WHEN", help="when the server deletes it by itself")
    create.add_argument("--no-compute", dest="compute", action="store_false", help="nothing to connect to")
    create.add_argument("--database", metavar="D", help="database of the connection string")
    _add_show_secret(create)
    _add_common(create)

    uri = _command(actions, "uri", "print a branch's connection string", _show_uri)
    uri.add_argument("branch", metavar="BRANCH")
    uri.add_argument("--database", metavar="D", help="database to connect to, where there are several")
    uri.add_argument("--role", metavar="R", help="who connects; by default the database's owner")
    uri.add_argument("--reveal", action="store_true", help="print the password too")
    _add_common(uri)

    rename = _command(actions, "rename", "give a branch another name", _rename_branch)
    rename.add_argument("branch", metavar="BRANCH")
    rename.add_argument("new_name", metavar="NEW")
    default = _command(actions, "default", "make a branch the default", _set_default_branch)
    default.add_argument("branch", metavar="BRANCH")
    protect = _command(actions, "protect", "keep a branch from being deleted or reset", _protect_branch)
    protect.add_argument("branch", metavar="BRANCH")
    protect.add_argument("--off", action="store_true", help="no longer protect it")
    delete = _command(actions, "delete", "delete a branch", _delete_branch)
    delete.add_argument("branch", metavar="BRANCH")
    for change in (rename, default, protect, delete):
        change.add_argument(
            "--confirm", metavar="NAME", help="the branch's name once more: without it, nothing is done"
        )
        _add_common(change)


def _add_restore(commands: "Commands") -> None:
    parser = _command(commands, "restore", "restore a branch: a copy beside it, or in place", _restore)
    parser.add_argument("branch", metavar="BRANCH")
    parser.add_argument("--at", metavar="WHEN", help="the point to go back to")
    parser.add_argument("--name", metavar="N", help="name of the copy")
    parser.add_argument("--in-place", action="store_true", help="overwrite the branch itself")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="BRANCH",
        help="in place: the state that branch has now; undoes a restore",
    )
    parser.add_argument("--keep-as", metavar="N", help="name under which the overwritten state is kept")
    parser.add_argument(
        "--confirm", metavar="NAME", help="the branch's name once more: without it, not in place"
    )
    _add_show_secret(parser)
    _add_common(parser)


def _add_diff(commands: "Commands") -> None:
    parser = _command(commands, "diff", "what differs between two branches or points in time", _diff)
    parser.add_argument("then", metavar="THEN", help="BRANCH, BRANCH@WHEN or a postgresql:// URL")
    parser.add_argument("now", metavar="NOW", nargs="?", help="the same")
    parser.add_argument(
        "--against-time", metavar="WHEN", help="instead of NOW: the branch as it was then with itself now"
    )
    parser.add_argument(
        "--table", action="append", metavar="T", help="only this table: T or SCHEMA.T; repeatable"
    )
    parser.add_argument("--where", metavar="SQL", help="only rows of which this is true, then or now")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--schema-only", action="store_true", help="compare no rows")
    kind.add_argument(
        "--schema-text", action="store_true", help="compare no rows, and print the schemas as a unified diff"
    )
    kind.add_argument("--rows", action="store_true", help="print the rows that differ")
    parser.add_argument("--limit", type=_count, metavar="N", help="at most so many rows of each table")
    parser.add_argument(
        "--jsonl", metavar="FILE|-", help="write the rows that differ to a new file, as JSON Lines"
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a report to a new file that needs nothing else"
    )
    parser.add_argument(
        "--method",
        choices=["headers", "blocks", "key"],
        help="find rows by physical versions, by contents of blocks or of parts of the key; by default the"
        " best that is proven to be right",
    )
    parser.add_argument("--database", metavar="D", help="database of the branches, where they have several")
    _add_common(parser)


def _command(
    commands: "Commands", name: str, does: str, command: Callable[[Namespace], int]
) -> ArgumentParser:
    parser = commands.add_parser(
        name, help=does, description=f"{does[0].upper()}{does[1:]}.", allow_abbrev=False
    )
    parser.set_defaults(command=command)
    return parser


def _add_common(parser: ArgumentParser) -> None:
    _add_json(parser)
    _add_target(parser, default=SUPPRESS)


def _add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _add_show_secret(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--show-secret", action="store_true", help="print the connection string with its password"
    )


def _add_target(parser: ArgumentParser, *, default: str | None) -> None:
    parser.add_argument("--profile", metavar="P", default=default, help="profile of config.toml")
    parser.add_argument("--project-id", metavar="ID", default=default, help="project to work on")
    parser.add_argument("--api-host", metavar="URL", default=default, help="address of the API")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"{text!r} is no number of rows")
    return int(text)


def _target(options: Namespace) -> "Target":
    from warubi_tui.config import load_target

    return load_target(host=options.api_host, project_id=options.project_id, profile=options.profile)


def _console(options: Namespace) -> int:
    from warubi_tui.screens.terminal import require_screen

    require_screen("Every command works without it, warubi branches for one; warubi --help lists them.")
    from warubi_tui.app import WarubiApp
    from warubi_tui.timefmt import local_zone

    app = WarubiApp(_target(options), zone=local_zone())
    app.run()
    return app.return_code or 0


def _demo(options: Namespace) -> int:
    from warubi_tui.demo.command import run as run_demo

    return run_demo(options)


def _engine(options: Namespace) -> int:
    from warubi_tui.engine.command import run as run_engine

    return run_engine(options)


def _list_branches(options: Namespace) -> int:
    from warubi_tui.commands.branches import list_branches

    return _on_project(options, list_branches)


def _create_branch(options: Namespace) -> int:
    from warubi_tui.commands.branches import create

    return _on_project(options, create)


def _show_uri(options: Namespace) -> int:
    from warubi_tui.commands.branches import show_uri

    return _on_project(options, show_uri)


def _rename_branch(options: Namespace) -> int:
    from warubi_tui.commands.branches import rename

    return _on_project(options, rename)


def _set_default_branch(options: Namespace) -> int:
    from warubi_tui.commands.branches import set_default

    return _on_project(options, set_default)


def _protect_branch(options: Namespace) -> int:
    from warubi_tui.commands.branches import protect

    return _on_project(options, protect)


def _delete_branch(options: Namespace) -> int:
    from warubi_tui.commands.branches import delete

    return _on_project(options, delete)


def _restore(options: Namespace) -> int:
    from warubi_tui.commands.restore import restore

    return _on_project(options, restore)


def _diff(options: Namespace) -> int:
    import asyncio

    from warubi_tui.commands.diff import diff
    from warubi_tui.commands.output import Output

    return asyncio.run(diff(lambda: _target(options), Output(as_json=options.json), options))


def _on_project(options: Namespace, command: "Callable[[Session, Namespace], Awaitable[int]]") -> int:
    import asyncio

    from warubi_tui.commands.output import Output
    from warubi_tui.commands.session import open_session

    async def work() -> int:
        async with open_session(_target(options), Output(as_json=options.json)) as session:
            return await command(session, options)

    return asyncio.run(work())
