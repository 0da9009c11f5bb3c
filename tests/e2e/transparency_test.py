"""What holds no secret passes bit by bit: the same requests around the agent and through it give the same bytes, and
the upstream sees the same requests."""

import json
import re
import unittest

import harness  # first: it makes tests/support importable
import clients
import sandbox
from responses import Response
from upstream import corpus

# A body that must be decoded to be looked at may travel in another coding and framing; nothing else may differ.
MAY_DIFFER = {"content-encoding", "content-length", "transfer-encoding"}


class TransparencyTest(harness.AgentCase):
  def both(self, requests):
    """(direct, through) for each request."""
    return list(zip(*(self.clients.raw(requests, where=where) for where in ("direct", "client"))))

  def test_unusual_bodies_come_out_as_they_went_in(self):
    targets = [f"/bytes/{item}?coding={coding}&chunk={chunk}" for item in range(len(corpus.EXACT))
               for coding in ("identity", "gzip", "deflate") for chunk in (0, 1, 7, 4096)]
    requests = [clients.get(sandbox.API, target, "accept-encoding: gzip, deflate") for target in targets]
    for target, (direct, through) in zip(targets, self.both(requests)):
      with self.subTest(target=target):
        wanted, got = Response(direct["bytes"]), Response(through["bytes"])
        self.assertTrue(wanted.complete)
        self.assertTrue(got.complete, through)
        self.assertEqual(got.line, wanted.line)
        coded = "content-encoding" in wanted.fields
        keep = (lambda r: [line for line in r.lines if line.split(":")[0].lower() not in MAY_DIFFER])
        self.assertEqual(keep(got), keep(wanted))
        if not coded:
          self.assertEqual(got.body, wanted.body)
        self.assertEqual(got.decoded(), wanted.decoded())
        self.assertEqual(got.left, b"")

  def test_text_that_was_held_for_a_moment_is_the_same_text_among_the_same_events(self):
    items = range(len(corpus.EXACT), len(corpus.ITEMS))
    requests = [clients.get(sandbox.API, f"/bytes/{item}?chunk={chunk}") for item in items for chunk in (0, 1, 64)]
    for request, (direct, through) in zip(requests, self.both(requests)):
      with self.subTest(request=request["bytes"]):
        wanted, got = (self.texts_and_others(Response(answer["bytes"]).body.decode()) for answer in (direct, through))
        self.assertEqual(got, wanted)

  def texts_and_others(self, body):
    events = [(event, json.loads(data)) for event, data in re.findall(r"event: (.*)\ndata: (.*)\n\n", body)]
    texts = [value["delta"]["text"] for event, value in events if event == "content_block_delta"]
    # A surrogate pair in two halves is one character once it is put together.
    return ("".join(texts).encode("utf-16", "surrogatepass").decode("utf-16"),
            [pair for pair in events if pair[0] != "content_block_delta"])

  def test_codings_that_only_some_clients_read_decode_to_the_same_text(self):
    for coding in ("br", "zstd"):
      for item in range(len(corpus.EXACT)):
        with self.subTest(coding=coding, item=item):
          url = f"https://{sandbox.API}/bytes/{item}?coding={coding}&chunk=7"
          run = self.box.run(["sh", "-c", f'curl -sS -D /dev/stderr -H "accept-encoding: {coding}" "{url}"'])
          plain = run.stdout
          if f"content-encoding: {coding}" in run.stderr.decode().lower():
            tool = ["brotli", "-dc"] if coding == "br" else ["zstd", "-dcq"]
            plain = self.box.run(tool, input=run.stdout).stdout
          self.assertEqual(plain, corpus.ITEMS[item][1])

  def test_answers_without_a_body_stay_so(self):
    requests = [clients.get(sandbox.API, "/bytes/3?chunk=0", method="HEAD"), clients.get(sandbox.API, "/bad/nothing"),
                clients.get(sandbox.API, "/bad/not-modified"), clients.get(sandbox.API, "/nowhere"),
                clients.get(sandbox.API, "/bad/interim"), clients.get(sandbox.API, "/bytes/12")]
    for request, (direct, through) in zip(requests, self.both(requests)):
      with self.subTest(request=request["bytes"]):
        if "/bad/interim" in request["bytes"]:
          self.assertEqual(Response(through["bytes"]).interim, [103, 103])
        else:
          self.assertEqual(through["bytes"], direct["bytes"])

  def test_the_upstream_gets_the_requests_that_the_client_sent(self):
    fields = ["X-Odd-Case: kept", "x-blank:", "accept: */*", "Accept-Encoding: gzip;q=0.5, *;q=0", "x-twice: 1",
              "x-twice: 2", 'x-quoted: "a, b"', "anthropic-beta: one,two"]
    requests = [clients.get(sandbox.API, "/v1/models?a=%20b&&c=/../d", *fields)]
    body = '{ "stream" :true,"messages":[{"role":"user","content":"gr\\u00fc\\u00dfe \\/ [[demo hello]]"}], "n":1E2 }'
    for framing, payload in ((f"content-length: {len(body)}", body),
                             ("transfer-encoding: chunked", f"5\r\n{body[:5]}\r\n{len(body) - 5:X}\r\n{body[5:]}\r\n0\r\n\r\n")):
      request = clients.get(sandbox.API, "/v1/messages?beta=true", "content-type: application/json", *fields, framing,
                            method="POST")
      request["bytes"] += payload
      requests.append(request)
    self.clients.raw(requests, where="direct")
    direct = self.box.upstream_log("request")
    self.box.forget_upstream_log()
    self.clients.raw(requests, where="client")
    through = self.box.upstream_log("request")

    def in_order(entries):
      return sorted(([entry["method"], entry["target"], self.comparable(entry["fields"]), entry["raw_digest"]]
                     for entry in entries), key=str)

    self.assertEqual(in_order(through), in_order(direct))

  def comparable(self, fields):
    """A request is held until it was looked at, so that its framing may become a length."""
    return [field for field in fields if field[0].lower() not in ("content-length", "transfer-encoding")]

  def test_claude_code_sends_the_same_requests_through_the_agent(self):
    bodies = []
    for where in ("direct", "client"):
      self.box.forget_upstream_log()
      self.must_succeed(self.clients.claude("[[demo hello]]", where=where))
      requests = [entry for entry in self.box.upstream_log("request") if entry["target"].startswith("/v1/messages")]
      self.assertEqual(len(requests), 1)
      names = [name for name, _ in requests[0]["fields"]]
      bodies.append(names)
    self.assertEqual(bodies[0], bodies[1])


if __name__ == "__main__":
  harness.main()
