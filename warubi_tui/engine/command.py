"""`warubi engine start|serve|stop|status|env`."""

import argparse
import importlib.util
import json
import shlex
import sys
from pathlib import Path

from warubi_tui import paths
from warubi_tui.engine import launch
from warubi_tui.engine.lock import Owner
from warubi_tui.errors import WarubiError

_PARTS = ("cryptography", "starlette", "uvicorn", "psutil")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit code (`status` and `env`: 1 where no engine runs).

    Raises:
        WarubiError: it failed, or the engine is not installed.
    """
    root = Path(arguments.dir) if arguments.dir else paths.engine_dir()
    match arguments.action:
        case "start":
            require_engine()
            owner, _ = launch.start(root, port=arguments.port)
            return _print_status(root, owner, as_json=arguments.json)
        case "serve":
            require_engine()
            from warubi_tui.engine.server import serve

            serve(root, port=arguments.port, while_held=arguments.while_held)
            return 0
        case "stop":
            stopped = launch.stop(root)
            return _print({"stopped": stopped, "dir": str(root)}, as_json=arguments.json)
        case "env":
            return _print_environment(root)
        case _:
            return _print_status(root, launch.running(root), as_json=arguments.json)


def require_engine() -> None:
    """Raises WarubiError where the `engine` extra is not installed, saying how to install it."""
    missing = [part for part in _PARTS if importlib.util.find_spec(part) is None]
    if missing:
        raise WarubiError(
            "The engine is not installed",
            f"It needs {', '.join(missing)}. The console works against Neon without it.",
            "pip install 'warubi[engine]' (from a checkout: pip install -e '.[engine]').",
        )


def _print_status(root: Path, owner: Owner | None, *, as_json: bool) -> int:
    facts: dict[str, object] = {"running": owner is not None, "dir": str(root)}
    if owner is not None:
        facts |= {"pid": owner.pid, "url": owner.url, "project_id": owner.project_id}
    _print(facts, as_json=as_json)
    return 0 if owner is not None else 1


def _print(facts: dict[str, object], *, as_json: bool) -> int:
    lines = [json.dumps(facts)] if as_json else [f"{name}: {_word(value)}" for name, value in facts.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _print_environment(root: Path) -> int:
    owner = launch.running(root)
    if owner is None:
        raise WarubiError(f"No engine runs on {root}", "", "Start one: warubi engine start.")
    values = {
        "NEON_API_HOST": owner.url,
        "NEON_API_KEY": (root / "api.key").read_text("utf-8").strip(),
        "NEON_PROJECT_ID": owner.project_id,
        "NODE_EXTRA_CA_CERTS": str(root / "tls" / "cert.pem"),  # Node's clients check it, libpq does not
    }
    for name, value in values.items():
        sys.stdout.write(f"export {name}={shlex.quote(str(value))}\n")
    return 0
