"""Content codings as streaming encoders whose every write can be flushed, and whole-body decoders for requests.

zlib comes with Python; brotli and zstd are called in the C libraries that the project links anyway.
"""

import ctypes
import zlib


class Identity:
  def write(self, data, flush=True):
    return data

  def finish(self):
    return b""


class Zlib:
  def __init__(self, window):
    self._encoder = zlib.compressobj(6, zlib.DEFLATED, window)

  def write(self, data, flush=True):
    out = self._encoder.compress(data)
    return out + self._encoder.flush(zlib.Z_SYNC_FLUSH) if flush else out

  def finish(self):
    return self._encoder.flush(zlib.Z_FINISH)


class Brotli:
  PROCESS, FLUSH, FINISH = 0, 1, 2
  QUALITY = 1

  def __init__(self):
    lib = ctypes.CDLL("libbrotlienc.so.1")
    lib.BrotliEncoderCreateInstance.restype = ctypes.c_void_p
    lib.BrotliEncoderCreateInstance.argtypes = [ctypes.c_void_p] * 3
    lib.BrotliEncoderSetParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    lib.BrotliEncoderCompressStream.argtypes = [
        ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_char_p),
        ctypes.POINTER(ctypes.c_size_t), ctypes.c_void_p, ctypes.c_void_p]
    lib.BrotliEncoderTakeOutput.restype = ctypes.c_void_p
    lib.BrotliEncoderTakeOutput.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)]
    lib.BrotliEncoderDestroyInstance.argtypes = [ctypes.c_void_p]
    self._lib = lib
    self._state = lib.BrotliEncoderCreateInstance(None, None, None)
    lib.BrotliEncoderSetParameter(self._state, self.QUALITY, 4)

  def _run(self, data, operation):
    available = ctypes.c_size_t(len(data))
    following = ctypes.c_char_p(data)
    out = b""
    while True:
      room = ctypes.c_size_t(0)  # no buffer of ours: the encoder's own is taken below
      if not self._lib.BrotliEncoderCompressStream(
          self._state, operation, ctypes.byref(available), ctypes.byref(following), ctypes.byref(room), None, None):
        raise RuntimeError("brotli refused its input")
      size = ctypes.c_size_t(0)
      piece = self._lib.BrotliEncoderTakeOutput(self._state, ctypes.byref(size))
      if size.value:
        out += ctypes.string_at(piece, size.value)
      elif available.value == 0:
        return out

  def write(self, data, flush=True):
    return self._run(data, self.FLUSH if flush else self.PROCESS)

  def finish(self):
    out = self._run(b"", self.FINISH)
    self._lib.BrotliEncoderDestroyInstance(self._state)
    return out


class _Buffer(ctypes.Structure):
  _fields_ = [("address", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t)]


class Zstd:
  CONTINUE, FLUSH, END = 0, 1, 2

  def __init__(self):
    lib = ctypes.CDLL("libzstd.so.1")
    lib.ZSTD_createCCtx.restype = ctypes.c_void_p
    lib.ZSTD_compressStream2.restype = ctypes.c_size_t
    lib.ZSTD_compressStream2.argtypes = [
        ctypes.c_void_p, ctypes.POINTER(_Buffer), ctypes.POINTER(_Buffer), ctypes.c_int]
    lib.ZSTD_isError.argtypes = [ctypes.c_size_t]
    lib.ZSTD_freeCCtx.argtypes = [ctypes.c_void_p]
    self._lib = lib
    self._state = lib.ZSTD_createCCtx()

  def _run(self, data, operation):
    held = ctypes.create_string_buffer(data, len(data)) if data else None
    source = _Buffer(ctypes.addressof(held) if held else None, len(data), 0)
    room = ctypes.create_string_buffer(1 << 16)
    out = b""
    while True:
      target = _Buffer(ctypes.addressof(room), len(room), 0)
      left = self._lib.ZSTD_compressStream2(self._state, ctypes.byref(target), ctypes.byref(source), operation)
      if self._lib.ZSTD_isError(left):
        raise RuntimeError("zstd refused its input")
      out += room.raw[:target.position]
      if source.position == source.size and (operation == self.CONTINUE or left == 0):
        return out

  def write(self, data, flush=True):
    return self._run(data, self.FLUSH if flush else self.CONTINUE)

  def finish(self):
    out = self._run(b"", self.END)
    self._lib.ZSTD_freeCCtx(self._state)
    return out


ENCODERS = {
    "identity": Identity,
    "gzip": lambda: Zlib(31),
    "deflate": lambda: Zlib(15),
    "br": Brotli,
    "zstd": Zstd,
}


def encode(name, data):
  encoder = ENCODERS[name]()
  return encoder.write(data, flush=False) + encoder.finish()


def decode(name, data):
  if name in ("", "identity"):
    return data
  if name in ("gzip", "deflate"):
    return zlib.decompress(data, 47)
  raise ValueError(f"no decoder for the coding {name}")
