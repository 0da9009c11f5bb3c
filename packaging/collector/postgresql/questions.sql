-- An auditor's ten questions, for psql, to whichever store views.sql stands on:
--   psql veilwire -f questions.sql -v from='2026-11-01' -v until='2026-12-01' -v person='Ada Lovelace'
\set ON_ERROR_STOP on
\if :{?from}
\else
\set from '-infinity'
\endif
\if :{?until}
\else
\set until 'infinity'
\endif
\if :{?person}
\else
\set person ''
\endif
\if :{?minutes}
\else
\set minutes 5
\endif

\echo '1. Who was sent what kind of secret? What is masked stood in the answer, and was not shown; what was observed was shown.'
SELECT e.person, e.issuer, e.subject, f.category, f.rule, f.action, count(*) AS findings,
       count(DISTINCT (f.host, f.session, f.exchange)) AS exchanges, min(f.at) AS first, max(f.at) AS last
FROM auditor.findings f LEFT JOIN auditor.exchanges e USING (host, session, exchange)
WHERE f.direction = 'response' AND f.at >= :'from' AND f.at < :'until'
GROUP BY e.person, e.issuer, e.subject, f.category, f.rule, f.action
ORDER BY findings DESC, e.person, f.rule;

\echo '2. Which hosts are silent? A host signs every minute, whether something happens or not.'
SELECT host, max(at) FILTER (WHERE kind = 'checkpoint') AS last_checkpoint, max(at) AS last_record,
       max(received_at) AS last_received
FROM auditor.records GROUP BY host
HAVING coalesce(least(max(at) FILTER (WHERE kind = 'checkpoint'), max(received_at)), '-infinity')
       < now() - :minutes * interval '1 minute'
ORDER BY last_checkpoint NULLS FIRST, host;

\echo '3. What was not inspected, and why?'
SELECT g.at, g.host, e.person, coalesce(e.server, c.server) AS server, g.reason, g.detail, g.action, g.would, g.bytes
FROM auditor.gaps g LEFT JOIN auditor.exchanges e USING (host, session, exchange)
LEFT JOIN auditor.connections c USING (host, session)
WHERE g.at >= :'from' AND g.at < :'until' ORDER BY g.at, g.uid;

\echo '4. What was blocked?'
SELECT b.at, b.host, e.person, e.server, e.model, e.tool, b.direction, b.category, b.rule, b.answer
FROM auditor.blocks b LEFT JOIN auditor.exchanges e USING (host, session, exchange)
WHERE b.at >= :'from' AND b.at < :'until' ORDER BY b.at, b.uid;

\echo '5. What did one person do in this time? By name or by subject.'
SELECT e.at, e.host, e.session, e.exchange, e.server, e.method, e.path, e.model, e.mcp_method, e.tool,
       (SELECT count(*) FROM auditor.findings f WHERE f.host = e.host AND f.session = e.session
          AND f.exchange = e.exchange) AS findings,
       (SELECT count(*) FROM auditor.gaps g WHERE g.host = e.host AND g.session = e.session
          AND g.exchange = e.exchange) AS gaps
FROM auditor.exchanges e
WHERE :'person' IN (e.person, e.subject) AND e.at >= :'from' AND e.at < :'until'
ORDER BY e.at, e.host, e.session, e.exchange;

\echo '6. Which team uses which servers and tools?'
SELECT team, e.server, e.mcp_method, e.tool, count(*) AS exchanges, count(DISTINCT (e.issuer, e.subject)) AS people,
       max(e.at) AS last
FROM auditor.exchanges e CROSS JOIN LATERAL unnest(e.teams) team
WHERE e.at >= :'from' AND e.at < :'until'
GROUP BY team, e.server, e.mcp_method, e.tool ORDER BY team, exchanges DESC, e.server, e.tool;

\echo '7. Which models and servers were sent what kind of secret? What is masked or blocked did not arrive there; what was observed did.'
SELECT e.server, e.model, f.category, f.rule, f.action, count(*) AS findings,
       count(DISTINCT (e.issuer, e.subject)) AS people
FROM auditor.findings f LEFT JOIN auditor.exchanges e USING (host, session, exchange)
WHERE f.direction = 'request' AND f.at >= :'from' AND f.at < :'until'
GROUP BY e.server, e.model, f.category, f.rule, f.action ORDER BY findings DESC, e.server, e.model, f.rule;

\echo '8. Whose identity was lost, or not confirmed of late, while something was under way?'
SELECT at, host, person, issuer, subject, what, reason, answer, standing, age_ms
FROM auditor.identity_changes WHERE at >= :'from' AND at < :'until'
UNION ALL
SELECT at, host, person, issuer, subject, 'request', NULL, NULL, standing, age_ms
FROM auditor.exchanges WHERE standing <> 'fresh' AND at >= :'from' AND at < :'until'
ORDER BY 1, 2, 3, 6;

\echo '9. Which configuration came into force where, and which was refused?'
SELECT at, host, what, file, digest, outcome, mode
FROM auditor.config_changes WHERE at >= :'from' AND at < :'until' ORDER BY at, uid;

\echo '10. Is the log of each host complete? Each writer numbers its records from 1 without gaps.'
SELECT r.host, r.writer, count(DISTINCT r.seq) AS records, max(r.seq) AS last_number,
       max(r.seq) - count(DISTINCT r.seq) AS missing, count(*) - count(DISTINCT r.seq) AS doubled,
       (SELECT max(c.records) FROM auditor.checkpoints c WHERE c.host = r.host) AS signed_records,
       (SELECT max(c.records) FROM auditor.cosigned c WHERE c.host = r.host) AS cosigned_records
FROM auditor.records r GROUP BY r.host, r.writer ORDER BY r.host, r.writer;
