"""Tables as a catalog would tell of them, for tests without a server."""

from warubi_tui.postgres.catalog import Column, Table


def column(name: str, base: str, *, type_: str | None = None) -> Column:
    return Column(
        name=name, type=type_ or base, base=base, nullable=True, default=None, generated=None, enum=False
    )


def table(*columns: Column, key: tuple[str, ...] = (), name: str = "t") -> Table:
    return Table(
        schema="public",
        name=name,
        oid=1,
        kind="table",
        unlogged=False,
        foreign=False,
        columns=columns,
        primary_key=key,
        keys=(key,) if key else (),
    )
