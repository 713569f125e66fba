import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.neon.wire import NOW, branch_json
from warubi_tui.errors import UsageError
from warubi_tui.neon.branches import NAME_LENGTH, BranchRef, find_branch, new_name, tree
from warubi_tui.neon.models import Branch


def branch(identity: str, name: str | None = None, **more: object) -> Branch:
    return Branch.from_json(branch_json(identity, name or identity, **more))


class TestBranchRef:
    @pytest.mark.parametrize(
        ("text", "name", "point"),
        [
            ("main", "main", None),
            (" main ", "main", None),
            ("main@0/1DE2850", "main", "0/1DE2850"),
            ("main@yesterday 14:05 Europe/Berlin", "main", "yesterday 14:05 Europe/Berlin"),
            ("ann@home@-15m", "ann@home", "-15m"),
        ],
    )
    def test_parts_at_the_last_sign(self, text: str, name: str, point: str | None) -> None:
        assert BranchRef.parse(text) == BranchRef(name, point)

    def test_prefers_a_branch_that_has_the_whole_as_its_name(self) -> None:
        assert BranchRef.parse("ann@home", [branch("br-1", "ann@home")]) == BranchRef("ann@home", None)

    @pytest.mark.parametrize("text", ["", " ", "@-15m", "main@", "@"])
    def test_refuses_what_names_nothing(self, text: str) -> None:
        with pytest.raises(UsageError):
            BranchRef.parse(text)


class TestFindBranch:
    def test_by_id_before_name(self) -> None:
        first, second = branch("br-1", "br-2"), branch("br-2", "main")
        assert find_branch([first, second], "br-2") is second
        assert find_branch([first, second], "main") is second

    def test_lists_the_ids_of_duplicates(self) -> None:
        with pytest.raises(UsageError, match="br-1, br-2"):
            find_branch([branch("br-1", "dev"), branch("br-2", "dev")], "dev")

    def test_lists_what_there_is(self) -> None:
        with pytest.raises(UsageError, match="main"):
            find_branch([branch("br-1", "main")], "mian")


class TestTree:
    def test_children_stand_behind_their_parent(self) -> None:
        branches = [
            branch("grandchild", parent_id="child"),
            branch("second", parent_id="root", created_at="2026-11-21T08:00:00Z"),
            branch("child", parent_id="root", created_at="2026-11-20T08:00:00Z"),
            branch("other", created_at="2026-10-01T08:00:00Z"),
            branch("root", default=True),
        ]
        assert [(row.branch.id, row.depth) for row in tree(branches)] == [
            ("root", 0), ("child", 1), ("grandchild", 2), ("second", 1), ("other", 0),
        ]  # fmt: skip

    def test_an_orphan_stands_as_a_root_and_a_circle_is_not_lost(self) -> None:
        branches = [
            branch("orphan", parent_id="gone"),
            branch("a", parent_id="b"),
            branch("b", parent_id="a"),
        ]
        assert {row.branch.id for row in tree(branches)} == {"orphan", "a", "b"}

    @given(st.lists(st.integers(-1, 20), min_size=1, max_size=20))
    def test_shows_every_branch_once(self, parents: list[int]) -> None:
        branches = [branch(f"{i}", parent_id=f"{parent}") for i, parent in enumerate(parents)]
        assert sorted(row.branch.id for row in tree(branches)) == sorted(one.id for one in branches)


class TestNewName:
    def test_says_what_and_when(self) -> None:
        assert new_name("main", "preview", NOW, ()) == "main_preview_20261122T140000Z"

    @given(st.text(min_size=1, max_size=300), st.integers(0, 5))
    def test_is_new_and_never_too_long(self, name: str, taken: int) -> None:
        names: list[str] = []
        for _ in range(taken + 1):
            names.append(new_name(name, "preview", NOW, names))
        assert len(set(names)) == taken + 1
        assert all(len(made) <= NAME_LENGTH for made in names)
