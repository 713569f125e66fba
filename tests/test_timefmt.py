from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warubi_tui.errors import UsageError
from warubi_tui.timefmt import age, both, local, local_zone, parse_when, rfc3339, span_text, utc

NOW = datetime(2026, 11, 22, 14, 30, 15, 250000, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
CENTURY = timedelta(days=36_525) // timedelta(microseconds=1)

INSTANTS = st.integers(-CENTURY, CENTURY).map(lambda count: NOW + timedelta(microseconds=count))
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo",
     "Pacific/Apia", "Africa/Monrovia"]
).map(ZoneInfo)  # fmt: skip


def when(text: str, zone: tzinfo = BERLIN, now: datetime = NOW) -> datetime:
    return parse_when(text, now=now, zone=zone)


def outcome(text: str, zone: tzinfo = BERLIN) -> datetime | UsageError:
    try:
        return when(text, zone)
    except UsageError as error:
        return error


def refusal(text: str, zone: tzinfo = BERLIN) -> str:
    with pytest.raises(UsageError) as caught:
        when(text, zone)
    return str(caught.value)


class TestRoundTrips:
    @given(INSTANTS, ZONES)
    def test_what_is_printed_is_understood(self, moment: datetime, zone: tzinfo) -> None:
        for text in (utc(moment), rfc3339(moment), local(moment, zone), moment.isoformat()):
            assert when(text, zone) == moment
            assert when(text, zone).tzinfo is UTC

    @given(INSTANTS, ZONES)
    def test_a_wall_time_means_its_instant_or_both_are_offered(self, moment: datetime, zone: tzinfo) -> None:
        understood = outcome(str(moment.astimezone(zone).replace(tzinfo=None)), zone)
        if isinstance(understood, UsageError):
            assert "twice" in understood.title
            assert utc(moment) in understood.hint
        else:
            assert understood == moment

    @given(INSTANTS, ZONES)
    def test_no_wall_time_is_moved(self, wall: datetime, zone: tzinfo) -> None:
        understood = outcome(str(wall.replace(tzinfo=None)), zone)
        if isinstance(understood, UsageError):
            assert "clocks" in understood.title
        else:
            assert understood.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None)

    @given(st.text(max_size=40) | st.from_regex(r"[-+]?\d{1,9}[a-z]{0,3}( ago)?"))
    def test_nothing_typed_is_a_crash(self, text: str) -> None:
        understood = outcome(text)
        assert isinstance(understood, UsageError) or understood.tzinfo is UTC


class TestRelative:
    @pytest.mark.parametrize(
        ("text", "span"),
        [
            ("now", timedelta(0)),
            (" NOW ", timedelta(0)),
            ("-15m", -timedelta(minutes=15)),
            ("-1h30m", -timedelta(minutes=90)),
            ("- 1h 30m", -timedelta(minutes=90)),
            ("-250ms", -timedelta(milliseconds=250)),
            ("-1us", -timedelta(microseconds=1)),
            ("-1.5h", -timedelta(minutes=90)),
            ("-2d", -timedelta(days=2)),
            ("+1w", timedelta(weeks=1)),
            ("10 minutes ago", -timedelta(minutes=10)),
            ("1 hour 5 min ago", -timedelta(minutes=65)),
            ("15m ago", -timedelta(minutes=15)),
        ],
    )
    def test_counts_from_now(self, text: str, span: timedelta) -> None:
        assert when(text) == NOW + span

    @pytest.mark.parametrize(
        "text",
        ["-15", "-", "+", "15m", "-1y", "-1mo", "ago", " ago", "ten minutes ago", "-15m later", "-1h-5m"],
    )
    def test_refuses_half_of_it(self, text: str) -> None:
        assert "-15m" in refusal(text)

    @pytest.mark.parametrize("text", ["-99999999d", "-999999999999999d", "+9999999w"])
    def test_refuses_times_beyond_all_calendars(self, text: str) -> None:
        said = refusal(text)
        assert "No such time" in said
        assert "beyond the years 1 to 9999" in said


class TestAbsolute:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-11-22T14:05:00Z", "2026-11-22 14:05:00Z"),
            ("2026-11-22t14:05:00z", "2026-11-22 14:05:00Z"),
            ("2026-11-22 14:05:00.123456Z", "2026-11-22 14:05:00.123456Z"),
            ("2026-11-22 14:05:00,5Z", "2026-11-22 14:05:00.500000Z"),
            ("2026-11-22 14:05:00.123456000Z", "2026-11-22 14:05:00.123456Z"),
            ("2026-11-22 14:05 +05:30", "2026-11-22 08:35:00Z"),
            ("2026-11-22 14:05-0800", "2026-11-22 22:05:00Z"),
            ("2026-11-22 14:05+02", "2026-11-22 12:05:00Z"),
            ("2026-11-22 14:05 UTC", "2026-11-22 14:05:00Z"),
            ("2026-11-22 14:05 America/New_York", "2026-11-22 19:05:00Z"),
            ("2026-11-22 14:05 Japan", "2026-11-22 05:05:00Z"),
            ("2026-11-22 14:05 CET (+01:00)", "2026-11-22 13:05:00Z"),
            ("2026-11-22 14:05", "2026-11-22 13:05:00Z"),
            ("14:05", "2026-11-22 13:05:00Z"),
            ("9:05", "2026-11-22 08:05:00Z"),
            ("today 14:05:59", "2026-11-22 13:05:59Z"),
            ("yesterday 14:05 Europe/Berlin", "2026-11-21 13:05:00Z"),
            ("Yesterday 14:05", "2026-11-21 13:05:00Z"),
        ],
    )
    def test_is_read_in_the_named_zone_or_the_persons(self, text: str, expected: str) -> None:
        assert utc(when(text)) == expected

    def test_the_day_is_the_day_of_the_named_zone(self) -> None:
        assert utc(when("today 01:00 Pacific/Kiritimati")) == "2026-11-22 11:00:00Z"

    @pytest.mark.parametrize(
        "text",
        [
            "", "2026-11-22", "yesterday", "2026-13-01 00:00", "2026-02-29 12:00Z", "25:00", "14:60",
            "14:05:60Z",
            "24:00Z", "14:05 Nowhere/Else", "14:05 ../../etc/passwd", "14:05 /etc/localtime", "14:05+25:00",
            "14:05+01:75", "2026-11-22T14:05:00.1234567Z", "0001-01-01 00:00+01:00", "9999-12-31 23:59-01:00",
            "1763820000", "22.11.2026 14:05", "14:05 pm", "\u0661\u0664:\u0660\u0665",
        ],
    )  # fmt: skip
    def test_refuses_what_is_no_time(self, text: str) -> None:
        assert "offset" in refusal(text)

    @pytest.mark.parametrize(
        ("text", "offer"),
        [
            ("2026-11-22 14:05 EST", "2026-11-22 14:05-05:00"),
            ("2026-07-01 14:05CEST", "2026-07-01 14:05+02:00"),
        ],
    )
    def test_refuses_abbreviations_and_offers_the_offset(self, text: str, offer: str) -> None:
        assert offer in refusal(text)


class TestChangesOfClocks:
    def test_a_time_that_is_skipped_is_refused_with_both_readings(self) -> None:
        said = refusal("2026-03-29 02:30")
        assert "skip" in said
        assert "2026-03-29 02:30:00+01:00 (2026-03-29 01:30:00Z)" in said
        assert "2026-03-29 02:30:00+02:00 (2026-03-29 00:30:00Z)" in said

    def test_a_time_that_comes_twice_is_refused_with_both_instants(self) -> None:
        said = refusal("2026-10-25 02:30 Europe/Berlin", zone=UTC)
        assert "twice" in said
        assert "2026-10-25 02:30:00+02:00 (2026-10-25 00:30:00Z)" in said
        assert "2026-10-25 02:30:00+01:00 (2026-10-25 01:30:00Z)" in said

    def test_what_the_refusal_offers_is_understood(self) -> None:
        assert when("2026-10-25 02:30:00+02:00") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    def test_the_minutes_around_are_plain(self) -> None:
        assert utc(when("2026-03-29 01:59:59")) == "2026-03-29 00:59:59Z"
        assert utc(when("2026-03-29 03:00")) == "2026-03-29 01:00:00Z"

    def test_a_day_that_was_skipped(self) -> None:
        assert "skip" in refusal("2011-12-30 12:00 Pacific/Apia")


class TestText:
    def test_utc(self) -> None:
        assert utc(NOW) == "2026-11-22 14:30:15.250000Z"
        assert utc(NOW.replace(microsecond=0)) == "2026-11-22 14:30:15Z"
        assert utc(NOW, "seconds") == "2026-11-22 14:30:15Z"
        assert utc(NOW, "milliseconds") == "2026-11-22 14:30:15.250Z"
        assert utc(NOW.astimezone(BERLIN)) == utc(NOW)

    @pytest.mark.parametrize(
        ("zone", "text"),
        [
            (BERLIN, "2026-11-22 15:30:15 CET (+01:00)"),
            (UTC, "2026-11-22 14:30:15 UTC (+00:00)"),
            (ZoneInfo("America/Sao_Paulo"), "2026-11-22 11:30:15 -03:00"),
            (timezone(timedelta(hours=5, minutes=30)), "2026-11-22 20:00:15 +05:30"),
        ],
    )
    def test_local(self, zone: tzinfo, text: str) -> None:
        assert local(NOW, zone, "seconds") == text

    def test_both_says_it_once_where_the_clocks_show_utc(self) -> None:
        at = datetime(2026, 11, 22, 14, 7, 58, tzinfo=UTC)
        assert both(at, ZoneInfo("Etc/UTC")) == "2026-11-22 14:07:58Z"
        assert both(at, BERLIN) == "2026-11-22 14:07:58Z = 2026-11-22 15:07:58 CET (+01:00)"

    def test_rfc3339(self) -> None:
        assert rfc3339(NOW.replace(microsecond=0)) == "2026-11-22T14:30:15.000000Z"

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0.4, "just now"),
            (-0.4, "just now"),
            (5, "5 s ago"),
            (-5, "in 5 s"),
            (59.9, "59 s ago"),
            (200, "3 min ago"),
            (7500, "2 h 5 min ago"),
            (7200, "2 h ago"),
            (-273_600, "in 3 d 4 h"),
        ],
    )
    def test_age(self, seconds: float, text: str) -> None:
        assert age(NOW - timedelta(seconds=seconds), NOW) == text

    def test_span(self) -> None:
        assert span_text(timedelta(0)) == "0 s"


class TestLocalZone:
    def test_the_persons_choice_comes_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        assert local_zone() == ZoneInfo("Asia/Tokyo")
        monkeypatch.setenv("WARUBI_TZ", "Europe/Berlin")
        assert local_zone() == BERLIN

    def test_a_choice_that_names_no_zone_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WARUBI_TZ", "Mars/Olympus")
        with pytest.raises(UsageError, match="WARUBI_TZ"):
            local_zone()

    @pytest.mark.parametrize("value", ["", "Mars/Olympus", "/nonexistent", "/etc/passwd", "<+03>-3"])
    def test_what_the_system_cannot_mean_is_utc(self, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        monkeypatch.setenv("TZ", value)
        assert local_zone().utcoffset(NOW) == timedelta(0)

    def test_a_leading_colon_is_allowed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", ":Asia/Tokyo")
        assert local_zone() == ZoneInfo("Asia/Tokyo")

    def test_a_path_of_a_zone_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        zone_file = tmp_path / "zoneinfo" / "Asia" / "Tokyo"
        zone_file.parent.mkdir(parents=True)
        zone_file.write_bytes(b"")
        link = tmp_path / "localtime"
        link.symlink_to(zone_file)
        monkeypatch.setenv("TZ", str(link))
        assert local_zone() == ZoneInfo("Asia/Tokyo")
