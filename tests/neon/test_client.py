import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from tests.neon.wire import (
    HOST,
    KEY,
    NOW,
    PROJECT_ID,
    Naps,
    Script,
    branch_json,
    client_of,
    operation_json,
    project_json,
    refusal,
)
from warubi_tui.errors import RefusedError, UnknownOutcomeError, UnreachableError, UsageError
from warubi_tui.lsn import Lsn
from warubi_tui.neon.client import NeonClient, NotFoundError, Retries
from warubi_tui.neon.models import Ancestor, TableActivity
from warubi_tui.secret import Secret

Change = Callable[[NeonClient], Awaitable[object]]

CHANGED = httpx.Response(200, json={"branch": branch_json(), "operations": []})
CHANGES: list[Change] = [
    lambda client: client.create_branch(PROJECT_ID, parent_id="br-main-1", name="new"),
    lambda client: client.restore_branch(
        PROJECT_ID, "br-main-1", source_id="br-main-1", at=NOW, preserve_under_name="old"
    ),
    lambda client: client.rename_branch(PROJECT_ID, "br-main-1", "new"),
    lambda client: client.protect_branch(PROJECT_ID, "br-main-1", True),
    lambda client: client.set_default(PROJECT_ID, "br-main-1"),
    lambda client: client.delete_branch(PROJECT_ID, "br-main-1"),
    lambda client: client.start_endpoint(PROJECT_ID, "ep-1"),
    lambda client: client.suspend_endpoint(PROJECT_ID, "ep-1"),
]


def page(identities: list[str], cursor: str | None) -> httpx.Response:
    body: dict[str, object] = {"branches": [branch_json(identity, identity) for identity in identities]}
    if cursor is not None:
        body["pagination"] = {"next": cursor}
    return httpx.Response(200, json=body)


class TestPages:
    async def test_are_walked_until_an_empty_one(self) -> None:
        script = Script([page(["br-a", "br-b"], "c1"), page(["br-c"], "c2"), page([], None)])
        branches = await client_of(script).branches(PROJECT_ID)
        assert [branch.id for branch in branches] == ["br-a", "br-b", "br-c"]
        assert [request.url.params.get("cursor") for request in script.requests] == [None, "c1", "c2"]

    async def test_are_asked_for_in_an_order_that_does_not_move(self) -> None:
        script = Script([page(["br-a"], None)])
        await client_of(script).branches(PROJECT_ID)
        assert script.requests[0].url.params["sort_by"] == "created_at"

    async def test_end_when_the_cursor_repeats(self) -> None:
        script = Script([page(["br-a"], "c1"), page(["br-b"], "c1")])
        assert len(await client_of(script).branches(PROJECT_ID)) == 2

    async def test_end_when_the_server_ignores_the_cursor(self) -> None:
        script = Script([page(["br-a"], "c1"), page(["br-a"], "c2")])
        assert len(await client_of(script).branches(PROJECT_ID)) == 1

    async def test_hold_an_item_once_that_moved_between_them(self) -> None:
        script = Script([page(["br-a", "br-b"], "c1"), page(["br-b", "br-c"], "c2"), page([], "c3")])
        assert [one.id for one in await client_of(script).branches(PROJECT_ID)] == ["br-a", "br-b", "br-c"]

    async def test_of_projects_without_pagination_on_the_empty_one(self) -> None:
        first = {"projects": [project_json()], "pagination": {"cursor": PROJECT_ID}}
        script = Script([httpx.Response(200, json=first), httpx.Response(200, json={"projects": []})])
        assert [one.id for one in await client_of(script).projects()] == [PROJECT_ID]

    async def test_of_projects_are_asked_for_by_organization_when_the_key_needs_that(self) -> None:
        organizations = {"organizations": [{"id": "org-1"}, {"id": "org-2"}]}
        script = Script(
            [
                refusal(400, "org_id is required"),
                httpx.Response(200, json=organizations),
                httpx.Response(200, json={"projects": [project_json(id="a")]}),
                httpx.Response(200, json={"projects": [project_json(id="b")]}),
            ]
        )
        assert [one.id for one in await client_of(script).projects()] == ["a", "b"]
        assert [request.url.params.get("org_id") for request in script.requests[2:]] == ["org-1", "org-2"]


class TestChanges:
    async def test_create_sends_parent_point_and_compute(self) -> None:
        created = {"branch": branch_json(), "endpoints": [], "operations": [operation_json()]}
        script = Script([httpx.Response(201, json=created)])
        at = datetime(2026, 11, 22, 14, 7, 58, 123456, tzinfo=timezone(timedelta(hours=1)))
        made = await client_of(script).create_branch(
            PROJECT_ID, parent_id="br-main-1", name="copy", at=at, expires_at=at
        )
        assert script.body == {
            "branch": {
                "name": "copy",
                "parent_id": "br-main-1",
                "parent_timestamp": "2026-11-22T13:07:58.123456Z",
                "expires_at": "2026-11-22T13:07:58.000000Z",
            },
            "endpoints": [{"type": "read_write"}],
        }
        assert [operation.status for operation in made.operations] == ["running"]

    async def test_restore_sends_source_lsn_and_the_name_to_keep(self) -> None:
        script = Script([CHANGED])
        await client_of(script).restore_branch(
            PROJECT_ID,
            "br-main-1",
            source_id="br-main-1",
            lsn=Lsn.parse("0/1DE2850"),
            preserve_under_name="old",
        )
        assert script.requests[0].url.path == f"/api/v2/projects/{PROJECT_ID}/branches/br-main-1/restore"
        assert script.body == {
            "source_branch_id": "br-main-1",
            "source_lsn": "0/1DE2850",
            "preserve_under_name": "old",
        }

    async def test_a_time_and_an_lsn_together_are_refused_before_anything_is_sent(self) -> None:
        script = Script([])
        with pytest.raises(UsageError):
            await client_of(script).create_branch(PROJECT_ID, parent_id=None, name="x", at=NOW, lsn=Lsn(1))
        assert script.requests == []

    async def test_deleting_what_is_gone_answers_without_content(self) -> None:
        deleted = await client_of(Script([httpx.Response(204)])).delete_branch(PROJECT_ID, "br-main-1")
        assert (deleted.branch, deleted.operations) == (None, ())

    async def test_ids_and_roles_cannot_leave_their_place_in_the_path(self) -> None:
        script = Script([httpx.Response(200, json={"password": "pw"})])
        await client_of(script).password(PROJECT_ID, "../x?y", "a/b#c")
        assert script.requests[0].url.raw_path == (
            b"/api/v2/projects/shop-1/branches/..%2Fx%3Fy/roles/a%2Fb%23c/reveal_password"
        )

    @pytest.mark.parametrize("change", CHANGES)
    @pytest.mark.parametrize(
        "answer",
        [
            httpx.ReadTimeout("slow"),
            httpx.ReadError("reset"),
            httpx.WriteError("broken"),
            httpx.RemoteProtocolError("Server disconnected without sending a response."),
            refusal(500, "oops"),
            refusal(502, "bad gateway"),
            refusal(504, "timeout"),
            httpx.Response(200, text="<html>log in</html>"),
            httpx.Response(200, json={"surprise": 1}),
            httpx.Response(200, json=[]),
        ],
        ids=lambda answer: str(answer)[:30],
    )
    async def test_a_lost_answer_is_unknown_and_never_sent_again(
        self, change: Change, answer: httpx.Response | Exception
    ) -> None:
        script = Script([answer])
        with pytest.raises(UnknownOutcomeError) as caught:
            await change(client_of(script))
        assert len(script.requests) == 1
        assert not caught.value.retryable

    @pytest.mark.parametrize("status", [423, 429, 503])
    async def test_are_sent_again_when_the_server_surely_did_nothing(self, status: int) -> None:
        naps = Naps()
        script = Script([refusal(status, "later"), refusal(status, "later"), CHANGED])
        changed = await client_of(script, naps).rename_branch(PROJECT_ID, "br-main-1", "x")
        assert changed.branch.name == "main"
        assert naps.taken == [0.25, 0.5]

    async def test_are_sent_again_when_no_connection_was_made(self) -> None:
        script = Script([httpx.ConnectError("refused"), CHANGED])
        await client_of(script).rename_branch(PROJECT_ID, "br-main-1", "x")
        assert len(script.requests) == 2

    async def test_busy_for_too_long_is_refused_in_the_servers_words(self) -> None:
        said = "project already has running operations, scheduling of new ones is prohibited"
        naps = Naps()
        with pytest.raises(RefusedError) as caught:
            await client_of(lambda _: refusal(423, said), naps).set_default(PROJECT_ID, "br-main-1")
        assert caught.value.detail == said
        assert caught.value.retryable
        assert 40 <= sum(naps.taken) <= 60


class TestReads:
    @pytest.mark.parametrize(
        "trouble",
        [
            httpx.ConnectError("refused"),
            httpx.ConnectTimeout("slow"),
            httpx.ReadError("reset"),
            refusal(429, "slow down"),
            refusal(502, "x"),
            refusal(503, "x"),
            refusal(504, "x"),
        ],
        ids=str,
    )
    async def test_are_repeated(self, trouble: httpx.Response | Exception) -> None:
        script = Script([trouble, trouble, httpx.Response(200, json={"project": project_json()})])
        assert (await client_of(script).project(PROJECT_ID)).name == "Shop"

    async def test_give_up_when_nobody_listens(self) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("Connection refused")

        naps = Naps()
        with pytest.raises(UnreachableError) as caught:
            await client_of(refuse, naps).branches(PROJECT_ID)
        assert "Connection refused" in caught.value.detail
        assert sum(naps.taken) <= 2

    async def test_wait_as_long_as_the_server_asks(self) -> None:
        naps = Naps()
        script = Script([refusal(429, "slow down", {"Retry-After": "7"}), page([], None)])
        await client_of(script, naps).branches(PROJECT_ID)
        assert naps.taken == [7]

    async def test_wait_until_the_date_the_server_names(self) -> None:
        naps = Naps()
        later = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
        script = Script([refusal(503, "x", {"Retry-After": later}), page([], None)])
        await client_of(script, naps).branches(PROJECT_ID)
        assert 7 <= naps.taken[0] <= 9

    @pytest.mark.parametrize("value", ["soon", "-5", "", "Mon, 99 Foo"])
    async def test_bear_a_retry_after_that_means_nothing(self, value: str) -> None:
        script = Script([refusal(429, "x", {"Retry-After": value}), page([], None)])
        assert await client_of(script).branches(PROJECT_ID) == []

    @pytest.mark.parametrize("seconds", ["3600", "9" * 400])
    async def test_do_not_wait_longer_than_is_bearable(self, seconds: str) -> None:
        naps = Naps()
        with pytest.raises(UnreachableError):
            await client_of(lambda _: refusal(429, "x", {"Retry-After": seconds}), naps).branches(PROJECT_ID)
        assert naps.taken == []


class TestRefusals:
    @pytest.mark.parametrize("status", [401, 403])
    async def test_of_the_key_say_what_to_do(self, status: int) -> None:
        with pytest.raises(UnreachableError) as caught:
            await client_of(Script([refusal(status, "nope")])).branches(PROJECT_ID)
        assert caught.value.exit_code == 4
        assert caught.value.detail == "nope"
        assert "NEON_API_KEY" in caught.value.hint

    async def test_of_what_is_not_there(self) -> None:
        with pytest.raises(NotFoundError) as caught:
            await client_of(Script([refusal(404, "branch not found")])).branch(PROJECT_ID, "br-x")
        assert caught.value.detail == "branch not found"
        assert caught.value.exit_code == 3

    @pytest.mark.parametrize("status", [400, 409, 412, 422])
    async def test_are_in_the_servers_words(self, status: int) -> None:
        said = "cannot delete branch that has children: br-x"
        with pytest.raises(RefusedError) as caught:
            await client_of(Script([refusal(status, said)])).delete_branch(PROJECT_ID, "br-main-1")
        assert caught.value.detail == said

    async def test_do_not_repeat_the_key_or_a_password(self) -> None:
        said = f"bad {KEY.reveal()} for postgresql://u:hunter2@h/db\x1b]2;x\x07"
        with pytest.raises(RefusedError) as caught:
            await client_of(Script([refusal(422, said)])).delete_branch(PROJECT_ID, "br-main-1")
        text = str(caught.value)
        assert KEY.reveal() not in text
        assert "hunter2" not in text
        assert "\x1b" not in text

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(200, text="<html>Sign in</html>"),
            httpx.Response(404, text="<html>nginx</html>"),
            httpx.Response(302, headers={"Location": "https://elsewhere.test"}),
            httpx.Response(200, content=b"\xff\xfe{"),
            httpx.Response(200, content=b"[" * 100_000),
            httpx.Response(200, json={"branches": "many"}),
            httpx.Response(200, json={"branches": [{"id": "br-a"}]}),
            httpx.Response(200, json={"branches": [None]}),
            httpx.Response(200, json={}),
        ],
        ids=["html", "404", "redirect", "bytes", "deep", "text", "fields", "null", "empty"],
    )
    async def test_of_what_is_not_neon(self, answer: httpx.Response) -> None:
        with pytest.raises(UnreachableError) as caught:
            await client_of(Script([answer])).branches(PROJECT_ID)
        assert "not Neon's API" in caught.value.title

    async def test_a_repr_of_the_client_and_its_errors_shows_no_key(self) -> None:
        client = client_of(Script([httpx.ConnectError(f"with {KEY.reveal()}")] * 9))
        with pytest.raises(UnreachableError) as caught:
            await client.branches(PROJECT_ID)
        assert KEY.reveal() not in f"{client!r} {caught.value}"


class TestWhatOnlyTheEngineOffers:
    async def test_is_none_elsewhere(self) -> None:
        client = client_of(lambda _: refusal(404, "this route does not exist"))
        assert await client.window(PROJECT_ID, "br-main-1") is None
        assert await client.moment(PROJECT_ID, "br-main-1", at=NOW) is None
        assert await client.activity(PROJECT_ID, "br-main-1", from_=NOW, to=NOW, buckets=3) is None
        assert await client.lineage(PROJECT_ID, "br-main-1") is None

    async def test_moment(self) -> None:
        answer = {"lsn": "0/1A", "time": "2026-11-22T13:00:00.5Z", "next_lsn": None, "next_time": None}
        script = Script([httpx.Response(200, json=answer)])
        moment = await client_of(script).moment(PROJECT_ID, "br-main-1", at=NOW)
        assert moment is not None
        assert (moment.lsn, moment.time) == (Lsn(0x1A), NOW - timedelta(minutes=59, seconds=59.5))
        assert moment.next_lsn is None
        url = script.requests[0].url
        assert url.path == f"/api/v2/warubi/projects/{PROJECT_ID}/branches/br-main-1/moment"
        assert dict(url.params) == {"timestamp": "2026-11-22T14:00:00.000000Z"}

    async def test_lineage(self) -> None:
        answer = {"timelines": [{"id": "b", "fork_lsn": "0/1DE2850", "fork_xid": 1 << 33}, {"id": "a"}]}
        client = client_of(Script([httpx.Response(200, json=answer)]))
        assert await client.lineage(PROJECT_ID, "br-main-1") == (
            Ancestor("b", Lsn(0x1DE2850), 1 << 33),
            Ancestor("a", None, None),
        )

    async def test_activity(self) -> None:
        bucket = {"start": "2026-11-22T13:00:00Z", "end": "2026-11-22T13:30:00Z", "commits": 7}
        answer = {"from": "2026-11-22T13:00:00Z", "to": "2026-11-22T14:00:00Z", "buckets": [bucket]}
        activity = await client_of(Script([httpx.Response(200, json=answer)])).activity(
            PROJECT_ID, "br-main-1", from_=NOW - timedelta(hours=1), to=NOW, buckets=1
        )
        assert activity is not None
        assert [one.commits for one in activity.buckets] == [7]
        assert activity.to == NOW
        assert activity.buckets[0].tables == ()

    async def test_activity_by_table(self) -> None:
        named = {"database": "shop", "schema": "public", "name": "orders", "oid": 7, "number": 8}
        bucket: dict[str, object] = {"start": "2026-11-22T13:00:00Z", "end": "2026-11-22T13:30:00Z"}
        bucket["commits"] = 7
        bucket["tables"] = [{"table": 1, "inserts": 5}, {"table": 0, "deletes": 3, "drops": 1}, {"table": 9}]
        answer = {
            "from": "2026-11-22T13:00:00Z",
            "to": "2026-11-22T14:00:00Z",
            "tables": [named, {"database": None, "schema": None, "name": None, "number": 16400}],
            "buckets": [bucket],
        }
        activity = await client_of(Script([httpx.Response(200, json=answer)])).activity(
            PROJECT_ID, "br-main-1", from_=NOW - timedelta(hours=1), to=NOW, buckets=1
        )
        assert activity is not None
        assert activity.buckets[0].tables == (
            TableActivity(None, None, None, 16400, inserts=5),
            TableActivity("shop", "public", "orders", 8, deletes=3, drops=1),
        )


class TestAddressAndKey:
    @pytest.mark.parametrize(
        "host",
        ["", "neon.test", "ftp://neon.test/api/v2", "https://", "https://u@h", "http://[", "https://h:x"],
    )
    def test_what_is_no_url_is_refused(self, host: str) -> None:
        with pytest.raises(UsageError):
            NeonClient(host, KEY)

    @pytest.mark.parametrize(
        "host", ["http://neon.test/api/v2", "http://10.0.0.1", "http://localhost.evil.test"]
    )
    def test_the_key_does_not_travel_unencrypted(self, host: str) -> None:
        with pytest.raises(UsageError):
            NeonClient(host, KEY)

    @pytest.mark.parametrize(
        "host", ["http://127.0.0.1:1/api/v2", "http://[::1]:1/api/v2", "http://localhost:1"]
    )
    def test_plain_http_is_for_this_machine(self, host: str) -> None:
        assert NeonClient(host, KEY).host == host

    @pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
    def test_a_key_that_cannot_be_one_is_refused_and_not_shown(self, key: str) -> None:
        with pytest.raises(UsageError) as caught:
            NeonClient(HOST, Secret(key))
        assert not key or key not in str(caught.value)

    async def test_the_key_is_sent_as_a_bearer(self) -> None:
        script = Script([page([], None)])
        await client_of(script).branches(PROJECT_ID)
        assert script.requests[0].headers["Authorization"] == f"Bearer {KEY.reveal()}"

    async def test_proxies_of_the_environment_are_not_used_for_this_machine(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        with pytest.raises(UnreachableError) as caught:
            async with NeonClient("http://127.0.0.1:1/api/v2", KEY) as client:
                await client.branches(PROJECT_ID)
        assert "127.0.0.1:1 " in caught.value.title


class TestReading:
    async def test_me(self) -> None:
        user = {"id": "u", "email": "ann@shop.test", "login": "ann"}
        assert await client_of(Script([httpx.Response(200, json=user)])).me() == "ann@shop.test"
        missing = refusal(404, "not allowed for organization API keys")
        assert await client_of(Script([missing])).me() == "organization key"

    async def test_secrets_are_secrets(self) -> None:
        uri = "postgresql://u:hunter2@ep-1/db"
        client = client_of(
            Script(
                [httpx.Response(200, json={"uri": uri}), httpx.Response(200, json={"password": "hunter2"})]
            )
        )
        got = await client.connection_uri(PROJECT_ID, branch_id="br-1", database="d", role="r")
        assert got.reveal() == uri
        assert "hunter2" not in repr(got) + repr(await client.password(PROJECT_ID, "br-1", "r"))

    async def test_lists(self) -> None:
        endpoint = {
            "id": "ep-1", "host": "127.0.0.1:55999", "type": "read_write", "branch_id": "br-1",
            "current_state": "idle", "disabled": False,
        }  # fmt: skip
        database = {"id": 3, "branch_id": "br-1", "name": 'we"ird', "owner_name": "own\ner"}
        client = client_of(
            Script(
                [
                    httpx.Response(200, json={"endpoints": [endpoint]}),
                    httpx.Response(200, json={"databases": [database]}),
                    httpx.Response(200, json={"roles": [{"name": "r", "protected": True}]}),
                    httpx.Response(200, json={"operations": [operation_json()]}),
                    httpx.Response(200, json={"operation": operation_json("op-1", "finished")}),
                ]
            )
        )
        assert (await client.endpoints(PROJECT_ID, "br-1"))[0].host == "127.0.0.1:55999"
        (found,) = await client.databases(PROJECT_ID, "br-1")
        assert (found.name, found.owner_name) == ('we"ird', "own\ner")
        assert (await client.roles(PROJECT_ID, "br-1"))[0].protected
        assert (await client.operations(PROJECT_ID, 5))[0].duration == timedelta(seconds=1.5)
        assert (await client.operation(PROJECT_ID, "op-1")).succeeded


@pytest.mark.parametrize(("scheme", "loads"), [("http", False), ("https", True)])
async def test_certificates_are_loaded_for_https_alone(
    monkeypatch: pytest.MonkeyPatch, scheme: str, loads: bool
) -> None:
    checked: list[bool] = []
    create = ssl.create_default_context

    def creating(*args: Any, **options: Any) -> ssl.SSLContext:
        context = create(*args, **options)
        checked.append(context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED)
        return context

    monkeypatch.setattr(ssl, "create_default_context", creating)
    retries = Retries(sleep=Naps(), connecting_seconds=0)
    async with NeonClient(f"{scheme}://127.0.0.1:1/api/v2", KEY, retries=retries) as client:
        with pytest.raises(UnreachableError):
            await client.me()
    assert checked == ([True] if loads else [])
