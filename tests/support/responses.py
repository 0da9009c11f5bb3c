"""Takes apart what raw_client.py has received, as strictly as a comparison needs it."""

import zlib


class Response:
  """The first final response in some bytes: status line, fields as they came, body without chunks, and what is left."""

  def __init__(self, received):
    data = received.encode("latin-1")
    self.interim = []
    while True:
      head, _, data = data.partition(b"\r\n\r\n")
      lines = head.decode("latin-1").split("\r\n")
      self.line, self.lines = lines[0], lines[1:]
      self.status = int(self.line.split(" ")[1]) if self.line.startswith("HTTP/1.") else 0
      if not 100 <= self.status < 200 or self.status == 101:
        break
      self.interim.append(self.status)
    self.fields = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in self.lines if ":" in line}
    self.complete = True
    self.left = b""
    if self.fields.get("transfer-encoding") == "chunked":
      self.body = self._dechunk(data)
    elif "content-length" in self.fields:
      length = int(self.fields["content-length"])
      self.body, self.left = data[:length], data[length:]
      self.complete = len(self.body) == length
    else:
      self.body = data

  def _dechunk(self, data):
    body = b""
    while True:
      line, end, rest = data.partition(b"\r\n")
      try:
        size = int(line.split(b";")[0], 16)
      except ValueError:
        size = None
      if not end or size is None or len(rest) < size + 2:
        self.complete = False
        return body + rest
      if size == 0:
        self.left = rest.partition(b"\r\n")[2] if rest.startswith(b"\r\n") else rest
        return body
      body, data = body + rest[:size], rest[size + 2:]

  def decoded(self):
    coding = self.fields.get("content-encoding", "identity")
    if coding in ("gzip", "deflate"):
      return zlib.decompressobj(47).decompress(self.body)
    return self.body if coding == "identity" else None
