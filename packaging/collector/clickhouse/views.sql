-- What the ten questions of questions.sql are put to. The view records, one row a record, is made by kafka.sql or
-- otelcol.sql before; everything here is the same for both. A host can say what it likes: of what is not of its kind JSON
-- functions make NULL or nothing.

-- Where each connection went.
CREATE VIEW connections AS
  SELECT host, session, at, JSONExtractString(record, 'handling') AS handling,
         if(JSONExtractString(record, 'server_name') != '', JSONExtractString(record, 'server_name'),
            JSONExtractString(record, 'destination')) AS server
  FROM records WHERE kind = 'session.open'
  ORDER BY host, session, at DESC, seq DESC LIMIT 1 BY host, session;

-- Each request, with who it came from.
CREATE VIEW exchanges AS
  SELECT r.host AS host, r.session AS session, r.exchange AS exchange, r.at AS at,
         JSONExtractString(r.record, 'person', 'issuer') AS issuer,
         JSONExtractString(r.record, 'person', 'subject') AS subject,
         JSONExtractString(r.record, 'person', 'name') AS person,
         JSONExtract(r.record, 'person', 'groups', 'Array(String)') AS teams,
         JSONExtractString(r.record, 'person', 'standing') AS standing,
         JSONExtract(r.record, 'person', 'age_ms', 'Nullable(UInt64)') AS age_ms,
         c.server AS server, JSONExtractString(r.record, 'service') AS service,
         JSONExtractString(r.record, 'method') AS method,
         splitByChar('?', JSONExtractString(r.record, 'target'))[1] AS path,
         JSONExtractString(r.record, 'model') AS model, JSONExtractString(r.record, 'mcp_method') AS mcp_method,
         JSONExtractString(r.record, 'tool') AS tool, JSONExtractString(r.record, 'policy_digest') AS policy_digest
  FROM records r LEFT JOIN connections c ON c.host = r.host AND c.session = r.session
  WHERE r.kind = 'request.head'
  ORDER BY r.host, r.session, r.exchange, r.at DESC, r.seq DESC LIMIT 1 BY r.host, r.session, r.exchange;

-- Each mask and each block. What blocked may stand among the masks of the body as well, and is one finding.
CREATE VIEW masks AS
  SELECT uid, host, session, exchange, at, if(kind = 'request.body', 'request', 'response') AS direction,
         JSONExtractString(mask, 'rule') AS rule, JSONExtractString(mask, 'category') AS category,
         JSONExtractString(mask, 'action') AS action, JSONExtractString(mask, 'digest') AS digest
  FROM records ARRAY JOIN JSONExtractArrayRaw(record, 'masks') AS mask
  WHERE kind IN ('request.body', 'response.fragment');
CREATE VIEW blocks AS
  SELECT uid, host, session, exchange, at, JSONExtractString(record, 'direction') AS direction,
         JSONExtractString(record, 'rule') AS rule, JSONExtractString(record, 'category') AS category,
         JSONExtractString(record, 'digest') AS digest, JSONExtractString(record, 'answer') AS answer
  FROM records WHERE kind = 'block';
CREATE VIEW findings AS
  SELECT uid, host, session, exchange, at, direction, rule, category, action, digest FROM masks
  UNION ALL
  SELECT b.uid, b.host, b.session, b.exchange, b.at, b.direction, b.rule, b.category, 'block', b.digest
  FROM blocks b LEFT ANTI JOIN (SELECT * FROM masks WHERE action = 'block') m
  ON m.host = b.host AND m.session = b.session AND m.exchange = b.exchange AND m.direction = b.direction
     AND m.rule = b.rule AND m.digest = b.digest;

CREATE VIEW gaps AS
  SELECT uid, host, session, exchange, at, JSONExtractString(record, 'reason') AS reason,
         JSONExtractString(record, 'detail') AS detail, JSONExtractString(record, 'action') AS action,
         JSONExtractString(record, 'would') AS would, JSONExtract(record, 'bytes', 'Nullable(UInt64)') AS bytes
  FROM records WHERE kind = 'gap';

CREATE VIEW identity_changes AS
  SELECT uid, host, session, exchange, at, JSONExtractString(record, 'what') AS what,
         JSONExtractString(record, 'reason') AS reason, JSONExtractString(record, 'answer') AS answer,
         JSONExtractString(record, 'person', 'issuer') AS issuer,
         JSONExtractString(record, 'person', 'subject') AS subject,
         JSONExtractString(record, 'person', 'name') AS person,
         JSONExtractString(record, 'person', 'standing') AS standing,
         JSONExtract(record, 'person', 'age_ms', 'Nullable(UInt64)') AS age_ms
  FROM records WHERE kind = 'identity.change';

CREATE VIEW config_changes AS
  SELECT uid, host, at, JSONExtractString(record, 'what') AS what, JSONExtractString(record, 'file') AS file,
         JSONExtractString(record, 'digest') AS digest, JSONExtractString(record, 'outcome') AS outcome,
         JSONExtractString(record, 'mode') AS mode
  FROM records WHERE kind = 'config.change';

-- How many records the host's log had when it signed: the second line of the note.
CREATE VIEW checkpoints AS
  SELECT uid, host, at, received_at,
         toUInt64OrNull(extract(JSONExtractString(record, 'note'), '^[^\\n]*\\n([0-9]{1,18})\\n')) AS records
  FROM records WHERE kind = 'checkpoint';
