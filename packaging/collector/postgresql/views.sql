-- What the ten questions of questions.sql are put to. auditor.records, one row a record, is made by rsyslog.sql or
-- witness.sql before; everything here is the same for both.
\set ON_ERROR_STOP on
BEGIN;

-- Of what is no number: NULL. A host can say what it likes, and must not break what is asked about others.
CREATE FUNCTION auditor.number(record jsonb, name text) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN jsonb_typeof(record->name) = 'number' THEN (record->>name)::numeric END
$$;

-- Where each connection went.
CREATE VIEW auditor.connections AS
  SELECT DISTINCT ON (host, session) host, session, at, record->>'handling' AS handling,
         coalesce(nullif(record->>'server_name', ''), record->>'destination') AS server
  FROM auditor.records WHERE kind = 'session.open' ORDER BY host, session, at DESC, seq DESC;

-- Each request, with who it came from.
CREATE VIEW auditor.exchanges AS
  SELECT DISTINCT ON (r.host, r.session, r.exchange) r.host, r.session, r.exchange, r.at,
         r.record->'person'->>'issuer' AS issuer, r.record->'person'->>'subject' AS subject,
         r.record->'person'->>'name' AS person,
         ARRAY(SELECT g #>> '{}' FROM jsonb_path_query(r.record, '$.person.groups[*]') g) AS teams,
         r.record->'person'->>'standing' AS standing, auditor.number(r.record->'person', 'age_ms') AS age_ms,
         c.server, r.record->>'service' AS service, r.record->>'method' AS method,
         split_part(r.record->>'target', '?', 1) AS path, r.record->>'model' AS model,
         r.record->>'mcp_method' AS mcp_method, r.record->>'tool' AS tool,
         r.record->>'policy_digest' AS policy_digest
  FROM auditor.records r LEFT JOIN auditor.connections c ON c.host = r.host AND c.session = r.session
  WHERE r.kind = 'request.head' ORDER BY r.host, r.session, r.exchange, r.at DESC, r.seq DESC;

-- Each mask and each block. What blocked may stand among the masks of the body as well, and is one finding.
CREATE VIEW auditor.masks AS
  SELECT r.uid, r.host, r.session, r.exchange, r.at,
         CASE r.kind WHEN 'request.body' THEN 'request' ELSE 'response' END AS direction, m->>'rule' AS rule,
         m->>'category' AS category, m->>'action' AS action, m->>'digest' AS digest, m->>'would' AS would
  FROM auditor.records r CROSS JOIN LATERAL jsonb_path_query(r.record, '$.masks[*]') m
  WHERE r.kind IN ('request.body', 'response.fragment');
CREATE VIEW auditor.blocks AS
  SELECT uid, host, session, exchange, at, record->>'direction' AS direction, record->>'rule' AS rule,
         record->>'category' AS category, record->>'digest' AS digest, record->>'answer' AS answer
  FROM auditor.records WHERE kind = 'block';
CREATE VIEW auditor.findings AS
  SELECT * FROM auditor.masks
  UNION ALL
  SELECT b.uid, b.host, b.session, b.exchange, b.at, b.direction, b.rule, b.category, 'block', b.digest, NULL
  FROM auditor.blocks b WHERE NOT EXISTS (
    SELECT FROM auditor.masks m WHERE m.host = b.host AND m.session = b.session AND m.exchange = b.exchange
      AND m.direction = b.direction AND m.rule = b.rule AND m.digest = b.digest AND m.action = 'block');

-- What would have ended an exchange, had policy not only observed.
CREATE VIEW auditor.observed AS
  SELECT uid, host, session, exchange, at, record->>'direction' AS direction, record->>'outcome' AS outcome,
         record->>'rule' AS rule, record->>'category' AS category, record->>'reason' AS reason,
         record->>'answer' AS answer
  FROM auditor.records WHERE kind = 'observed';

CREATE VIEW auditor.gaps AS
  SELECT uid, host, session, exchange, at, record->>'reason' AS reason, record->>'detail' AS detail,
         record->>'action' AS action, record->>'would' AS would, auditor.number(record, 'bytes') AS bytes
  FROM auditor.records WHERE kind = 'gap';

CREATE VIEW auditor.identity_changes AS
  SELECT uid, host, session, exchange, at, record->>'what' AS what, record->>'reason' AS reason,
         record->>'answer' AS answer, record->'person'->>'issuer' AS issuer,
         record->'person'->>'subject' AS subject, record->'person'->>'name' AS person,
         record->'person'->>'standing' AS standing, auditor.number(record->'person', 'age_ms') AS age_ms
  FROM auditor.records WHERE kind = 'identity.change';

CREATE VIEW auditor.config_changes AS
  SELECT uid, host, at, record->>'what' AS what, record->>'file' AS file, record->>'digest' AS digest,
         record->>'outcome' AS outcome, record->>'mode' AS mode
  FROM auditor.records WHERE kind = 'config.change';

-- How many records the host's log had when it signed: the second line of the note.
CREATE VIEW auditor.checkpoints AS
  SELECT uid, host, at, received_at,
         substring(record->>'note' FROM '^[^\n]*\n([0-9]{1,18})\n')::bigint AS records
  FROM auditor.records WHERE kind = 'checkpoint';
COMMIT;
