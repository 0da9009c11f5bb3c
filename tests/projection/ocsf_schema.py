"""Judges OCSF events by the published schema sources, as far as the schema says something: attributes that are required
or unknown, types, ranges and patterns, enumerations and the captions beside them, profiles, constraints.
"""

import json
import re

CLASSES = {
  0: "events/base_event.json",
  2006: "events/findings/data_security_finding.json",
  3002: "events/iam/authentication.json",
  3003: "events/iam/authorize_session.json",
  6003: "events/application/api_activity.json",
}
PARENTS = {
  "base_event": "events/base_event.json",
  "finding": "events/findings/finding.json",
  "iam": "events/iam/iam.json",
  "application": "events/application/application.json",
}
# Of JSON, by the types that others are made from.
JSON_TYPES = {
  "boolean_t": lambda v: isinstance(v, bool),
  "float_t": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
  "integer_t": lambda v: type(v) is int and -2**31 <= v < 2**31,
  "long_t": lambda v: type(v) is int and -2**63 <= v < 2**63,
  "string_t": lambda v: isinstance(v, str),
  "json_t": lambda v: True,
}


class Schema:
  def __init__(self, folder):
    self.folder = folder
    self.dictionary = self.read("dictionary.json")
    self.types = self.dictionary["types"]["attributes"]
    self.version = self.read("version.json")["version"]
    self.categories = {name: c["uid"] for name, c in self.read("categories.json")["attributes"].items()}
    self.resolved = {}

  def read(self, name):
    return json.loads((self.folder / name).read_text())

  def entity(self, path):
    """A class or an object with what it inherits and includes."""
    if path not in self.resolved:
      own = self.read(path)
      whole = {"attributes": {}, "profiles": [], "constraints": {}, "category": None}
      parent = own.get("extends")
      if parent:
        above = self.entity(PARENTS.get(parent) or f"objects/{parent}.json")
        whole = {**above, "attributes": {k: dict(v) for k, v in above["attributes"].items()}}
      whole["profiles"] = whole["profiles"] + own.get("profiles", [])
      whole["constraints"] = own.get("constraints", whole["constraints"])
      whole["category"] = own.get("category", whole["category"])
      whole["uid"] = own.get("uid", 0)
      attributes = dict(own["attributes"])
      for include in attributes.pop("$include", []):
        profile = self.read(include)
        for name, attribute in profile["attributes"].items():
          self.merge(whole["attributes"], name, {"profile": profile["name"], **attribute})
      for name, attribute in attributes.items():
        self.merge(whole["attributes"], name, attribute)
      self.resolved[path] = whole
    return self.resolved[path]

  @staticmethod
  def merge(attributes, name, more):
    before = attributes.get(name, {})
    attributes[name] = {**before, **more, "enum": {**before.get("enum", {}), **more.get("enum", {})}}

  def judge(self, event):
    """What is wrong, as lines; none where nothing is."""
    if not isinstance(event, dict):
      return ["no object"]
    path = CLASSES.get(event.get("class_uid"))
    if path is None:
      return [f"class_uid {event.get('class_uid')!r}"]
    of = self.entity(path)
    wrong = []
    category = self.categories.get(of["category"], 0)
    for name, want in (("category_uid", category), ("class_uid", category * 1000 + of["uid"] if category else 0),
                       ("type_uid", event.get("class_uid") * 100 + event.get("activity_id", 0))):
      if event.get(name) != want:
        wrong.append(f"{name}: {event.get(name)!r}, not {want}")
    metadata = event.get("metadata", {})
    if metadata.get("version") != self.version:
      wrong.append(f"metadata.version: {metadata.get('version')!r}")
    profiles = set(metadata.get("profiles", []))
    if profiles - set(of["profiles"]):
      wrong.append(f"metadata.profiles: {sorted(profiles - set(of['profiles']))} are not of this class")
    self.judge_entity("", event, of, profiles, wrong)
    return wrong

  def judge_entity(self, where, value, of, profiles, wrong):
    attributes = {name: a for name, a in of["attributes"].items() if a.get("profile") is None or a["profile"] in profiles}
    for name in value.keys() - attributes.keys():
      wrong.append(f"{where}{name}: is not known here")
    for name, attribute in attributes.items():
      if name in value:
        self.judge_attribute(f"{where}{name}", name, value[name], attribute, value, profiles, wrong)
      elif attribute.get("requirement") == "required":
        wrong.append(f"{where}{name}: is required")
    for constraint, names in of["constraints"].items():
      count = sum(name in value for name in names)
      if count == 0 or (constraint == "just_one" and count > 1):
        wrong.append(f"{where}{constraint} of {names}: {count}")

  def judge_attribute(self, where, name, value, attribute, around, profiles, wrong):
    entry = self.dictionary["attributes"][name]
    if "@deprecated" in attribute or "@deprecated" in entry:
      wrong.append(f"{where}: is deprecated")
    values = value if entry.get("is_array") else [value]
    if not isinstance(values, list):
      wrong.append(f"{where}: is no array")
      return
    kind = attribute.get("type", entry["type"])
    enum = {**entry.get("enum", {}), **attribute.get("enum", {})}
    for one in values:
      if kind in self.types:
        self.judge_type(where, kind, one, wrong)
      elif not isinstance(one, dict):
        wrong.append(f"{where}: is no object")
      elif kind != "object":
        self.judge_entity(where + ".", one, self.entity(f"objects/{kind}.json"), profiles, wrong)
      # class_uid and its like have been compared with what they must be.
      if enum and name not in ("class_uid", "category_uid", "type_uid"):
        if str(one) not in enum:
          wrong.append(f"{where}: {one!r} is none of {sorted(enum)}")
        sibling = entry.get("sibling")
        if sibling and one == 99 and sibling not in around:
          wrong.append(f"{where}: is 99, and {sibling} does not say what")
        if sibling in around and one != 99 and str(one) in enum and around[sibling] != enum[str(one)]["caption"]:
          wrong.append(f"{where}: {sibling} is not its caption")

  def judge_type(self, where, kind, value, wrong):
    rule = self.types[kind]
    base = rule.get("type", kind)
    if not JSON_TYPES[base](value):
      wrong.append(f"{where}: {value!r} is no {kind}")
      return
    if "regex" in rule and not re.search(rule["regex"], value):
      wrong.append(f"{where}: {value!r} is no {kind}")
    if "max_len" in rule and len(value) > rule["max_len"]:
      wrong.append(f"{where}: is too long for {kind}")
    if "range" in rule and not rule["range"][0] <= value <= rule["range"][1]:
      wrong.append(f"{where}: {value} is out of range")
