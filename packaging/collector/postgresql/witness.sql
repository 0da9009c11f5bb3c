-- What views.sql reads of the tables of veilwire-witness, which init-store has made. As their owner:
--   psql veilwire -f witness.sql -f views.sql
\set ON_ERROR_STOP on
BEGIN;
CREATE SCHEMA auditor;

-- What is no record has no place here: its number is missing from its writer's, as it is where records come by syslog.
-- received_at is when its log was last heard of.
CREATE VIEW auditor.records AS
  SELECT r.host || '-' || (j.record->>'writer') || '-' || (j.record->>'seq') AS uid, r.host,
         j.record->>'writer' AS writer, (j.record->>'seq')::bigint AS seq, r.at, l.received_at, r.kind, r.session,
         r.exchange, j.record
  FROM veilwire.records r JOIN veilwire.logs l ON l.id = r.log
  CROSS JOIN LATERAL (SELECT veilwire.record_json(r.canonical) AS record OFFSET 0) j
  WHERE r.kind <> 'unreadable';

CREATE VIEW auditor.cosigned AS
  SELECT (SELECT r.host FROM veilwire.records r WHERE r.log = l.id AND r.kind = 'checkpoint' ORDER BY r.number DESC
          LIMIT 1) AS host,
         l.checkpoint_size AS records, l.cosigned_at AS at
  FROM veilwire.logs l WHERE l.checkpoint_size IS NOT NULL;
COMMIT;
