"""Queries of what a database has besides tables and code: schemas, extensions, publications …"""

from typing import Final

from warubi_tui.postgres.objects.fragments import OURS, comment, free, rights

SCHEMAS: Final = f"""
SELECT 'schema', n.oid::int8, 0, n.xmin::text::int8, '', '', n.nspname::text, false, NULL::json,
       json_strip_nulls(json_build_object(
           {rights("n", "n.nspacl", "n.nspowner")},
           'comment', {comment("pg_namespace", "n.oid")})),
       '{{}}'::json
  FROM pg_namespace n
 WHERE {OURS} AND {free("pg_namespace", "n.oid")}
 ORDER BY n.nspname::text COLLATE "C"
"""

# The comment on an extension comes with its version.
EXTENSIONS: Final = """
SELECT 'extension', x.oid::int8, 0, x.xmin::text::int8, '', '', x.extname::text, false, NULL::json,
       json_build_object('version', x.extversion, 'schema', n.nspname::text), '{}'::json
  FROM pg_extension x
  JOIN pg_namespace n ON n.oid = x.extnamespace
 ORDER BY x.extname::text COLLATE "C"
"""

LANGUAGES: Final = f"""
SELECT 'language', l.oid::int8, 0, l.xmin::text::int8, '', '', l.lanname::text, false, NULL::json,
       json_strip_nulls(json_build_object(
           'kind', CASE WHEN l.lanpltrusted THEN 'trusted' ELSE 'untrusted' END,
           {rights("l", "l.lanacl", "l.lanowner")},
           'comment', {comment("pg_language", "l.oid")})),
       '{{}}'::json
  FROM pg_language l
 WHERE l.lanispl AND {free("pg_language", "l.oid")}
 ORDER BY l.lanname::text COLLATE "C"
"""

DEFAULT_PRIVILEGES: Final = """
SELECT 'default_privileges', d.oid::int8, 0, d.xmin::text::int8, coalesce(n.nspname::text, ''), '',
       'of ' || pg_get_userbyid(d.defaclrole) || ' on ' ||
       CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                            WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' WHEN 'L' THEN 'large objects'
                            ELSE d.defaclobjtype::text END,
       false, NULL::json, json_build_object('acl', d.defaclacl::text[]), '{}'::json
  FROM pg_default_acl d
  LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
 ORDER BY 5, 7
"""

FOREIGN_SERVERS: Final = f"""
SELECT 'foreign_server', s.oid::int8, 0, s.xmin::text::int8, '', '', s.srvname::text, false, NULL::json,
       json_strip_nulls(json_build_object(
           'wrapper', w.fdwname::text, 'type', s.srvtype, 'version', s.srvversion,
           'options', (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(s.srvoptions) o
                        WHERE o !~* '^[^=]*passw'),
           {rights("S", "s.srvacl", "s.srvowner")},
           'comment', {comment("pg_foreign_server", "s.oid")})),
       '{{}}'::json
  FROM pg_foreign_server s
  JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
 WHERE {free("pg_foreign_server", "s.oid")}
 ORDER BY s.srvname::text COLLATE "C"
"""

COLLATIONS: Final = f"""
SELECT 'collation', k.oid::int8, 0, k.xmin::text::int8,
       n.nspname::text, '', k.collname::text, false, NULL::json,
       json_strip_nulls(json_build_object(
           'definition', concat_ws(', ', 'PROVIDER = ' || k.collprovider::text,
               'LOCALE = ' || quote_literal(coalesce(
                   to_json(k)->>'colllocale', to_json(k)->>'colliculocale', k.collcollate::text)),
               'LC_CTYPE = ' || quote_literal(k.collctype::text),
               'RULES = ' || quote_literal(to_json(k)->>'collicurules'),
               CASE WHEN NOT k.collisdeterministic THEN 'DETERMINISTIC = false' END),
           'owner', pg_get_userbyid(k.collowner),
           'comment', {comment("pg_collation", "k.oid")})),
       '{{}}'::json
  FROM pg_collation k
  JOIN pg_namespace n ON n.oid = k.collnamespace AND {OURS}
 WHERE {free("pg_collation", "k.oid")}
 ORDER BY 5, 7
"""

# A publication of PostgreSQL 14 has tables only: no lists of columns, no conditions, no schemas.
_PUBLISHED_14: Final = """
       SELECT r.xmin::text AS version, format('%I.%I', tn.nspname, c.relname) AS what
         FROM pg_publication_rel r
         JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace tn ON tn.oid = c.relnamespace
        WHERE r.prpubid = p.oid"""
_PUBLISHED: Final = """
       SELECT r.xmin::text AS version, format('%I.%I', tn.nspname, c.relname)
              || coalesce((
                     SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')'
                       FROM pg_attribute a
                      WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs::int2[])), '')
              || coalesce(' WHERE ' || pg_get_expr(r.prqual, r.prrelid), '') AS what
         FROM pg_publication_rel r
         JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace tn ON tn.oid = c.relnamespace
        WHERE r.prpubid = p.oid
        UNION ALL
       SELECT r.xmin::text, 'TABLES IN SCHEMA ' || quote_ident(tn.nspname)
         FROM pg_publication_namespace r JOIN pg_namespace tn ON tn.oid = r.pnnspid
        WHERE r.pnpubid = p.oid"""


def publications(version: int) -> str:
    """The query of publications for a server of `version` (`server_version_num`)."""
    published = _PUBLISHED if version >= 150000 else _PUBLISHED_14
    return f"""
SELECT 'publication', p.oid::int8, 0, p.xmin::text::int8, '', '', p.pubname::text, false, NULL::json,
       json_strip_nulls(json_build_object(
           'tables', CASE WHEN p.puballtables THEN 'ALL TABLES' ELSE tables.list END,
           'operations', nullif(concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END,
               CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END,
               CASE WHEN p.pubtruncate THEN 'truncate' END), ''),
           'options', nullif(concat_ws(', ', CASE WHEN p.pubviaroot THEN 'publish_via_partition_root' END,
               'publish_generated_columns = ' || nullif(to_json(p)->>'pubgencols', 'n')), ''),
           'owner', pg_get_userbyid(p.pubowner),
           'comment', {comment("pg_publication", "p.oid")})),
       json_strip_nulls(json_build_object('tables', tables.version))
  FROM pg_publication p
 CROSS JOIN LATERAL (
       SELECT string_agg(one.what, ', ' ORDER BY one.what COLLATE "C") AS list,
              string_agg(one.version, ',' ORDER BY one.version) AS version
         FROM ({published}) one) tables
 WHERE {free("pg_publication", "p.oid")}
 ORDER BY p.pubname::text COLLATE "C"
"""


# Everybody may read these columns, and not that with the password.
SUBSCRIPTIONS: Final = """
SELECT 'subscription', s.oid::int8, 0, 0::int8, '', '', s.subname::text, false, NULL::json,
       json_build_object('firing', CASE WHEN s.subenabled THEN 'enabled' ELSE 'disabled' END,
                         'publications', array_to_string(s.subpublications, ', ')),
       '{}'::json
  FROM pg_subscription s
 WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
 ORDER BY s.subname::text COLLATE "C"
"""


def _plain(kind: str, catalog: str, definition: str, owner: str) -> str:
    """A query of objects of which little is told besides that they are there."""
    return f"""
SELECT '{kind}', o.oid::int8, 0, o.xmin::text::int8, '', '', who.identity, false, NULL::json,
       json_strip_nulls(json_build_object('definition', {definition}, {owner},
                                          'comment', {comment(catalog, "o.oid")})),
       json_build_object('name', o.xmin::text, 'definition', o.xmin::text)
  FROM {catalog} o
 CROSS JOIN LATERAL pg_identify_object('{catalog}'::regclass, o.oid, 0) who
 WHERE o.oid >= {_FIRST_OF_USERS} AND who.identity IS NOT NULL AND {free(catalog, "o.oid", "ei")}
 ORDER BY 7
"""


_NOBODY: Final = "'owner', NULL::text"


def _owner(column: str) -> str:
    return f"'owner', pg_get_userbyid(o.{column})"


_FIRST_OF_USERS: Final = 16384
"""`FirstNormalObjectId` of PostgreSQL's access/transam.h."""

_MAPPINGS: Final = """(
    SELECT string_agg(m.maptokentype || ' ' || m.mapdict::regdictionary::text, ', '
                      ORDER BY m.maptokentype, m.mapseqno)
      FROM pg_ts_config_map m WHERE m.mapcfg = o.oid)"""

_WRAPPER: Final = """concat_ws(' ', 'HANDLER ' || nullif(o.fdwhandler, 0)::regproc,
                                     'VALIDATOR ' || nullif(o.fdwvalidator, 0)::regproc)"""

OTHERS: Final = {
    kind: _plain(kind, catalog, definition, owner)
    for kind, catalog, definition, owner in (
        ("cast", "pg_cast", "concat_ws(' ', o.castfunc::regprocedure, o.castcontext, o.castmethod)", _NOBODY),
        (
            "operator",
            "pg_operator",
            "concat_ws(' ', o.oprcode, o.oprcanmerge, o.oprcanhash)",
            _owner("oprowner"),
        ),
        ("operator_class", "pg_opclass", "o.opcdefault::text", _owner("opcowner")),
        ("operator_family", "pg_opfamily", "NULL::text", _owner("opfowner")),
        ("conversion", "pg_conversion", "o.conproc::text", _owner("conowner")),
        ("text_search_configuration", "pg_ts_config", _MAPPINGS, _owner("cfgowner")),
        ("text_search_dictionary", "pg_ts_dict", "o.dictinitoption", _owner("dictowner")),
        ("text_search_parser", "pg_ts_parser", "o.prstoken::text", _NOBODY),
        ("text_search_template", "pg_ts_template", "o.tmpllexize::text", _NOBODY),
        ("transform", "pg_transform", "concat_ws(' ', o.trffromsql, o.trftosql)", _NOBODY),
        (
            "foreign_data_wrapper",
            "pg_foreign_data_wrapper",
            _WRAPPER,
            rights("F", "o.fdwacl", "o.fdwowner"),
        ),
        ("access_method", "pg_am", "o.amhandler::text", _NOBODY),
    )
}
"""Kinds that few databases have, and their queries."""

# What it says to the other server is for nobody else's eyes.
USER_MAPPINGS: Final = """
SELECT 'user_mapping', m.umid::int8, 0, 0::int8, '', '', format('for %s on %s', m.usename, m.srvname), false,
       NULL::json, '{}'::json, '{}'::json
  FROM pg_user_mappings m
 ORDER BY 7
"""
