"""The snapshots of secretlint's rules: `ng.*` folders hold an input and where in it the rule complained. Some of them
say a range that ends in the middle of the secret.
"""

import json

from example import Example, value_of


def extract(checkout, unread):
  packages = checkout / "packages/@secretlint"
  for output in sorted(packages.glob("secretlint-rule-*/test/snapshots/ng.*/output.json")):
    rule = output.parents[3].name.removeprefix("secretlint-rule-")
    inputs = [path for path in output.parent.glob("input*") if path.is_file()]
    if rule.startswith(("preset-", "internal-")) or len(inputs) != 1:
      continue
    try:
      text = inputs[0].read_text()
    except UnicodeDecodeError:
      unread.append(f"{rule}: {inputs[0].name} is no text")
      continue
    for message in json.loads(output.read_text())["messages"]:
      if message["type"] == "message":
        begin, end = message["range"]
        if text[end - 1:end + 1].isalnum() and text[end:]:
          unread.append(f"{rule}: a part of a word")
          continue
        yield Example("secretlint", rule, text, value_of(text[begin:end].strip()) or None)
