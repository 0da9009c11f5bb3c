-- Records that an OpenTelemetry Collector puts into ClickHouse (../otelcol/config.yaml), and what views.sql reads of them:
--   clickhouse-client -q 'CREATE DATABASE veilwire'
--   clickhouse-client -d veilwire --queries-file otelcol.sql views.sql
-- The columns that begin with a capital are those that its exporter inserts into, with create_schema: false.

-- As in kafka.sql: one row a key, and of two the first stays. What is no record of ours has a key of its own.
CREATE TABLE otel_logs(
  Timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD), TraceId String, SpanId String, TraceFlags UInt8,
  SeverityText LowCardinality(String), SeverityNumber UInt8, ServiceName LowCardinality(String),
  Body String CODEC(ZSTD(3)), ResourceSchemaUrl LowCardinality(String),
  ResourceAttributes Map(LowCardinality(String), String), ScopeSchemaUrl LowCardinality(String), ScopeName String,
  ScopeVersion LowCardinality(String), ScopeAttributes Map(LowCardinality(String), String),
  LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(3)), EventName LowCardinality(String),
  uid String MATERIALIZED if(LogAttributes['log.record.uid'] != '', LogAttributes['log.record.uid'],
                             hex(sipHash128(Timestamp, Body, toString(LogAttributes)))),
  received_at DateTime64(3, 'UTC') MATERIALIZED now64(3, 'UTC') CODEC(Delta, ZSTD),
  earlier UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Milli(received_at))))
ENGINE = ReplacingMergeTree(earlier) ORDER BY uid
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW records AS
  SELECT uid, LogAttributes['host.id'] AS host, LogAttributes['veilwire.writer'] AS writer,
         toUInt64OrZero(LogAttributes['veilwire.seq']) AS seq, Timestamp AS at, received_at,
         substring(EventName, length('veilwire.') + 1) AS kind, LogAttributes['veilwire.session'] AS session,
         toUInt64OrZero(LogAttributes['veilwire.exchange']) AS exchange, Body AS record
  FROM otel_logs FINAL WHERE startsWith(EventName, 'veilwire.') AND NOT endsWith(uid, '-exchange');

-- Nobody signs what comes this way.
CREATE VIEW cosigned AS
  SELECT '' AS host, toUInt64(0) AS records, toDateTime64(0, 3, 'UTC') AS at WHERE false;
