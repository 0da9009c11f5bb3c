-- Where rsyslog.conf puts records, and what views.sql reads of them. As the database's owner:
--   createuser rsyslog; createdb veilwire; psql veilwire -f rsyslog.sql -f views.sql
\set ON_ERROR_STOP on
BEGIN;
CREATE SCHEMA veilwire_syslog;

-- Of two rows with one uid the first stays. Nothing here refuses a row that rsyslog.conf lets through.
CREATE TABLE veilwire_syslog.messages(
  uid text PRIMARY KEY GENERATED ALWAYS AS (
    substring(structured FROM ' host="([^"]*)"') || '-' || substring(structured FROM ' writer="([^"]*)"') || '-'
    || substring(structured FROM ' seq="([^"]*)"')) STORED,
  host text GENERATED ALWAYS AS (substring(structured FROM ' host="([^"]*)"')) STORED,
  writer text GENERATED ALWAYS AS (substring(structured FROM ' writer="([^"]*)"')) STORED,
  seq bigint GENERATED ALWAYS AS (substring(structured FROM ' seq="([0-9]+)"')::bigint) STORED,
  session text GENERATED ALWAYS AS (substring(structured FROM ' session="([^"]*)"')) STORED,
  exchange bigint GENERATED ALWAYS AS (substring(structured FROM ' exchange="([0-9]+)"')::bigint) STORED,
  at timestamptz NOT NULL,                          -- as the host says
  received_at timestamptz NOT NULL DEFAULT now(),
  kind text NOT NULL,
  structured text NOT NULL,                         -- as it came: RFC 5424
  message text NOT NULL);                           -- the record as JSON
CREATE INDEX messages_by_host ON veilwire_syslog.messages(host, at);
CREATE INDEX messages_by_exchange ON veilwire_syslog.messages(host, session, exchange);
CREATE INDEX messages_by_kind ON veilwire_syslog.messages(kind, at)
  WHERE kind NOT IN ('request.body', 'response.fragment');

-- NUL, which jsonb cannot hold, becomes U+FFFD; what is no JSON becomes NULL. Not in parallel: before PostgreSQL 17
-- nothing that catches an exception may run so.
CREATE FUNCTION veilwire_syslog.record_json(message text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE AS $$
BEGIN
  RETURN replace(message, '\u0000', '\ufffd')::jsonb;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;

CREATE SCHEMA auditor;
CREATE VIEW auditor.records AS
  SELECT uid, host, writer, seq, at, received_at, kind, session, exchange,
         veilwire_syslog.record_json(message) AS record
  FROM veilwire_syslog.messages;

-- Nobody signs what comes this way.
CREATE VIEW auditor.cosigned AS
  SELECT NULL::text AS host, NULL::bigint AS records, NULL::timestamptz AS at WHERE false;

-- It adds rows, and never changes or deletes one.
GRANT USAGE ON SCHEMA veilwire_syslog TO rsyslog;
GRANT INSERT ON veilwire_syslog.messages TO rsyslog;
GRANT SELECT (uid) ON veilwire_syslog.messages TO rsyslog;
COMMIT;
