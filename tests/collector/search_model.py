"""A model of OpenSearch's search, as far as the shipped questions ask: documents in memory, under the mapping of an index
template. It knows no other query and no other aggregation than those below, and refuses a field that is not mapped, or
not as its use needs. That OpenSearch itself takes a request it cannot show.
"""

import datetime
import re

NUMBERS = {"long", "date"}


def values(document, path):
  """All of a field, through objects and lists."""
  if isinstance(document, list):
    return [value for each in document for value in values(each, path)]
  if not path:
    return [] if document is None else [document]
  if not isinstance(document, dict):
    return []
  name, _, rest = path.partition(".")
  return values(document.get(name), rest)


def when(text):
  if found := re.fullmatch(r"now-(\d+)m", text):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=int(found[1]))
  at = datetime.datetime.fromisoformat(text)
  return at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)


class Index:
  def __init__(self, template, documents):
    self.mappings = template["template"]["mappings"]["properties"]
    self.documents = documents
    self.used = set()

  def type_of(self, path):
    self.used.add(path)
    properties = self.mappings
    for name in path.split("."):
      field = properties[name]  # a field that is not mapped is not there for a search
      properties = field.get("properties", {})
    return field.get("type", "object")

  def field(self, path, scope, types):
    """Its name in documents of this scope: the root's, or the objects at a nested path."""
    names = path.split(".")
    nested = [".".join(names[:end]) for end in range(1, len(names))
              if self.type_of(".".join(names[:end])) == "nested"]
    assert nested == ([scope] if scope else []), f"{path} in {scope or 'the root'}"
    assert self.type_of(path) in types, path
    return path[len(scope) + 1:] if scope else path

  def matches(self, query, document, scope=""):
    (name, body), = query.items()
    if name == "match_all":
      return True
    if name == "bool":
      rest = set(body) - {"filter", "must_not", "should", "minimum_should_match"}
      assert not rest, rest
      return (all(self.matches(each, document, scope) for each in body.get("filter", []))
              and not any(self.matches(each, document, scope) for each in body.get("must_not", []))
              and sum(self.matches(each, document, scope) for each in body.get("should", []))
              >= body.get("minimum_should_match", 0))
    if name == "nested":
      assert self.type_of(body["path"]) == "nested", body["path"]
      return any([self.matches(body["query"], each, body["path"]) for each in values(document, body["path"])])
    if name == "exists":
      return bool(values(document, self.field(body["field"], scope, {"keyword"})))
    (path, wanted), = body.items()
    if name == "term":
      return wanted in values(document, self.field(path, scope, {"keyword", "long"}))
    if name == "range":
      found = map(when, values(document, self.field(path, scope, {"date"})))
      assert set(wanted) <= {"gte", "lt"}, wanted
      return any(("gte" not in wanted or at >= when(wanted["gte"])) and ("lt" not in wanted or at < when(wanted["lt"]))
                 for at in found)
    raise ValueError(name)

  def buckets(self, groups, aggs, scope):
    out = [{"key": key, "doc_count": len(found), **self.aggregate(aggs, found, scope)} for key, found in groups]
    for name, agg in aggs.items():
      for kind in ("bucket_script", "bucket_selector"):
        if kind not in agg:
          continue
        for bucket in list(out):
          given = {name: self.at(bucket, path) for name, path in agg[kind]["buckets_path"].items()}
          result = eval(re.sub(r"params\.(\w+)", r"given['\1']", agg[kind]["script"]), {"given": given})
          if kind == "bucket_script":
            bucket[name] = {"value": result}
          elif not result:
            out.remove(bucket)
    return out

  @staticmethod
  def at(bucket, path):
    *names, last = path.split(">")
    for name in names:
      bucket = bucket[name]
    return bucket["doc_count"] if last == "_count" else bucket[last]["value"]

  def aggregate(self, aggs, found, scope=""):
    return {name: self.one(agg, found, scope) for name, agg in aggs.items()
            if not {"bucket_script", "bucket_selector"} & set(agg)}

  def one(self, agg, found, scope):
    """`found` are pairs of the root's document and, in a nested scope, the object in it."""
    aggs = agg.get("aggs", {})
    (kind, body), = ((name, body) for name, body in agg.items() if name not in {"aggs", "meta"})
    meta = {"meta": agg["meta"]} if "meta" in agg else {}
    if kind == "filter":
      rest = [pair for pair in found if self.matches(body, pair[-1], scope)]
      return {"doc_count": len(rest), **self.aggregate(aggs, rest, scope)}
    if kind == "nested":
      assert not scope and self.type_of(body["path"]) == "nested"
      inner = [(pair[0], each) for pair in found for each in values(pair[0], body["path"])]
      return {"doc_count": len(inner), **self.aggregate(aggs, inner, body["path"])}
    if kind == "reverse_nested":
      assert scope
      roots = [(pair[0],) for at, pair in enumerate(found) if not any(pair[0] is other[0] for other in found[:at])]
      return {"doc_count": len(roots), **self.aggregate(aggs, roots)}
    if kind == "composite":
      groups = {(): found}
      names = []
      for source in body["sources"]:
        (name, terms), = source.items()
        names.append(name)
        assert terms["terms"]["missing_bucket"]
        field = self.field(terms["terms"]["field"], scope, {"keyword"})
        groups = {(*key, value): [pair for pair in pairs if value in (values(pair[-1], field) or [None])]
                  for key, pairs in groups.items()
                  for value in dict.fromkeys(v for pair in pairs for v in values(pair[-1], field) or [None])}
      assert len(groups) <= body["size"]
      return meta | {"buckets": self.buckets([(dict(zip(names, key)), pairs) for key, pairs in groups.items()], aggs, scope)}
    if kind == "top_hits":
      (path, order), = body["sort"][0].items()
      field = self.field(path, scope, NUMBERS)
      hits = sorted(found, key=lambda pair: values(pair[-1], field)[0], reverse=order == "desc")[:body["size"]]
      return {"hits": {"hits": [{"_source": {name: pair[-1].get(name) for name in body["_source"]}} for pair in hits]}}
    types = {"terms": {"keyword"}, "cardinality": {"keyword"}, "value_count": {"keyword"}}.get(kind, NUMBERS)
    field = self.field(body["field"], scope, types)
    every = [value for pair in found for value in values(pair[-1], field)]
    if kind == "terms":
      groups = [(key, [pair for pair in found if key in values(pair[-1], field)]) for key in dict.fromkeys(every)]
      return meta | {"buckets": self.buckets(groups, aggs, scope)}
    how = {"min": lambda: min(every, default=None), "max": lambda: max(every, default=None), "sum": lambda: sum(every),
           "cardinality": lambda: len(set(every)), "value_count": lambda: len(every)}[kind]
    return meta | {"value": how()}

  def search(self, request):
    assert set(request) <= {"size", "query", "_source", "sort", "aggs"}, request
    found = [(document,) for document in self.documents if self.matches(request.get("query", {"match_all": {}}), document)]
    for order in request.get("sort", []):
      (path, direction), = order.items()
      assert direction == "asc" and self.type_of(path) in NUMBERS | {"keyword"}, path
    for path in request.get("_source", []):
      self.type_of(path)
    hits = sorted(found, key=lambda pair: [values(pair[0], path) for order in request.get("sort", []) for path in order])
    return {"hits": {"total": len(found), "hits": [{"_source": pair[0]} for pair in hits[:request["size"]]]},
            "aggregations": self.aggregate(request["aggs"], found)}
