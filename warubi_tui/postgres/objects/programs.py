"""Queries of code and types: functions, sequences, types, domains, values of enums, event triggers."""

from typing import Final

from warubi_tui.postgres.objects.fragments import OURS, comment, free, rights

SEQUENCES: Final = f"""
SELECT 'sequence', c.oid::int8, 0, coalesce(first.xmin, c.xmin)::text::int8,
       n.nspname::text, '', c.relname::text, coalesce(part.internal, false), part.of,
       json_strip_nulls(json_build_object(
           'definition', format('AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s',
               format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache,
               CASE WHEN s.seqcycle THEN ' CYCLE' END),
           'kind', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
           'owned_by', part.owned_by,
           'acl', c.relacl::text[], 'usual_acl', acldefault('s', c.relowner)::text[],
           'owner', pg_get_userbyid(c.relowner),
           'comment', {comment("pg_class", "c.oid")})),
       json_strip_nulls(json_build_object('owned_by', part.version))
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND {OURS}
  JOIN pg_sequence s ON s.seqrelid = c.oid
  LEFT JOIN pg_attribute first ON first.attrelid = c.oid AND first.attnum = -1
  LEFT JOIN LATERAL (
       SELECT d.deptype = 'i' AS internal, json_build_array(tn.nspname, t.relname, a.attname) AS of,
              format('%I.%I.%I', tn.nspname, t.relname, a.attname) AS owned_by, d.xmin::text AS version
         FROM pg_depend d
         JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
          AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
        LIMIT 1) part ON true
 WHERE c.relkind = 'S' AND {free("pg_class", "c.oid")}
 ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"
"""

ROUTINES: Final = f"""
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       p.oid::int8, 0, p.xmin::text::int8,
       n.nspname::text, '', p.proname::text || '(' || oidvectortypes(p.proargtypes) || ')', false, NULL::json,
       json_strip_nulls(json_build_object(
           'arguments', nullif(pg_get_function_arguments(p.oid), ''),
           'result', pg_get_function_result(p.oid),
           'language', CASE p.prokind WHEN 'a' THEN NULL ELSE l.lanname::text END,
           'body', CASE p.prokind WHEN 'a' THEN NULL ELSE coalesce(
               pg_get_function_sqlbody(p.oid), concat_ws(', ', p.probin, p.prosrc)) END,
           'definition', (
               SELECT concat_ws(', ', 'SFUNC = ' || a.aggtransfn::text,
                      'STYPE = ' || format_type(a.aggtranstype, NULL),
                      'FINALFUNC = ' || nullif(a.aggfinalfn::text, '-'),
                      'INITCOND = ' || quote_literal(a.agginitval),
                      'COMBINEFUNC = ' || nullif(a.aggcombinefn::text, '-'),
                      'SERIALFUNC = ' || nullif(a.aggserialfn::text, '-'),
                      'DESERIALFUNC = ' || nullif(a.aggdeserialfn::text, '-'),
                      'MSFUNC = ' || nullif(a.aggmtransfn::text, '-'),
                      'MINVFUNC = ' || nullif(a.aggminvtransfn::text, '-'),
                      'MFINALFUNC = ' || nullif(a.aggmfinalfn::text, '-'),
                      'MINITCOND = ' || quote_literal(a.aggminitval),
                      'SORTOP = ' || nullif(a.aggsortop, 0)::regoperator::text,
                      'FINALFUNC_MODIFY = ' || a.aggfinalmodify::text, 'KIND = ' || a.aggkind::text)
                 FROM pg_aggregate a WHERE a.aggfnoid = p.oid),
           'window', CASE p.prokind WHEN 'w' THEN 'WINDOW' END,
           'volatility', CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE'
                                            ELSE 'VOLATILE' END,
           'strictness', CASE WHEN p.proisstrict THEN 'STRICT' END,
           'security', CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' ELSE 'SECURITY INVOKER' END,
           'leakproof', CASE WHEN p.proleakproof THEN 'LEAKPROOF' END,
           'parallel', CASE p.proparallel WHEN 's' THEN 'PARALLEL SAFE'
                                          WHEN 'r' THEN 'PARALLEL RESTRICTED' END,
           'cost', 'COST ' || p.procost, 'rows', 'ROWS ' || nullif(p.prorows, 0),
           'support', nullif(p.prosupport::text, '-'),
           'settings', (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(p.proconfig) o),
           {rights("f", "p.proacl", "p.proowner")},
           'comment', {comment("pg_proc", "p.oid")})),
       json_build_object('name', p.xmin::text, 'arguments', p.xmin::text, 'result', p.xmin::text,
                         'body', p.xmin::text, 'definition', p.xmin::text, 'support', p.xmin::text)
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace AND {OURS}
  JOIN pg_language l ON l.oid = p.prolang
 WHERE {free("pg_proc", "p.oid", "ei")}
 ORDER BY n.nspname::text COLLATE "C", p.proname::text COLLATE "C", oidvectortypes(p.proargtypes) COLLATE "C"
"""

# Row types of tables, array types and multiranges come with what they belong to.
TYPES: Final = f"""
SELECT CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, t.oid::int8, 0, t.xmin::text::int8,
       n.nspname::text, t.typname::text, NULL, false, NULL::json,
       json_strip_nulls(json_build_object(
           'kind', CASE t.typtype WHEN 'c' THEN 'composite' WHEN 'e' THEN 'enum' WHEN 'r' THEN 'range'
                                  WHEN 'b' THEN 'base' WHEN 'p' THEN 'shell' END,
           'type', CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
           'nullability', CASE WHEN t.typtype <> 'd' THEN NULL WHEN t.typnotnull THEN 'NOT NULL'
                               ELSE 'NULL' END,
           'default', t.typdefault,
           'collation', CASE WHEN t.typtype = 'd' AND t.typcollation <> below.typcollation THEN (
               SELECT format('%I.%I', cn.nspname, o.collname) FROM pg_collation o
                 JOIN pg_namespace cn ON cn.oid = o.collnamespace WHERE o.oid = t.typcollation) END,
           'constraints', CASE t.typtype WHEN 'd' THEN (
               SELECT string_agg(format('CONSTRAINT %I %s', o.conname, pg_get_constraintdef(o.oid))
                                 || coalesce(' COMMENT ' || quote_literal(
                                        {comment("pg_constraint", "o.oid")}), ''),
                                 ' ' ORDER BY o.conname::text COLLATE "C")
                 FROM pg_constraint o WHERE o.contypid = t.oid AND o.contype = 'c') END,
           'definition', CASE t.typtype
               WHEN 'r' THEN (
                   SELECT concat_ws(', ', 'SUBTYPE = ' || format_type(r.rngsubtype, NULL),
                          'SUBTYPE_OPCLASS = ' || (SELECT opcname FROM pg_opclass WHERE oid = r.rngsubopc),
                          'COLLATION = ' || (SELECT collname FROM pg_collation WHERE oid = r.rngcollation),
                          'CANONICAL = ' || nullif(r.rngcanonical::text, '-'),
                          'SUBTYPE_DIFF = ' || nullif(r.rngsubdiff::text, '-'),
                          'MULTIRANGE_TYPE_NAME = ' || format_type(r.rngmultitypid, NULL))
                     FROM pg_range r WHERE r.rngtypid = t.oid)
               WHEN 'b' THEN concat_ws(', ', 'INPUT = ' || t.typinput::text, 'OUTPUT = ' || t.typoutput::text,
                   'RECEIVE = ' || nullif(t.typreceive::text, '-'), 'SEND = ' || nullif(t.typsend::text, '-'),
                   'INTERNALLENGTH = ' || t.typlen, 'ALIGNMENT = ' || t.typalign::text,
                   'STORAGE = ' || t.typstorage::text, 'CATEGORY = ' || t.typcategory::text,
                   'ELEMENT = ' || format_type(nullif(t.typelem, 0), NULL)) END,
           {rights("T", "t.typacl", "t.typowner")},
           'comment', {comment("pg_type", "t.oid")})),
       json_build_object('type', t.xmin::text, 'definition', t.xmin::text, 'collation', t.xmin::text)
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace AND {OURS}
  LEFT JOIN pg_type below ON below.oid = t.typbasetype
 WHERE t.typtype IN ('c', 'e', 'r', 'b', 'd', 'p') AND {free("pg_type", "t.oid")}
   AND (t.typtype <> 'c' OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
   AND NOT EXISTS (SELECT FROM pg_type element WHERE element.oid = t.typelem AND element.typarray = t.oid)
 ORDER BY n.nspname::text COLLATE "C", t.typname::text COLLATE "C"
"""

ATTRIBUTES: Final = f"""
SELECT 'attribute', a.attrelid::int8, a.attnum::int4, a.xmin::text::int8,
       n.nspname::text, t.typname::text, a.attname::text, false, NULL::json,
       json_strip_nulls(json_build_object(
           'type', format_type(a.atttypid, a.atttypmod),
           'collation', CASE WHEN a.attcollation <> of.typcollation AND a.attcollation <> 0 THEN (
               SELECT format('%I.%I', cn.nspname, o.collname) FROM pg_collation o
                 JOIN pg_namespace cn ON cn.oid = o.collnamespace WHERE o.oid = a.attcollation) END,
           'comment', {comment("pg_class", "a.attrelid", "a.attnum")})),
       json_build_object('type', a.xmin::text, 'collation', a.xmin::text)
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace AND {OURS}
  JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type of ON of.oid = a.atttypid
 WHERE {free("pg_type", "t.oid")}
 ORDER BY n.nspname::text COLLATE "C", t.typname::text COLLATE "C", a.attnum
"""

ENUM_VALUES: Final = f"""
SELECT 'enum_value', e.oid::int8, 0, e.xmin::text::int8,
       n.nspname::text, t.typname::text, e.enumlabel::text, false, NULL::json, '{{}}'::json, '{{}}'::json
  FROM pg_enum e
  JOIN pg_type t ON t.oid = e.enumtypid
  JOIN pg_namespace n ON n.oid = t.typnamespace AND {OURS}
 WHERE {free("pg_type", "t.oid")}
 ORDER BY n.nspname::text COLLATE "C", t.typname::text COLLATE "C", e.enumsortorder
"""

EVENT_TRIGGERS: Final = f"""
SELECT 'event_trigger', t.oid::int8, 0, t.xmin::text::int8, '', '', t.evtname::text, false, NULL::json,
       json_strip_nulls(json_build_object(
           'definition', format('ON %s%s EXECUTE FUNCTION %s()', t.evtevent,
               (SELECT ' WHEN TAG IN (' || string_agg(quote_literal(g), ', ' ORDER BY g) || ')'
                  FROM unnest(t.evttags) g),
               (SELECT format('%I.%I', n.nspname, p.proname)
                  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = t.evtfoid)),
           'firing', CASE t.evtenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled'
                                       WHEN 'R' THEN 'enabled on replicas' WHEN 'A' THEN 'always enabled' END,
           'owner', pg_get_userbyid(t.evtowner),
           'comment', {comment("pg_event_trigger", "t.oid")})),
       json_build_object('definition', t.xmin::text)
  FROM pg_event_trigger t
 WHERE {free("pg_event_trigger", "t.oid")}
 ORDER BY t.evtname::text COLLATE "C"
"""
