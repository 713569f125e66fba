"""Queries of tables and all that hangs on them: columns, constraints, indexes, triggers, rules, policies."""

from typing import Final

from warubi_tui.postgres.objects.fragments import OURS, comment, free, rights

_MINE: Final = f"""
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND {OURS}
"""


def _relations(kinds: str) -> str:
    # The row of the system column ctid is as old as the table: nothing ever updates it.
    return f"""
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized_view' WHEN 'f' THEN 'foreign_table'
                      ELSE 'table' END,
       c.oid::int8, 0, coalesce(first.xmin, c.xmin)::text::int8,
       n.nspname::text, c.relname::text, NULL, false, NULL::json,
       json_strip_nulls(json_build_object(
           'kind', CASE WHEN c.relkind IN ('r', 'p') THEN
                       CASE c.relpersistence WHEN 'u' THEN 'unlogged ' ELSE '' END ||
                       CASE c.relkind WHEN 'p' THEN 'partitioned table' ELSE 'table' END END,
           'primary_key', key.columns,
           'primary_key_name', pk.conname::text,
           'primary_key_comment', coalesce({comment("pg_constraint", "pk.oid")},
                                           {comment("pg_class", "pk.conindid")}),
           'partition_key', CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END,
           'partition_of', CASE WHEN c.relispartition THEN parents.names END,
           'bounds', CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END,
           'inherits', CASE WHEN NOT c.relispartition THEN parents.names END,
           'parents', parents.places,
           'of_type', CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
           'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
           'populated', CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'not populated' END,
           'server', foreign_side.server,
           'foreign_options', foreign_side.options,
           'row_security', CASE WHEN c.relrowsecurity AND c.relforcerowsecurity THEN 'enabled and forced'
                                WHEN c.relrowsecurity THEN 'enabled'
                                WHEN c.relforcerowsecurity THEN 'forced, not enabled' END,
           'replica_identity', CASE
               WHEN c.relkind NOT IN ('r', 'p') THEN NULL WHEN c.relreplident = 'n' THEN 'nothing'
               WHEN c.relreplident = 'f' THEN 'full' WHEN c.relreplident = 'i' THEN 'index ' || coalesce((
                   SELECT quote_ident(ic.relname) FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
                    WHERE i.indrelid = c.oid AND i.indisreplident), 'that is gone') END,
           'access_method', CASE WHEN am.amname <> 'heap' THEN am.amname::text END,
           'tablespace', (SELECT spcname::text FROM pg_tablespace s WHERE s.oid = c.reltablespace),
           'options', (SELECT string_agg(o, ', ' ORDER BY o)
                         FROM (SELECT unnest(c.reloptions) UNION ALL
                               SELECT 'toast.' || unnest(toast.reloptions)
                                 FROM pg_class toast WHERE toast.oid = c.reltoastrelid) one(o)),
           {rights("r", "c.relacl", "c.relowner")},
           'comment', {comment("pg_class", "c.oid")})),
       json_strip_nulls(json_build_object(
           'primary_key', pk.xmin::text,
           'partition_of', parents.version,
           'inherits', parents.version,
           'partition_key', CASE WHEN c.relkind = 'p' THEN c.xmin::text END,
           'of_type', c.xmin::text,
           'replica_identity', c.xmin::text,
           'definition', view.xmin::text))
{_MINE}
  LEFT JOIN pg_attribute first ON first.attrelid = c.oid AND first.attnum = -1
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_constraint pk ON pk.conrelid = c.oid AND pk.contype = 'p'
  LEFT JOIN pg_rewrite view ON view.ev_class = c.oid AND view.rulename = '_RETURN' AND c.relkind IN ('v', 'm')
  LEFT JOIN LATERAL (
       SELECT string_agg(a.attname::text, ', ' ORDER BY k.place) || coalesce((
                  SELECT ' INCLUDE ' || string_agg(b.attname::text, ', ' ORDER BY v.place)
                    FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY v(attnum, place)
                    JOIN pg_attribute b ON b.attrelid = c.oid AND b.attnum = v.attnum
                   WHERE i.indexrelid = pk.conindid AND i.indrelid = b.attrelid
                     AND v.place > i.indnkeyatts), '')
              || CASE WHEN to_json(pk)->>'conperiod' = 'true' THEN ' WITHOUT OVERLAPS' ELSE '' END
              || CASE WHEN pk.condeferrable THEN ' DEFERRABLE' ELSE '' END
              || CASE WHEN pk.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END AS columns
         FROM unnest(pk.conkey) WITH ORDINALITY k(attnum, place)
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum) key ON true
  LEFT JOIN LATERAL (
       SELECT string_agg(format('%I.%I', pn.nspname, p.relname), ', ' ORDER BY i.inhseqno) AS names,
              string_agg(i.xmin::text, ',' ORDER BY i.inhseqno) AS version,
              json_agg(json_build_array(pn.nspname, p.relname) ORDER BY i.inhseqno) AS places
         FROM pg_inherits i
         JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE i.inhrelid = c.oid) parents ON true
  LEFT JOIN LATERAL (
       SELECT s.srvname::text AS server, array_to_string(f.ftoptions, ', ') AS options
         FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
        WHERE f.ftrelid = c.oid AND c.relkind = 'f') foreign_side ON true
 WHERE c.relkind IN ({kinds}) AND {free("pg_class", "c.oid")}
 ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"
"""


TABLES: Final = _relations("'r', 'p', 'f'")
VIEWS: Final = _relations("'v', 'm'")

# The columns of a view are what its definition makes of them: only what is said of them besides is told.
COLUMNS_OF_RELATIONS: Final = f"""
WITH r AS MATERIALIZED (
    SELECT c.oid, n.nspname::text AS schema, c.relname::text AS relation,
           c.relkind IN ('r', 'p', 'f') AS stored
{_MINE}
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {free("pg_class", "c.oid")})
SELECT CASE WHEN r.stored THEN 'column' ELSE 'view_column' END,
       a.attrelid::int8, a.attnum::int4, a.xmin::text::int8,
       r.schema, r.relation, a.attname::text, a.attinhcount > 0, NULL::json,
       json_strip_nulls(json_build_object(
           'type', CASE WHEN r.stored THEN format_type(a.atttypid, a.atttypmod) END,
           'nullability', CASE WHEN NOT r.stored THEN NULL WHEN a.attnotnull THEN 'NOT NULL'
                               ELSE 'NULL' END,
           'default', CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                                         WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY'
                          ELSE CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END END,
           'generated', CASE a.attgenerated WHEN 's' THEN pg_get_expr(d.adbin, d.adrelid) || ' STORED'
                                            WHEN 'v' THEN pg_get_expr(d.adbin, d.adrelid) || ' VIRTUAL' END,
           'collation', CASE WHEN r.stored AND a.attcollation <> t.typcollation AND a.attcollation <> 0
               THEN (SELECT format('%I.%I', cn.nspname, o.collname) FROM pg_collation o
                       JOIN pg_namespace cn ON cn.oid = o.collnamespace WHERE o.oid = a.attcollation) END,
           'storage', CASE WHEN r.stored AND a.attstorage <> t.typstorage THEN
               CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'm' THEN 'MAIN' WHEN 'e' THEN 'EXTERNAL'
                                 WHEN 'x' THEN 'EXTENDED' END END,
           'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
           'statistics', nullif(a.attstattarget::int4, -1)::text,
           'options', (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(a.attoptions) o),
           'foreign_options', array_to_string(a.attfdwoptions, ', '),
           'acl', a.attacl::text[],
           'comment', {comment("pg_class", "a.attrelid", "a.attnum")})),
       json_strip_nulls(json_build_object(
           'type', a.xmin::text, 'collation', a.xmin::text,
           'default', d.xmin::text, 'generated', d.xmin::text))
  FROM r
  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 ORDER BY a.attrelid, a.attnum
"""

# A primary key is told as a property of its table. NOT NULL is one of its column: its constraint (PostgreSQL
# 18) is told where somebody chose its name, or where it says more.
CONSTRAINTS: Final = f"""
SELECT 'constraint', o.oid::int8, 0, o.xmin::text::int8,
       n.nspname::text, c.relname::text, o.conname::text, o.conparentid <> 0 OR o.coninhcount > 0, NULL::json,
       json_strip_nulls(json_build_object(
           'definition', regexp_replace(pg_get_constraintdef(o.oid), ' NOT VALID$', ''),
           'validity', CASE WHEN o.convalidated THEN 'valid' ELSE 'not validated' END,
           'comment', coalesce({comment("pg_constraint", "o.oid")}, CASE WHEN o.contype IN ('u', 'x') THEN
                               {comment("pg_class", "o.conindid")} END))),
       json_build_object('definition', o.xmin::text)
{_MINE}
  JOIN pg_constraint o ON o.conrelid = c.oid
 WHERE c.relkind IN ('r', 'p', 'f') AND {free("pg_class", "c.oid")}
   AND (o.contype IN ('u', 'f', 'c', 'x')
        OR o.contype = 'n' AND (o.conname !~ '_not_null\\d*$' OR NOT o.convalidated OR o.connoinherit))
 ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C", o.conname::text COLLATE "C"
"""

# An index that a constraint has is told as that constraint.
INDEXES: Final = f"""
SELECT 'index', i.indexrelid::int8, 0, x.xmin::text::int8,
       n.nspname::text, c.relname::text, x.relname::text, x.relispartition, NULL::json,
       json_strip_nulls(json_build_object(
           'definition', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
               || substr(pg_get_indexdef(i.indexrelid), 1 + length(format(
                      'CREATE %sINDEX %I ON %s%I.%I ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, x.relname,
                      CASE c.relkind WHEN 'p' THEN 'ONLY ' END, n.nspname, c.relname))),
           'validity', CASE WHEN i.indisvalid AND i.indisready AND i.indislive THEN 'valid'
                            ELSE 'invalid' END,
           'statistics', (SELECT string_agg(a.attnum || ' ' || a.attstattarget, ', ' ORDER BY a.attnum)
                            FROM pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0),
           'clustered', CASE WHEN i.indisclustered THEN 'CLUSTER' END,
           'tablespace', (SELECT spcname::text FROM pg_tablespace s WHERE s.oid = x.reltablespace),
           'comment', {comment("pg_class", "x.oid")})),
       json_build_object('definition', i.xmin::text || coalesce(x.reloptions::text, ''))
{_MINE}
  JOIN pg_index i ON i.indrelid = c.oid
  JOIN pg_class x ON x.oid = i.indexrelid
 WHERE c.relkind IN ('r', 'p', 'm') AND {free("pg_class", "c.oid")}
   AND i.indexrelid NOT IN (SELECT o.conindid FROM pg_constraint o WHERE o.contype IN ('p', 'u', 'x'))
 ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C", x.relname::text COLLATE "C"
"""

_FIRING: Final = """CASE {0} WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled'
                             WHEN 'R' THEN 'enabled on replicas' WHEN 'A' THEN 'always enabled' END"""

TRIGGERS: Final = f"""
SELECT 'trigger', t.oid::int8, 0, t.xmin::text::int8,
       n.nspname::text, c.relname::text, t.tgname::text, t.tgparentid <> 0, NULL::json,
       json_strip_nulls(json_build_object(
           'definition', substr(pg_get_triggerdef(t.oid), 1 + length(format(
               'CREATE %sTRIGGER %I ', CASE WHEN t.tgconstraint <> 0 THEN 'CONSTRAINT ' END, t.tgname))),
           'firing', {_FIRING.format("t.tgenabled")},
           'comment', {comment("pg_trigger", "t.oid")})),
       json_build_object('definition', t.xmin::text)
{_MINE}
  JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
 WHERE {free("pg_class", "c.oid")}
 ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C", t.tgname::text COLLATE "C"
"""

RULES: Final = f"""
SELECT 'rule', w.oid::int8, 0, w.xmin::text::int8,
       n.nspname::text, c.relname::text, w.rulename::text, false, NULL::json,
       json_strip_nulls(json_build_object(
           'definition', ltrim(substr(pg_get_ruledef(w.oid),
                                      1 + length(format('CREATE RULE %I AS', w.rulename))), E' \\n'),
           'firing', {_FIRING.format("w.ev_enabled")},
           'comment', {comment("pg_rewrite", "w.oid")})),
       json_build_object('definition', w.xmin::text)
{_MINE}
  JOIN pg_rewrite w ON w.ev_class = c.oid AND w.rulename <> '_RETURN'
 WHERE {free("pg_class", "c.oid")}
 ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C", w.rulename::text COLLATE "C"
"""

POLICIES: Final = f"""
SELECT 'policy', p.oid::int8, 0, p.xmin::text::int8,
       n.nspname::text, c.relname::text, p.polname::text, false, NULL::json,
       json_strip_nulls(json_build_object(
           'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                    WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
           'mode', CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
           'roles', (SELECT string_agg(who.name, ', ' ORDER BY who.name)
                       FROM unnest(p.polroles) r(oid)
                      CROSS JOIN LATERAL (SELECT CASE r.oid WHEN 0 THEN 'PUBLIC'
                                                 ELSE quote_ident(pg_get_userbyid(r.oid)) END AS name) who),
           'using', pg_get_expr(p.polqual, p.polrelid),
           'check', pg_get_expr(p.polwithcheck, p.polrelid),
           'comment', {comment("pg_policy", "p.oid")})),
       json_build_object('using', p.xmin::text, 'check', p.xmin::text)
{_MINE}
  JOIN pg_policy p ON p.polrelid = c.oid
 WHERE {free("pg_class", "c.oid")}
 ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C", p.polname::text COLLATE "C"
"""

STATISTICS: Final = f"""
SELECT 'statistics', s.oid::int8, 0, s.xmin::text::int8,
       n.nspname::text, c.relname::text,
       CASE WHEN s.stxnamespace = n.oid THEN s.stxname::text ELSE format('%I.%I', sn.nspname, s.stxname) END,
       false, NULL::json,
       json_strip_nulls(json_build_object(
           'definition', substr(pg_get_statisticsobjdef(s.oid),
                                1 + length(format('CREATE STATISTICS %I.%I ', sn.nspname, s.stxname))),
           'target', nullif(s.stxstattarget::int4, -1)::text,
           'owner', pg_get_userbyid(s.stxowner),
           'comment', {comment("pg_statistic_ext", "s.oid")})),
       json_build_object('definition', s.xmin::text)
{_MINE}
  JOIN pg_statistic_ext s ON s.stxrelid = c.oid
  JOIN pg_namespace sn ON sn.oid = s.stxnamespace
 WHERE {free("pg_class", "c.oid")} AND {free("pg_statistic_ext", "s.oid")}
 ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C", s.stxname::text COLLATE "C"
"""
