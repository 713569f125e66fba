"""What a base backup holds of a cluster."""

import pytest

from warubi_tui.engine.bases import belongs_in_base


@pytest.mark.parametrize(
    "path",
    [
        *["PG_VERSION", "postgresql.conf", "postgresql.auto.conf", "base", "base/1/1259", "base/1/1259_fsm"],
        *["global/1262", "global/pg_filenode.map", "pg_wal", "pg_replslot", "pg_subtrans", "pg_xact/0000"],
        *["pg_multixact/offsets/0000", "pg_commit_ts/0000", "pg_twophase/00000001", "base/1/pg_filenode.map"],
    ],
)
def test_a_base_holds(path: str) -> None:
    assert belongs_in_base(path)


@pytest.mark.parametrize(
    "path",
    [
        *["postmaster.pid", "postmaster.opts", "backup_label", "tablespace_map", "current_logfiles"],
        *["global/pg_control", "pg_wal/000000010000000000000001", "pg_wal/archive_status", "pg_replslot/a"],
        *["pg_dynshmem/mmap.1", "pg_notify/0000", "pg_serial/0000", "pg_snapshots/1", "pg_stat_tmp/a"],
        *["pg_subtrans/0000", "base/pgsql_tmp", "base/1/pgsql_tmp1.2", "base/1/pg_internal.init"],
        *["global/pg_internal.init.77"],
    ],
)
def test_a_base_leaves_out(path: str) -> None:
    assert not belongs_in_base(path)
