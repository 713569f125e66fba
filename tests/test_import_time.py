"""The first frame waits for no library that it does not need."""

import subprocess
import sys
from pathlib import Path

HEAVY = ("psycopg", "httpx", "uvicorn", "starlette", "pydantic")

SCRIPT = f"""
import sys
import {{module}}
print(*(name for name in {HEAVY!r} if name in sys.modules))
"""


def heavy_after_importing(module: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(module=module)],
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ended.stdout.split()


def test_importing_the_app_loads_no_database_and_no_http_library() -> None:
    assert heavy_after_importing("warubi_tui.app") == []


def test_neither_do_its_screens() -> None:
    screens = ("branches", "timeline", "diff", "diff_rows", "work_list", "live", "help", "recover")
    assert heavy_after_importing(", ".join(f"warubi_tui.screens.{name}" for name in screens)) == []


def test_the_check_sees_a_library_that_is_loaded() -> None:
    assert "httpx" in heavy_after_importing("httpx")
