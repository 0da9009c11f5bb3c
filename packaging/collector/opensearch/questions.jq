# An auditor's ten questions to OpenSearch: the two lines of each for _msearch.
#   jq -nc -f questions.jq --arg from 2026-11-01 --arg until 2026-12-01 --arg person 'Ada Lovelace' --arg minutes 5 |
#     curl -H 'Content-Type: application/x-ndjson' --data-binary @- https://opensearch.example.com:9200/_msearch
# Each answer says its question in the aggregation "answer". People are counted approximately where there are many.

def asked($index; $question; $body):
  {index: $index}, ($body | .aggs.answer.meta = {question: $question});
def listed($index; $question; $query; $fields):
  asked($index; $question;
        {size: 10000, query: $query, _source: $fields, sort: [{at: "asc"}, {host: "asc"}, {seq: "asc"}],
         aggs: {answer: {value_count: {field: "host"}}}});
def counted($index; $question; $query; $sources; $aggs):
  asked($index; $question;
        {size: 0, query: $query,
         aggs: {answer: {composite: {size: 10000, sources: [$sources[] |
                                       {(gsub("\\."; "_")): {terms: {field: ., missing_bucket: true}}}]},
                         aggs: $aggs}}});
def all($filters): {bool: {filter: $filters}};
def any($queries): {bool: {should: $queries, minimum_should_match: 1}};
def kind($kind): {term: {kind: $kind}};
def in_time: {range: {at: {gte: $from, lt: $until}}};
def has($path; $field): {nested: {path: $path, query: {exists: {field: "\($path).\($field)"}}}};
# Buckets in buckets, by one field each.
def by($fields; $aggs):
  if $fields == [] then $aggs
  else {($fields[0]): {terms: {field: "findings.\($fields[0])", size: 1000}, aggs: by($fields[1:]; $aggs)}} end;
def findings($direction; $aggs):
  {all: {nested: {path: "findings"},
         aggs: {found: {filter: {term: {"findings.direction": $direction}},
                        aggs: by(["category", "rule", "action"];
                                 {findings: {sum: {field: "findings.count"}}} + $aggs)}}}};
def with_findings($direction):
  all([kind("exchange"), in_time, {nested: {path: "findings", query: {term: {"findings.direction": $direction}}}}]);

counted("veilwire-exchanges";
  "1. Who was sent what kind of secret? What is masked stood in the answer, and was not shown; what was observed was shown.";
  with_findings("response"); ["person.name", "person.issuer", "person.subject"];
  findings("response"; {exchanges: {reverse_nested: {}, aggs: {first: {min: {field: "at"}}, last: {max: {field: "at"}}}}})),

asked("veilwire-records"; "2. Which hosts are silent? A host signs every minute, whether something happens or not.";
  {size: 0,
   aggs: {answer: {terms: {field: "host", size: 10000},
                   aggs: {last_record: {max: {field: "at"}}, last_received: {max: {field: "received_at"}},
                          checkpoints: {filter: kind("checkpoint"), aggs: {last_checkpoint: {max: {field: "at"}}}},
                          recent: {filter: all([kind("checkpoint"), {range: {at: {gte: "now-\($minutes)m"}}},
                                                {range: {received_at: {gte: "now-\($minutes)m"}}}])},
                          silent: {bucket_selector: {buckets_path: {recent: "recent>_count"},
                                                     script: "params.recent == 0"}}}}}}),

listed("veilwire-exchanges"; "3. What was not inspected, and why?";
  all([in_time, any([has("gaps"; "reason"), all([kind("gap"), {term: {exchange: 0}}])])]);
  ["at", "host", "person.name", "server_name", "gaps", "reason", "detail", "action", "bytes"]),

listed("veilwire-exchanges"; "4. What was blocked?";
  all([in_time, has("blocks"; "rule")]);
  ["at", "host", "person.name", "server_name", "model", "tool", "blocks"]),

listed("veilwire-exchanges"; "5. What did one person do in this time? By name or by subject.";
  all([in_time, kind("exchange"), any([{term: {"person.name": $person}}, {term: {"person.subject": $person}}])]);
  ["at", "host", "session", "exchange", "server_name", "method", "target", "model", "mcp_method", "tool", "findings",
   "gaps"]),

counted("veilwire-exchanges"; "6. Which team uses which servers and tools?";
  all([in_time, kind("exchange"), {exists: {field: "person.groups"}}]);
  ["person.groups", "server_name", "mcp_method", "tool"];
  {people: {cardinality: {field: "person.subject"}}, last: {max: {field: "at"}}}),

counted("veilwire-exchanges";
  "7. Which models and servers were sent what kind of secret? What is masked or blocked did not arrive there; what was observed did.";
  with_findings("request"); ["server_name", "model"];
  findings("request"; {exchanges: {reverse_nested: {}, aggs: {people: {cardinality: {field: "person.subject"}}}}})),

listed("veilwire-exchanges";
  "8. Whose identity was lost, or not confirmed of late, while something was under way?";
  all([in_time, kind("exchange"),
       any([has("identity_changes"; "what"),
            {bool: {filter: [{exists: {field: "person.standing"}}], must_not: [{term: {"person.standing": "fresh"}}]}}])]);
  ["at", "host", "person", "identity_changes"]),

listed("veilwire-records"; "9. Which configuration came into force where, and which was refused?";
  all([in_time, kind("config.change")]);
  ["at", "host", "what", "file", "digest", "outcome"]),

# How many records the host's log had when it signed last is the second line of the note.
counted("veilwire-records";
  "10. Is the log of each host complete? Each writer numbers its records from 1 without gaps.";
  {match_all: {}}; ["host", "writer"];
  {last_number: {max: {field: "seq"}},
   missing: {bucket_script: {buckets_path: {last: "last_number", records: "_count"},
                             script: "params.last - params.records"}},
   checkpoints: {filter: kind("checkpoint"),
                 aggs: {signed: {top_hits: {size: 1, sort: [{seq: "desc"}], _source: ["note"]}}}}})
