"""The figures as a table for a person."""

from world import WAYS


def _number(value):
  if value is None:
    return "-"
  return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _row(name, cells, width=9):
  print(f"  {name:<43}" + "".join(f"{cell if isinstance(cell, str) else _number(cell):>{width}}" for cell in cells))


def _waits(title, table):
  print(f"\n{title}")
  _row("", ["direct", "", "agent", "", "", "", "nginx", "", "", ""])
  _row("", ["p50", "p99"] + 2 * ["p50", "p99", "added", "x direct"])
  for name, ways in table.items():
    cells = [ways["direct"]["p50"], ways["direct"]["p99"]]
    for way in WAYS[1:]:
      figures = ways[way]
      cells += [figures["p50"], figures["p99"], figures["added_p50"], f"{figures['ratio_p50']:.2f}"]
    _row(name, cells)


COSTS = {"relay": "all that stands between", "proxy": "  of it veilwire-proxy", "recorder": "  of it veilwire-recorder",
         "client": "client", "upstream": "upstream", "all": "the whole machine"}


def _costs(title, table):
  print(f"\n{title}")
  _row("", [*WAYS, "agent/nginx"], 13)
  for name, title_of in COSTS.items():
    agent, nginx = table["agent"].get(name), table["nginx"].get(name)
    _row(title_of, [table[way].get(name, "") for way in WAYS] + [f"{agent / nginx:.2f}" if nginx else ""], 13)


def show(results):
  machine = results["machine"]
  print(f"{machine['processors']} processors for client, relay and upstream together ({machine['model']}, Linux "
        f"{machine['kernel']}),")
  print(f"load before {machine['load_before']:.1f}, after {machine['load_after']:.1f}; agent built as "
        f"{results['build']}; {results['rounds']} rounds, the three ways in turn.")
  plan = results["plan"]
  _summary(results)
  _waits("Times, microseconds", results["waits"])
  pace = f"{plan['streams']} streams, an event every {plan['interval_us'] / 1000:g} ms each"
  _waits(f"From the write of an event to its text, microseconds ({pace})",
         {"one event": results["paced"]["latency_us"]})
  _costs(f"Processor time an event, microseconds ({pace})", results["paced"]["cpu_us_per_event"])
  _costs(f"Processor time an event, microseconds ({plan['full_streams']} streams at full speed)",
         results["full_speed"]["cpu_us_per_event"])
  rates = results["full_speed"]["events_per_second"]
  print(f"\nEvents a second ({plan['full_streams']} streams at full speed; client and upstream share the processors)")
  _row("", [*WAYS, "agent/nginx"], 13)
  _row("events", [rates[way] for way in WAYS] + [f"{rates['agent'] / rates['nginx']:.2f}"], 13)
  _memory(results["memory"])
  print("\nSingle parts, one thread, default rule packs, nothing to mask")
  _row("", ["ns", "a second", "MB/s"], 13)
  for name, figures in results["parts"].items():
    _row(name, [figures.get(key, "") for key in ("ns", "per_second", "mb_per_second")], 13)


def _summary(results):
  first, costs = results["waits"], results["paced"]["cpu_us_per_event"]
  print("\nIn short (medians)")
  for name, ways in first.items():
    if name.startswith("first token"):
      print(f"  added to the {name}: agent {_number(ways['agent']['added_p50'])} us, "
            f"nginx {_number(ways['nginx']['added_p50'])} us")
  print(f"  processor time an event between client and upstream: agent {_number(costs['agent']['relay'])} us, "
        f"nginx {_number(costs['nginx']['relay'])} us")


def _memory(memory):
  counts = memory["connections"]
  print("\nResident memory, MB")
  _row("", ["before", f"{counts['idle']:,} idle", "kB each", f"{counts['active']} active"], 13)
  for way in WAYS[1:]:
    table = memory["resident_kb"][way]
    for name in table["before"]:
      before, idle, active = (table[state][name] for state in ("before", "idle", "active"))
      _row(name, [before / 1024, idle / 1024, (idle - before) / counts["idle"], active / 1024], 13)
