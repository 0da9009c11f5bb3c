"""The forms in which a model writes a credential. Each is (what stands before, the secret as it is written there, what
stands after), from the name to which it belongs and the secret. Those of ALONE show nothing but the secret: they are
asked of secrets only that can be told by themselves. Those of NAMED say what it is.
"""

import html
import json
import re
import urllib.parse


def around(before, after, written=lambda secret: secret):
  return lambda name, secret: (before.format(name=name, NAME=upper(name)), written(secret),
                               after.format(name=name, NAME=upper(name)))


def upper(name):
  return re.sub(r"[^A-Z0-9]+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).upper())


def escaped(secret):
  return json.dumps(secret, ensure_ascii=False)[1:-1]


def twice_escaped(secret):
  return escaped(escaped(secret))


def in_url(secret):
  return urllib.parse.quote(secret, safe="-._~:!$'()*,;@+/=")


ALONE = {
    "bare": around("", ""),
    "own line": around("Here it is:\n\n", "\n\nKeep it safe.\n"),
    "double quotes": around('It is "', '" now.'),
    "single quotes": around("It is '", "' now."),
    "back-ticks": around("It is `", "` now."),
    "code block": around("```\n", "\n```\n"),
    "bold": around("It is **", "** now."),
    "italic": around("It is _", "_ now."),
    "bullet": around("- ", "\n- something else\n"),
    "table cell": around("| what | value |\n|---|---|\n| it |", "|\n"),
    "brackets": around("the file (", ") has it"),
    "angle brackets": around("log in with <", "> please"),
    "before a full stop": around("I found ", ". It is in the file."),
    "before a comma": around("I found ", ", which is in the file."),
    "before a colon": around("About ", ": it is in the file."),
    "before an ellipsis": around("I found ", "... and more."),
    "Chinese": around("密钥是", "。请更换。"),
    "Chinese brackets": around("密钥（", "）已泄露"),
    "Japanese": around("キーは「", "」です"),
    "XML element": around("<value>", "</value>", html.escape),
    "HTML": around("<p>It is <code>", "</code>.</p>", html.escape),
    "XML attribute": around('<add value="', '"/>', html.escape),
    "query": around("https://example.test/x?q=", "&page=2", in_url),
    "JSON array": around('["', '", "x"]', escaped),
    "CSV": around("1,", ",x\n"),
    "authorization": around("curl -H 'Authorization: Bearer ", "' https://example.test/"),
    "log line": around("2026-01-05T10:00:00Z INFO client: using ", " for the request\n"),
    "diff, alone": around("@@ -1 +1 @@\n-x\n+", "\n"),
    "arrow": around("it is ->", "<-"),
}

NAMED = {
    "JSON": around('{{"{name}": "', '", "x": 1}}', escaped),
    "JSON, minified": around('{{"{name}":"', '","x":1}}', escaped),
    "JSON in JSON": around('{{"body": "{{\\"{name}\\": \\"', '\\"}}"}}', twice_escaped),
    "YAML": around("{name}: ", "\nx: 1\n"),
    "YAML, quoted": around("spec:\n  {name}: \"", "\"\n"),
    "env file": around("X=1\n{NAME}=", "\nY=2\n"),
    "env file, quoted": around("{NAME}=\"", "\"\n"),
    "shell": around("export {NAME}=", " && ./run\n"),
    "shell, quoted": around("export {NAME}='", "'\n"),
    "command line": around("./run --{name}=", " --verbose\n"),
    "Python": around("{name} = \"", "\"\n"),
    "JavaScript": around("const {name} = '", "';\n"),
    "Go": around("{name} := `", "`\n"),
    "TOML": around("[x]\n{name} = \"", "\"\n"),
    "XML": around("<{name}>", "</{name}>\n", html.escape),
    "diff": around("@@ -1 +1 @@\n+{NAME}=", "\n"),
    "log": around("10:00:00 INFO {name}=", ", retries=3\n"),
    "Markdown": around("- **{name}**: `", "`\n"),
    "table": around("| {name} | ", " |\n"),
    "table, code": around("| {NAME} | `", "` |\n"),
    "sentence": around("The {name} is ", ".\n"),
    "query, named": around("https://example.test/x?{name}=", "&page=2", in_url),
}
