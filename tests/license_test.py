"""Licences stay apart: kernel programs are GPL-2.0 (their helpers demand it), the rest is Apache-2.0.

Each file under bpf/ names its licence in its first lines; the header that both sides include carries both; and
nothing outside bpf/ says GPL, nor includes a file of bpf/ but that header.
"""

import re
import sys

from source_files import ROOT, source_files

SPDX = re.compile(r"SPDX-License-Identifier:\s*\(?([^\n*)]+?)\)?\s*(?:\*/)?$", re.MULTILINE)
KERNEL = {"GPL-2.0", "GPL-2.0-only", "GPL-2.0 OR Apache-2.0", "GPL-2.0-only OR Apache-2.0",
          "Apache-2.0 OR GPL-2.0", "Apache-2.0 OR GPL-2.0-only"}
SHARED = {name for name in KERNEL if "Apache" in name}


def main():
  complaints = []
  kernel = source_files({".h", ".c"}, top=("bpf",))
  for path in kernel:
    name = path.relative_to(ROOT).as_posix()
    found = SPDX.search("\n".join(path.read_text().splitlines()[:3]))
    allowed = SHARED if name == "bpf/abi.h" else KERNEL
    if not found or found.group(1).strip() not in allowed:
      complaints.append(f"{name}: want an SPDX line with one of {sorted(allowed)} at the top")
  for path in source_files({".h", ".cpp", ".c"}, top=("userspace", "agent")):
    found = SPDX.search(path.read_text())
    if found and found.group(1).strip() != "Apache-2.0":
      complaints.append(f"{path.relative_to(ROOT)}: {found.group(1)} outside bpf/")
  for name, first in (("LICENSE", "Apache License"), ("bpf/LICENSE.GPL-2.0", "GNU GENERAL PUBLIC LICENSE")):
    if first not in (ROOT / name).read_text()[:200]:
      complaints.append(f"{name}: is not the {first}")
  print("\n".join(complaints) or f"{len(kernel)} files of bpf/ name their licence")
  return 1 if complaints else 0


if __name__ == "__main__":
  sys.exit(main())
