-- An auditor's ten questions, for clickhouse-client, to whichever store views.sql stands on. Each of the four is said:
--   clickhouse-client -d veilwire --format PrettyCompact --param_from=2026-11-01 --param_until=2026-12-01
--     --param_person='Ada Lovelace' --param_minutes=5 --queries-file questions.sql
-- Of what has no match, names are empty.

SELECT '1. Who was sent what kind of secret? What is masked stood in the answer, and was not shown; what was observed was shown.' FORMAT TSVRaw;
SELECT e.person AS person, e.issuer AS issuer, e.subject AS subject, f.category AS category, f.rule AS rule,
       f.action AS action, count() AS findings, uniqExact(f.host, f.session, f.exchange) AS exchanges,
       min(f.at) AS first, max(f.at) AS last
FROM findings f LEFT JOIN exchanges e ON e.host = f.host AND e.session = f.session AND e.exchange = f.exchange
WHERE f.direction = 'response' AND f.at >= parseDateTime64BestEffort({from:String}, 9, 'UTC')
  AND f.at < parseDateTime64BestEffort({until:String}, 9, 'UTC')
GROUP BY person, issuer, subject, category, rule, action
ORDER BY findings DESC, person, rule;

SELECT '2. Which hosts are silent? A host signs every minute, whether something happens or not.' FORMAT TSVRaw;
SELECT host, maxOrNullIf(at, kind = 'checkpoint') AS last_checkpoint, max(at) AS last_record,
       max(received_at) AS last_received
FROM records GROUP BY host
HAVING last_checkpoint IS NULL
   OR dateDiff('second', least(last_checkpoint, last_received), now64(3, 'UTC')) > 60 * {minutes:UInt32}
ORDER BY last_checkpoint NULLS FIRST, host;

SELECT '3. What was not inspected, and why?' FORMAT TSVRaw;
SELECT g.at AS at, g.host AS host, e.person AS person, if(e.server != '', e.server, c.server) AS server,
       g.reason AS reason, g.detail AS detail, g.action AS action, g.would AS would, g.bytes AS bytes
FROM gaps g LEFT JOIN exchanges e ON e.host = g.host AND e.session = g.session AND e.exchange = g.exchange
LEFT JOIN connections c ON c.host = g.host AND c.session = g.session
WHERE g.at >= parseDateTime64BestEffort({from:String}, 9, 'UTC')
  AND g.at < parseDateTime64BestEffort({until:String}, 9, 'UTC')
ORDER BY at, g.uid;

SELECT '4. What was blocked?' FORMAT TSVRaw;
SELECT b.at AS at, b.host AS host, e.person AS person, e.server AS server, e.model AS model, e.tool AS tool,
       b.direction AS direction, b.category AS category, b.rule AS rule, b.answer AS answer
FROM blocks b LEFT JOIN exchanges e ON e.host = b.host AND e.session = b.session AND e.exchange = b.exchange
WHERE b.at >= parseDateTime64BestEffort({from:String}, 9, 'UTC')
  AND b.at < parseDateTime64BestEffort({until:String}, 9, 'UTC')
ORDER BY at, b.uid;

SELECT '5. What did one person do in this time? By name or by subject.' FORMAT TSVRaw;
SELECT e.at AS at, e.host AS host, e.session AS session, e.exchange AS exchange, e.server AS server,
       e.method AS method, e.path AS path, e.model AS model, e.mcp_method AS mcp_method, e.tool AS tool,
       f.number AS findings, g.number AS gaps
FROM exchanges e
LEFT JOIN (SELECT host, session, exchange, count() AS number FROM findings GROUP BY host, session, exchange) f
  ON f.host = e.host AND f.session = e.session AND f.exchange = e.exchange
LEFT JOIN (SELECT host, session, exchange, count() AS number FROM gaps GROUP BY host, session, exchange) g
  ON g.host = e.host AND g.session = e.session AND g.exchange = e.exchange
WHERE {person:String} IN (e.person, e.subject) AND e.at >= parseDateTime64BestEffort({from:String}, 9, 'UTC')
  AND e.at < parseDateTime64BestEffort({until:String}, 9, 'UTC')
ORDER BY at, host, session, exchange;

SELECT '6. Which team uses which servers and tools?' FORMAT TSVRaw;
SELECT arrayJoin(e.teams) AS team, e.server AS server, e.mcp_method AS mcp_method, e.tool AS tool,
       count() AS exchanges, uniqExact(e.issuer, e.subject) AS people, max(e.at) AS last
FROM exchanges e
WHERE e.at >= parseDateTime64BestEffort({from:String}, 9, 'UTC')
  AND e.at < parseDateTime64BestEffort({until:String}, 9, 'UTC')
GROUP BY team, server, mcp_method, tool ORDER BY team, exchanges DESC, server, tool;

SELECT '7. Which models and servers were sent what kind of secret? What is masked or blocked did not arrive there; what was observed did.'
FORMAT TSVRaw;
SELECT e.server AS server, e.model AS model, f.category AS category, f.rule AS rule, f.action AS action,
       count() AS findings, uniqExact(e.issuer, e.subject) AS people
FROM findings f LEFT JOIN exchanges e ON e.host = f.host AND e.session = f.session AND e.exchange = f.exchange
WHERE f.direction = 'request' AND f.at >= parseDateTime64BestEffort({from:String}, 9, 'UTC')
  AND f.at < parseDateTime64BestEffort({until:String}, 9, 'UTC')
GROUP BY server, model, category, rule, action ORDER BY findings DESC, server, model, rule;

SELECT '8. Whose identity was lost, or not confirmed of late, while something was under way?' FORMAT TSVRaw;
SELECT * FROM (
  SELECT at, host, person, issuer, subject, what, reason, answer, standing, age_ms
  FROM identity_changes
  UNION ALL
  SELECT at, host, person, issuer, subject, 'request' AS what, '' AS reason, '' AS answer, standing, age_ms
  FROM exchanges WHERE standing != 'fresh')
WHERE at >= parseDateTime64BestEffort({from:String}, 9, 'UTC')
  AND at < parseDateTime64BestEffort({until:String}, 9, 'UTC')
ORDER BY at, host, person, what;

SELECT '9. Which configuration came into force where, and which was refused?' FORMAT TSVRaw;
SELECT at, host, what, file, digest, outcome, mode
FROM config_changes
WHERE at >= parseDateTime64BestEffort({from:String}, 9, 'UTC')
  AND at < parseDateTime64BestEffort({until:String}, 9, 'UTC')
ORDER BY at, uid;

SELECT '10. Is the log of each host complete? Each writer numbers its records from 1 without gaps.' FORMAT TSVRaw;
SELECT r.host AS host, r.writer AS writer, uniqExact(r.seq) AS records, max(r.seq) AS last_number,
       max(r.seq) - uniqExact(r.seq) AS missing, count() - uniqExact(r.seq) AS doubled,
       any(s.records) AS signed_records, any(c.records) AS cosigned_records
FROM records r
LEFT JOIN (SELECT host, max(records) AS records FROM checkpoints GROUP BY host) s ON s.host = r.host
LEFT JOIN (SELECT host, max(toNullable(records)) AS records FROM cosigned GROUP BY host) c ON c.host = r.host
GROUP BY host, writer ORDER BY host, writer;
