"""History outlives the branch it happened on, for as long as another branch came out of it."""

import pytest

from tests.engine.lab import Lab, assert_rows_match_files
from warubi_tui.engine.account import Account


def _timeline_states(lab: Lab) -> dict[str, str]:
    return {row.id: row.state for row in lab.rows()[1]}


def test_a_root_goes_back_into_the_history_of_a_removed_root(lab: Lab) -> None:
    main = lab.main
    times = lab.write(main, "one", "two", "three")
    lab.restore(main, main, at=times[1], keep="first life")
    removed = lab.named("first life")
    lab.write(lab.main, "after")
    lab.delete(removed)
    assert not lab.engine.site.data(removed.timeline).exists()
    assert _timeline_states(lab)[removed.timeline] == "history"
    lab.restore(main, main, at=times[0], keep="second life")
    assert lab.read(lab.main) == ["one"]
    second = lab.named("second life")
    assert lab.read(second) == ["after", "one", "two"]
    copy = lab.create(second, at=times[0])
    assert lab.read(copy) == ["one"]
    assert_rows_match_files(lab)
    lab.delete(copy)
    lab.delete(second)
    assert second.timeline not in _timeline_states(lab)
    assert lab.read(lab.create(lab.main, at=times[0])) == ["one"]
    assert_rows_match_files(lab)


def test_history_goes_when_the_last_that_came_out_of_it_goes(lab: Lab) -> None:
    main = lab.main
    early = lab.write(main, "early")[0]
    first = lab.restore(main, main, at=early, keep="a")
    late = lab.write(first, "late")[0]
    second = lab.restore(main, main, at=late, keep="b")
    lab.delete(lab.named("b"))
    assert _timeline_states(lab)[first.timeline] == "history"
    lab.restore(main, main, at=early, keep="c")
    assert lab.named("c").timeline == second.timeline
    lab.delete(lab.named("c"))
    assert not {first.timeline, second.timeline} & set(_timeline_states(lab))
    assert "late" not in lab.read(lab.main)
    assert_rows_match_files(lab)


def test_removing_a_cluster_goes_on_where_it_was_interrupted(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = lab.create(lab.main)
    times = lab.write(branch, "first", "second")
    lab.restore(branch, branch, at=times[1])
    kept = lab.engine.branch(str(lab.engine.branch(branch.id).parent))
    timelines, site = lab.engine.timelines, lab.engine.site
    data, archive = site.data(kept.timeline), site.wal(kept.timeline)
    live = {file.name for file in (data / "pg_wal").iterdir() if len(file.name) == 24}
    assert live - {file.name for file in archive.iterdir()}

    def half_a_copy(source: object, target: object, account: Account) -> None:
        archive.joinpath(".part").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("warubi_tui.engine.timelines.copy_file", half_a_copy)
        with pytest.raises(OSError, match="No space left"):
            timelines.keep_history_only(kept.timeline)
    assert data.exists()
    for _ in range(2):
        timelines.keep_history_only(kept.timeline)
        assert not data.exists()
    sizes = {file.name: file.stat().st_size for file in archive.iterdir()}
    assert {sizes[name] for name in live} == {16 << 20}
    assert "second" not in lab.read(lab.create(branch, at=times[0]))
