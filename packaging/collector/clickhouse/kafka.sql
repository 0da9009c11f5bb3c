-- Records of a veilwire-forwarder sink of kind "kafka" into ClickHouse, and what views.sql reads of them:
--   clickhouse-client -q 'CREATE DATABASE veilwire'
--   clickhouse-client -d veilwire --queries-file kafka.sql views.sql
-- The sink says format = "jsonl" and tell = "records"; kafka.xml says how the brokers are spoken to.

-- Of two rows under one key the first stays: earlier is larger the sooner a record came. What is inserted is synced before
-- its offset is committed; what comes twice after a crash in between is one row for whoever reads with FINAL.
CREATE TABLE messages(
  host String, writer String, seq UInt64,
  uid String ALIAS concat(host, '-', writer, '-', toString(seq)),
  session String, exchange UInt64, kind LowCardinality(String),
  at DateTime64(9, 'UTC') CODEC(Delta, ZSTD),         -- as the host says
  received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
  earlier UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Milli(received_at))),
  message String CODEC(ZSTD(3)))                      -- the record as JSON
ENGINE = ReplacingMergeTree(earlier) ORDER BY (host, writer, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- What is no record under its own key. It holds up nothing, and is not thrown away.
CREATE TABLE other(
  topic LowCardinality(String), partition UInt64, offset UInt64, key String, uid String,
  received_at DateTime64(3, 'UTC'), message String CODEC(ZSTD(3)), error String)
ENGINE = ReplacingMergeTree ORDER BY (topic, partition, offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- A message is a row whatever it holds: a format that had to read it could fail, and hold up the partition.
CREATE TABLE queue(message String) ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka-1.example.com:9093', kafka_topic_list = 'veilwire', kafka_group_name = 'clickhouse',
         kafka_format = 'RawBLOB', kafka_handle_error_mode = 'stream';

CREATE TABLE arrived(
  topic String, partition UInt64, offset UInt64, key String, uid String, host String, writer String, seq UInt64,
  received_at DateTime64(3, 'UTC'), message String, error String) ENGINE = Null;
CREATE MATERIALIZED VIEW queue_to_arrived TO arrived AS
  SELECT _topic AS topic, _partition AS partition, _offset AS offset, _key AS key,
         _headers.value[indexOf(_headers.name, 'uid')] AS uid, now64(3, 'UTC') AS received_at,
         if(_error = '', queue.message, _raw_message) AS message, JSONExtractString(message, 'host') AS host,
         JSONExtractString(message, 'writer') AS writer, JSONExtractUInt(message, 'seq') AS seq,
         multiIf(_error != '', _error, NOT isValidJSON(message), 'no JSON',
                 host = '' OR uid != concat(host, '-', writer, '-', toString(seq)), 'not under its own key', '') AS error
  FROM queue;
CREATE MATERIALIZED VIEW arrived_to_messages TO messages AS
  SELECT host, writer, seq, JSONExtractString(message, 'session') AS session,
         JSONExtractUInt(message, 'exchange') AS exchange, JSONExtractString(message, 'kind') AS kind,
         fromUnixTimestamp64Nano(toInt64OrZero(JSONExtractString(message, 't_wall_ns')), 'UTC') AS at, received_at,
         message
  FROM arrived WHERE error = '';
CREATE MATERIALIZED VIEW arrived_to_other TO other AS
  SELECT topic, partition, offset, key, uid, received_at, message, error FROM arrived WHERE error != '';

CREATE VIEW records AS
  SELECT uid, host, writer, seq, at, received_at, kind, session, exchange, message AS record FROM messages FINAL;

-- Nobody signs what comes this way.
CREATE VIEW cosigned AS
  SELECT '' AS host, toUInt64(0) AS records, toDateTime64(0, 3, 'UTC') AS at WHERE false;
