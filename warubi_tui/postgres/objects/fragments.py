"""Pieces of SQL that the queries of several catalogs share.

Every query yields kind, oid, number, born, schema, relation, name, inherited, part_of, facts, versions: the
fields of a `SchemaObject`, `facts` and `versions` as JSON objects. Among the facts may be `acl` and
`usual_acl`, arrays that `postgres.objects.grants` puts into words, and `parents`.
"""

from typing import Final

OURS: Final = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
"""A schema `n` of the user's; PostgreSQL keeps names that begin with `pg_` for itself."""


def free(catalog: str, oid: str, of: str = "e") -> str:
    """A condition: the object is no member of an extension and, with `of` as `ei`, no part of another."""
    return (
        f"NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{catalog}'::regclass"
        f" AND e.objid = {oid} AND e.deptype = ANY ('{{{','.join(of)}}}'))"
    )


def comment(catalog: str, oid: str, number: str = "0") -> str:
    """The comment on an object, or NULL."""
    return (
        f"(SELECT description FROM pg_description WHERE classoid = '{catalog}'::regclass"
        f" AND objoid = {oid} AND objsubid = {number})"
    )


def rights(kind: str, acl: str, owner: str) -> str:
    """Entries of `facts`: owner and access list. `kind` is a letter of `acldefault`."""
    return (
        f"'owner', pg_get_userbyid({owner}), 'acl', {acl}::text[],"
        f" 'usual_acl', acldefault('{kind}', {owner})::text[]"
    )
