"""The dashboard and the alert rules that ship: each query is one that Prometheus takes, and asks for metrics, with labels,
that veilwire-metrics(7) lists; tests/e2e/metrics_test.py compares that page with what a running agent exposes."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

from source_files import ROOT

DASHBOARD = ROOT / "packaging/grafana/veilwire.json"
ALERTS = ROOT / "packaging/prometheus/veilwire-alerts.yml"
# What Prometheus adds to every sample, and what belongs to the sample's own form.
ADDED = {"instance", "job", "le"}
PARTS = ("_bucket", "_sum", "_count")
GRID = 24  # columns
KINDS = {"row", "stat", "timeseries"}


def documented():
  page = (ROOT / "packaging/man/veilwire-metrics.7").read_text()
  return {name: (kind, set(labels.split())) for name, labels, kind in
          re.findall(r"(?m)^\.It Ic (\w+)(?: Va ([a-z ]+))?\n(\w+):", page)}


def family_of(name, metrics):
  for part in PARTS:
    base = name.removesuffix(part)
    if base != name and metrics.get(base, ("",))[0] == "histogram":
      return base
  return name if metrics.get(name, ("histogram",))[0] != "histogram" else None


def complaints_about(where, query, metrics):
  """Of one expression."""
  used = set()
  for name, selector in re.findall(r"\b(veilwire_\w+)(?:\{([^}]*)\})?", query):
    family = family_of(name, metrics)
    if family is None:
      yield f"{where}: there is no metric {name}"
      continue
    used |= metrics[family][1]
    for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
      if label not in metrics[family][1] | ADDED:
        yield f"{where}: {name} has no label {label}"
  for labels in re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", query):
    for label in re.split(r"[\s,]+", labels.strip()):
      if "veilwire_" in query and label not in used | ADDED:
        yield f"{where}: no metric of it has a label {label}"


def queries_of(dashboard):
  for panel in dashboard["panels"]:
    for target in panel.get("targets", ()):
      yield panel["title"], target["expr"], target["legendFormat"]


def form_of(dashboard):
  """Grafana's classic dashboard model, as far as this one uses it."""
  for key in ("uid", "title", "schemaVersion", "panels", "templating", "time"):
    if key not in dashboard:
      yield f"dashboard: no {key}"
  ids = [panel["id"] for panel in dashboard["panels"]]
  if len(set(ids)) != len(ids):
    yield "dashboard: two panels have one id"
  taken = set()
  for panel in dashboard["panels"]:
    place = panel["gridPos"]
    cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
    if taken & cells or place["x"] + place["w"] > GRID:
      yield f"{panel['title']}: stands on another panel, or outside"
    taken |= cells
    if panel["type"] not in KINDS or (panel["type"] != "row" and not panel["targets"]):
      yield f"{panel['title']}: asks nothing"
  names = {variable["name"] for variable in dashboard["templating"]["list"]} | {"__rate_interval"}
  for name in re.findall(r"\$\{?(\w+)", json.dumps(dashboard)):
    if name not in names:
      yield f"dashboard: there is no variable {name}"


def promtool(*arguments):
  run = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
  return [] if run.returncode == 0 else [run.stdout + run.stderr]


def main():
  metrics = documented()
  dashboard, alerts = json.loads(DASHBOARD.read_text()), yaml.safe_load(ALERTS.read_text())
  queries = list(queries_of(dashboard))
  rules = [rule for group in alerts["groups"] for rule in group["rules"]]
  complaints = list(form_of(dashboard))
  for where, query, legend in queries:
    complaints += complaints_about(where, query, metrics)
    # A legend can only show what is left of the labels.
    kept = set(re.split(r"[\s,]+", " ".join(re.findall(r"\bby\s*\(([^)]*)\)", query)))) | ADDED
    complaints += [f"{where}: the legend's {label} is not in its series"
                   for label in re.findall(r"\{\{(\w+)\}\}", legend) if label not in kept]
  for rule in rules:
    complaints += complaints_about(rule["alert"], rule["expr"], metrics)
    if not rule["annotations"].get("description") or rule["labels"].get("severity") not in ("warning", "critical"):
      complaints.append(f"{rule['alert']}: says not how bad it is, or what to do")
  if len(queries) < 20 or len(metrics) < 50:
    complaints.append("no queries or no metrics: this test has lost sight of them")
  # It can fail.
  if not list(complaints_about("x", 'sum by (rule) (veilwire_gaps_total{person="a"}) + veilwire_nothing', metrics))[2:]:
    complaints.append("a wrong query is not found")

  if not shutil.which("promtool"):
    print("\n".join(complaints) or "SKIPPED: promtool is missing")
    return 1 if complaints else 77
  with tempfile.TemporaryDirectory() as folder:
    asked = pathlib.Path(folder) / "queries.yml"
    asked.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m").replace("$instance", ".*")}
        for number, (_, query, _) in enumerate(queries)]}]}))
    complaints += promtool("check", "rules", asked) + promtool("check", "rules", ALERTS)
    fired = ""
    for shipped in sorted((ROOT / "tests").glob("alerts*_test.yml")):
      cases = pathlib.Path(folder) / shipped.name
      cases.write_text(shipped.read_text().replace("RULES", str(ALERTS)))
      complaints += promtool("test", "rules", cases)
      fired += cases.read_text()
    for rule in rules:
      if f'alertname="{rule["alert"]}"' not in fired:
        complaints.append(f"{rule['alert']}: no case lets it fire")
  print("\n".join(complaints) or f"{len(queries)} queries and {len(rules)} alerts hold")
  return 1 if complaints else 0


if __name__ == "__main__":
  sys.exit(main())
