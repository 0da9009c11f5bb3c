"""What the ClickHouse exporter of the OpenTelemetry Collector makes of OTLP requests: rows as its INSERT has them
(contrib's exporter/clickhouseexporter/internal/sqltemplates/logs_insert.sql and pdata's Value.AsString).
"""

import base64
import json
import struct

COLUMNS = ("Timestamp", "TraceId", "SpanId", "TraceFlags", "SeverityText", "SeverityNumber", "ServiceName", "Body",
           "ResourceSchemaUrl", "ResourceAttributes", "ScopeSchemaUrl", "ScopeName", "ScopeVersion", "ScopeAttributes",
           "LogAttributes", "EventName")


def fields(message):
  """Number and value of each field of a protocol buffer."""
  at = 0

  def varint():
    nonlocal at
    value = shift = 0
    while True:
      byte = message[at]
      at += 1
      value |= (byte & 127) << shift
      shift += 7
      if byte < 128:
        return value

  while at < len(message):
    number, kind = divmod(varint(), 8)
    if kind == 0:
      value = varint()
    elif kind == 1:
      value, at = message[at:at + 8], at + 8
    elif kind == 2:
      size = varint()
      value, at = message[at:at + size], at + size
    else:
      raise ValueError(f"wire type {kind}")
    yield number, value


def first(message, number, default=b""):
  return next((value for found, value in fields(message) if found == number), default)


def every(message, number):
  return [value for found, value in fields(message) if found == number]


def raw(any_value):
  """As AsRaw() gives it, with bytes as JSON has them."""
  for number, value in fields(any_value):
    return {1: lambda: value.decode(), 2: lambda: bool(value), 3: lambda: struct.unpack("<q", struct.pack("<Q", value))[0],
            4: lambda: struct.unpack("<d", value)[0], 5: lambda: [raw(each) for each in every(value, 1)],
            6: lambda: members(every(value, 1)), 7: lambda: base64.b64encode(value).decode()}[number]()
  return None


def members(key_values):
  return {first(each, 1).decode(): raw(first(each, 2)) for each in key_values}


def text(value):
  if isinstance(value, str):
    return value
  return "" if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def texts(key_values):
  return {name: text(value) for name, value in members(key_values).items()}


def rows(request):
  for resource_logs in every(request, 1):
    resource = texts(every(first(resource_logs, 1), 1))
    for scope_logs in every(resource_logs, 2):
      scope = first(scope_logs, 1)
      for record in every(scope_logs, 2):
        yield dict(zip(COLUMNS, (
            struct.unpack("<Q", first(record, 1))[0], "", "", 0, first(record, 3).decode(), first(record, 2, 0),
            resource["service.name"], text(raw(first(record, 5))), first(resource_logs, 3).decode(), resource,
            first(scope_logs, 3).decode(), first(scope, 1).decode(), first(scope, 2).decode(), texts(every(scope, 3)),
            texts(every(record, 6)), first(record, 12).decode()), strict=True))
