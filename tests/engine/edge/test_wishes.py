"""What the startup packet's options ask for."""

from datetime import UTC, datetime

import pytest

from warubi_tui.engine.edge.wishes import WishError, Wishes, read_wishes
from warubi_tui.lsn import Lsn

AT = datetime(2026, 11, 22, 14, 7, 58, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "wishes"),
    [
        ("", Wishes(None, None, "")),
        ("-c search_path=a", Wishes(None, None, "-c search_path=a")),
        ("neon_timestamp:2026-11-22T14:07:58.123456Z", Wishes(AT, None, "")),
        ("neon_timestamp:2026-11-22T15:07:58.123456+01:00", Wishes(AT, None, "")),
        ("neon_lsn:0/1DE2850", Wishes(None, Lsn.parse("0/1DE2850"), "")),
        (
            " -c x=y  neon_lsn:0/1DE2850 --z=1",
            Wishes(None, Lsn.parse("0/1DE2850"), "-c x=y --z=1"),
        ),
        (r"-c a=b\ c neon_endpoint_type:read_only endpoint=ep-x", Wishes(None, None, r"-c a=b\ c")),
        (r"-c a=neon_lsn:0/1", Wishes(None, None, r"-c a=neon_lsn:0/1")),
    ],
)
def test_ours_are_taken_and_postgresqls_stay(options: str, wishes: Wishes) -> None:
    assert read_wishes(options) == wishes


@pytest.mark.parametrize(
    "options",
    [
        "neon_timestamp:2026-11-22",
        "neon_timestamp:2026-11-22T14:07:58",
        "neon_timestamp:",
        "neon_lsn:12",
        "neon_lsn:0/1 neon_timestamp:2026-11-22T14:07:58Z",
    ],
)
def test_what_names_no_point_in_time_is_refused(options: str) -> None:
    with pytest.raises(WishError, match="neon_"):
        read_wishes(options)
