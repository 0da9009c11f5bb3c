"""The tools that measure recall: what they read out of other projects' sources, and what they call found. All texts
here are made up. Needs the folder of built programs as its argument.
"""

import html
import importlib.machinery
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import contexts  # noqa: E402
import go_text  # noqa: E402
import noseyparker  # noqa: E402
import patterns  # noqa: E402
from example import Example, by_group, found_alone  # noqa: E402

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
SECRET = "ghp_x7Kq2mVb9TzR4nWc8JdL5hYf3GsP6uQa1EoX"

GITLEAKS = '''package rules
func A() *config.Rule {
	// define rule
	r := config.Rule{
		RuleID: "made-up",
		Regex:  regexp.MustCompile(`mu_[a-z]{8}`),
	}
	prefix := "mu_"
	tps := utils.GenerateSampleSecrets("mine", prefix+secrets.NewSecret("[a-z]{8}"))
	tps = append(tps,
		"token: mu_\\u0061bcdefgh", // a comment, with "quotes"
		fmt.Sprintf("x=%s", `mu_hgfedcba`),
	)
	fps := []string{"mu_nothing"}
	return utils.Validate(r, tps, fps)
}
func B() *config.Rule {
	r := config.Rule{RuleID: "odd"}
	tps := compute()
	return utils.Validate(r, tps, nil)
}
'''
GITLEAKS_TOML = """[[rules]]
id = "made-up"
regex = '''mu_[a-z]{8}'''
[[rules]]
id = "odd"
regex = '''odd'''
"""
NOSEYPARKER = r"""rules:
- name: Made up
  id: np.madeup.1
  pattern: |
    (?x)(?i)
    madeup \s* = \s*
    ( [0-9a-f]{16} )   # a comment
  examples:
  - 'madeup = 00112233445566aa'
- name: An id
  id: np.madeup.2
  pattern: '\bid-[0-9]{9}\b'
  categories: [identifier]
  examples: ['id-123456789']
"""
TRUFFLEHOG = '''package madeup
const key = "0123456789abcdef"
func TestMadeUp_Pattern(t *testing.T) {
	tests := []struct {
		name  string
		input string
		want  []string
	}{
		{name: "good", input: fmt.Sprintf("madeup token = '%s'", key), want: []string{key}},
		{name: "pair", input: "id 11112222 key fedcba9876543210", want: []string{"11112222fedcba9876543210"}},
		{name: "bad", input: "madeup nothing", want: nil},
		{name: "odd", input: compute(), want: []string{"nothing"}},
	}
}
'''


def script(name):
  """A program of this folder as a module."""
  loader = importlib.machinery.SourceFileLoader(name, str(HERE / name))
  module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
  loader.exec_module(module)
  return module


class GoText(unittest.TestCase):
  def value(self, source):
    return go_text.Reader(source, {"f": lambda *given: "".join(given)}).value_at(0)[0]

  def test_strings(self):
    for source, value in [(r'"a\n\"\x41\u00e4\101"', 'a\n"Aä' + "A"), ("`a\\n\"`", 'a\\n"'), ('"a" + `b` + "c"', "abc"),
                          ('f("a", "b",)', "ab"), ('[]string{"a", f("b")}', ["a", "b"]),
                          ('map[string]string{"k": "v"}', ["v"]), ('append([]string{"a"}, "b")', ["a", "b"]),
                          ('append([]string{"a"}, []string{"b", "c"}...)', ["a", "b", "c"]),
                          ('fmt.Sprintf("%s-%q-%%", "a", "b")', 'a-"b"-%'), ('[]byte("a")', "a"), ("nil", [])]:
      with self.subTest(source):
        self.assertEqual(self.value(source), value)

  def test_what_it_cannot_read_it_says(self):
    for source in ("unknown", "g()", "[]int{1}", "&x", 'fmt.Sprintf("%d", []string{})', "map[string]int{}", '"a" + nil'):
      with self.subTest(source), self.assertRaises(go_text.Unreadable):
        self.value(source)


class Patterns(unittest.TestCase):
  def test_what_other_languages_write(self):
    for expression, text in [("[[:alnum:]]{3}\\z", "aB3"), ("(?x) ( a   b )  # c", "ab"), ("a(?i)b(c)", "aBC"),
                             ("(?<NAME>x)", "x"), ("(?P<NAME>x)", "x"), ("(?<!y)x", "x"), ("\\x{41}", "A"),
                             ("((?i)a)b", "Ab")]:
      with self.subTest(expression):
        self.assertTrue(patterns.compiled(expression).search(text))
    self.assertFalse(patterns.compiled("((?i)a)b").search("AB"))
    self.assertIsNone(patterns.compiled("("))

  def test_samples_fit_and_stay(self):
    for expression in ("[a-z0-9]{8}", r"ey[\w-]{17,}\.(?:x|y){2}=?", "[^a]{0}b{2,3}"):
      made = [patterns.sample(expression, seed) for seed in ("a", "a", "b")]
      self.assertTrue(re.fullmatch(expression, made[0]))
      self.assertEqual(made[0], made[1])
    self.assertNotEqual(patterns.sample("[a-z]{20}", "a"), patterns.sample("[a-z]{20}", "b"))


class Examples(unittest.TestCase):
  def test_name_and_kind(self):
    self.assertEqual(Example("s", "r", "x.API_KEY: 'abcdefgh'", "abcdefgh").name, "x.API_KEY")
    self.assertEqual(Example("s", "r", "the Password is 'abcdefgh'", "abcdefgh").name, "Password")
    self.assertEqual(Example("s", "r", 'if key != "abcdefgh" {', "abcdefgh").name, "key")
    self.assertEqual(Example("s", "r", '<add key="Pwd" value="abcdefgh"/>', "abcdefgh").name, "Pwd")
    self.assertIsNone(Example("s", "r", "see abcdefgh", "abcdefgh").name)
    self.assertIsNone(Example("s", "r", "a short one", "short").secret)
    self.assertEqual(Example("s", "r", "a.b@example.com", "a.b@example.com").kind, "identifier")

  def test_what_is_to_be_filled_in_is_a_placeholder(self):
    for value in ("123456789012", "abcdefghijkl123456", "ZYXWVUTSRQPO", "abc123abc123abc123", "0000-0000-0000",
                  "your_key_here", "lin_api_k7EXAMPLE", "abcdef1234567890abcdef", "live_9876abcd5432efgh", "k7fakeQm2ZxV",
                  "cafebabe:deadbeef", "open-sesame", "TestSource-Password"):
      self.assertEqual(Example("s", "r", value, value).kind, "placeholder", value)
    for value in ("k7Qm2ZxV9cLp", "abcd1k7Q", "db://me:k7Qm2ZxV9c@db.example.com"):
      self.assertEqual(Example("s", "r", value, value).kind, "secret", value)

  def test_what_the_title_of_a_rule_calls_public_is_an_identifier(self):
    for title, kind in [("Made Up Client ID", "identifier"), ("Made Up Username", "identifier"),
                        ("Made Up Access Key ID", "secret"), ("Made Up Userflow Key", "secret")]:
      self.assertEqual(noseyparker.kind_of({"name": title}), kind, title)

  def test_groups(self):
    self.assertEqual(by_group(re.compile("(a)=(?P<TOKEN>b+)"), "a=bbb"), "bbb")
    self.assertEqual(by_group(re.compile("a(=b+')"), "a=bbb'"), "bbb")
    self.assertEqual(by_group(re.compile("b+"), "abb"), "bb")
    self.assertEqual(by_group(re.compile(".*"), 'password: "abc'), "abc")
    self.assertEqual(by_group(re.compile("-.*"), "mine-KEY-abc"), "abc")
    self.assertIsNone(by_group(re.compile("(a)(b)"), "ab"))
    self.assertIsNone(by_group(re.compile("x"), "ab"))
    self.assertTrue(found_alone(re.compile("b+"), "bbb"))
    self.assertFalse(found_alone(re.compile("ab+"), "bbb"))


class Extract(unittest.TestCase):
  def test_every_source(self):
    with tempfile.TemporaryDirectory() as folder:
      root = pathlib.Path(folder)
      rules = "crates/noseyparker/data/default/builtin/rules"
      secretlint = "secretlint/packages/@secretlint/secretlint-rule-mine/test/snapshots/ng.one"
      for name, text in {
          "gitleaks/cmd/generate/config/rules/a.go": GITLEAKS, "gitleaks/config/gitleaks.toml": GITLEAKS_TOML,
          "betterleaks/cmd/generate/config/rules/a.go": GITLEAKS, "betterleaks/config/betterleaks.toml": GITLEAKS_TOML,
          f"noseyparker/{rules}/a.yml": NOSEYPARKER,
          "kingfisher/data/rules/a.yml": NOSEYPARKER.replace("np.", "kingfisher."),
          "trufflehog/pkg/detectors/madeup/v1/a_test.go": TRUFFLEHOG,
          "trufflehog/pkg/detectors/madeup/b_test.go": "//go:build detectors\n" + TRUFFLEHOG,
          f"{secretlint}/input.txt": "a secret00 b",
          f"{secretlint}/output.json": json.dumps({"messages": [{"type": "message", "range": [2, 10]}]})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
      sources = ("gitleaks", "betterleaks", "noseyparker", "kingfisher", "trufflehog", "secretlint")
      run = subprocess.run([HERE / "extract", "-v", *(f"--{name}={root / name}" for name in sources)],
                           capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    self.assertEqual(len({one["id"] for one in found}), len(found))
    by_source = {name: [one for one in found if one["source"] == name] for name in sources}
    mine, escaped, printed = by_source["gitleaks"]
    self.assertRegex(mine["secret"], "^mu_[a-z]{8}$")
    self.assertEqual((mine["name"], mine["alone"]), ("mine_api_token", True))
    self.assertEqual(escaped["text"], "token: mu_abcdefgh")
    self.assertEqual(printed["secret"], "mu_hgfedcba")
    self.assertIn("odd: the function compute", run.stderr)
    for name in ("noseyparker", "kingfisher"):
      keyed, known = by_source[name]
      self.assertEqual((keyed["secret"], keyed["name"], keyed["alone"]), ("00112233445566aa", "madeup", False))
      self.assertEqual(known["kind"], "identifier")
    good, pair = by_source["trufflehog"]
    self.assertEqual((good["rule"], good["secret"], good["name"]), ("madeup/v1", "0123456789abcdef", "token"))
    self.assertEqual(pair["secret"], "fedcba9876543210")
    self.assertEqual(by_source["secretlint"][0]["secret"], "secret00")

  def test_a_folder_that_is_none_of_them_is_an_error(self):
    with tempfile.TemporaryDirectory() as folder:
      run = subprocess.run([HERE / "extract", "--noseyparker", folder], capture_output=True, text=True)
    self.assertNotEqual(run.returncode, 0)


class Contexts(unittest.TestCase):
  # Not a secret, but every character that a context has to write in another way.
  HARD = 'a"b\\c<d>&e\nf'

  def text(self, name, secret):
    return "".join({**contexts.ALONE, **contexts.NAMED}[name]("theName", secret))

  def test_what_has_a_parser_reads_the_secret_back(self):
    self.assertEqual(json.loads(self.text("JSON", self.HARD))["theName"], self.HARD)
    self.assertEqual(json.loads(self.text("JSON, minified", self.HARD))["theName"], self.HARD)
    self.assertEqual(json.loads(self.text("JSON array", self.HARD))[0], self.HARD)
    self.assertEqual(json.loads(json.loads(self.text("JSON in JSON", self.HARD))["body"])["theName"], self.HARD)
    self.assertEqual(html.unescape(self.text("XML", self.HARD)), f"<theName>{self.HARD}</theName>\n")

  def test_all_hold_the_secret(self):
    for name in {**contexts.ALONE, **contexts.NAMED}:
      self.assertIn(SECRET, self.text(name, SECRET), name)
    self.assertIn("THE_NAME=", self.text("env file", SECRET))


class Measure(unittest.TestCase):
  def test_where_a_secret_stands(self):
    measure = script("measure")
    context, text, begin, end = measure.trial("x", "密", "abc", "c")
    self.assertEqual(text.encode()[begin:end], b"abc")
    context, text, begin, end = measure.trial("x", "a ", "db://me:pass@host/x", " b")
    self.assertEqual(text.encode()[begin:end], b"pass")
    context, text, begin, end = measure.trial("x", "db://", "me:pass", "@host")
    self.assertEqual(text.encode()[begin:end], b"pass")
    context, text, begin, end = measure.trial("x", "", "https://host/x?sv=1&sig=abc&e=1", "")
    self.assertEqual(text.encode()[begin:end], b"abc")

  def test_a_name_says_credential(self):
    name_of = script("measure").name_of
    self.assertEqual(name_of(Example("mine", "np.acme.1", "acme: abcdefgh", "abcdefgh")), "acme_api_key")
    self.assertEqual(name_of(Example("mine", "np.acme.1", "acme_pat: abcdefgh", "abcdefgh")), "acme_pat")

  def test_what_counts_as_found(self):
    covered = script("measure").covered

    def at(*spans):
      return covered([{"offset": offset, "length": length} for offset, length in spans], 10, 20)
    self.assertEqual(at(), (False, False))
    self.assertEqual(at((0, 10), (20, 5)), (False, False))
    self.assertEqual(at((5, 8)), (True, False))
    self.assertEqual(at((5, 8), (13, 7)), (True, True))
    self.assertEqual(at((0, 100)), (True, True))

  def test_figures_of_the_shipped_policy(self):
    with tempfile.TemporaryDirectory() as folder:
      root = pathlib.Path(folder)
      good = Example("mine", "np.github.1", f"token: {SECRET}", SECRET, None, True)
      unknown = Example("mine", "np.nobody.1", "it is zqjvxkwp", "zqjvxkwp", None, True)
      (root / "examples").write_text(good.line() + "\n" + unknown.line() + "\n")
      (root / "tree").mkdir()
      (root / "tree/one").write_text(f"x\n{SECRET}\n")
      (root / "tree/two").write_bytes(b"\0")
      run = subprocess.run([HERE / "measure", "--json", "--veilwire", BUILD / "bin/veilwire", "--examples",
                            root / "examples", "--tree", root / "tree", "--missed", root / "missed", "--false",
                            root / "false"], capture_output=True, text=True, check=True)
      missed = [json.loads(line) for line in (root / "missed").read_text().splitlines()]
      false = [json.loads(line) for line in (root / "false").read_text().splitlines()]
    figures = json.loads(run.stdout)
    table = figures["recall"]["context, told alone"]
    self.assertEqual(table["bare"], {"of": 2, "found": 0.5, "whole": 0.5})
    self.assertEqual(set(table), {"as published", *contexts.ALONE, *contexts.NAMED})
    self.assertEqual(figures["recall"]["publisher's rule"]["mine np.github.1"]["whole"], 1)
    self.assertEqual({one["secret"] for one in missed}, {"zqjvxkwp"})
    (tree,) = figures["false findings"].values()
    self.assertEqual((tree["files"], tree["findings"], tree["notices"]), (1, 1, 1))
    self.assertEqual([one["line"] for one in false], [2])


if __name__ == "__main__":
  unittest.main()
