#include "agent/ctl/audit_backup.h"

#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_proof.h"
#include "agent/ctl/audit_text.h"
#include "agent/ctl/progress.h"
#include "agent/host/key_files.h"
#include "agent/host/unique_fd.h"
#include "agent/recorder/ledger_copy.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ostream>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

[[noreturn]] void fail_errno(const std::string& path) {
  throw std::runtime_error(path + ": " + std::strerror(errno));
}

// For its owner alone, and gone unless it gets its name.
class PartialFile {
 public:
  explicit PartialFile(const std::string& name) : path_(name + ".partial-XXXXXX") {
    const host::UniqueFd fd(::mkostemp(path_.data(), O_CLOEXEC));
    if (!fd) fail_errno(name);
  }
  ~PartialFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const std::string& path() const { return path_; }

  void take_name(const std::string& name) {
    const host::UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) fail_errno(path_);
    // In the place of nothing that is there by now.
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) != 0)
      fail_errno(name);
    path_.clear();
    host::sync_folder_of(name);
  }

 private:
  std::string path_;
};

void copy(const std::string& ledger, const std::string& to, const BackupOptions& options,
          const Screen& screen) {
  Progress progress(options.progress, screen.err, Progress::Clock::now());
  recorder::copy_ledger(ledger, to, [&](std::uint64_t done, std::uint64_t all) {
    progress.at(Progress::Clock::now(), [&](std::uint64_t) {
      return std::to_string(done) + " of " + std::to_string(all) + " pages copied";
    });
  });
}

}  // namespace

int audit_backup(const std::string& ledger, const BackupOptions& options, const Screen& screen) {
  // So that nothing is copied in vain; what counts is the link.
  if (::access(options.out.c_str(), F_OK) == 0) {
    screen.err << "veilwire: " << visible_line(options.out)
               << " exists already; a backup takes the place of nothing\n";
    return kAuditFailed;
  }
  try {
    PartialFile partial(options.out);
    copy(ledger, partial.path(), options, screen);
    recorder::LedgerReader copied(partial.path());
    const int verified =
        audit_verify(copied, {.keys = {}, .witnesses = {}, .progress = options.progress}, screen);
    if (verified != 0) {
      screen.err << "veilwire: no backup is kept of what does not hold: see veilwire audit verify; "
                    "to keep it as it is, stop the recorder and copy "
                 << visible_line(ledger) << " and " << visible_line(ledger) << "-wal\n";
      return verified;
    }
    partial.take_name(options.out);
  } catch (const std::runtime_error& e) {
    screen.err << "veilwire: no backup was made: " << visible_line(e.what()) << '\n';
    return kAuditFailed;
  }
  screen.out << "backup       " << visible_line(options.out) << '\n';
  return 0;
}

}  // namespace veilwire::ctl
