#include "tests/unit/recorder/faulty_disk.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>

#include <sqlite3.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

struct WrappedFile {
  sqlite3_file base;
  FaultyDisk* disk;
  std::string* path;    // nullptr for files without a name
  sqlite3_file* inner;  // behind this struct
};

sqlite3_vfs* real_vfs() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
  return vfs;
}

WrappedFile& wrapped(sqlite3_file* file) { return *reinterpret_cast<WrappedFile*>(file); }
sqlite3_file* inner(sqlite3_file* file) { return wrapped(file).inner; }

int close_file(sqlite3_file* file) {
  const int code =
      inner(file)->pMethods != nullptr ? inner(file)->pMethods->xClose(inner(file)) : 0;
  delete wrapped(file).path;
  return code;
}
int read_file(sqlite3_file* f, void* out, int n, sqlite3_int64 at) {
  return inner(f)->pMethods->xRead(inner(f), out, n, at);
}
int write_file(sqlite3_file* f, const void* data, int n, sqlite3_int64 at) {
  const WrappedFile& file = wrapped(f);
  if (file.path != nullptr) {
    const std::string_view bytes(static_cast<const char*>(data), static_cast<std::size_t>(n));
    switch (file.disk->on_write(*file.path, static_cast<std::uint64_t>(at), bytes)) {
      case FaultyDisk::Fault::None:
        break;
      case FaultyDisk::Fault::DiskFull:
        return SQLITE_FULL;
      case FaultyDisk::Fault::ShortWrite:
        (void)inner(f)->pMethods->xWrite(inner(f), data, n / 2, at);
        return SQLITE_IOERR_WRITE;
      default:
        return SQLITE_IOERR_WRITE;
    }
  }
  return inner(f)->pMethods->xWrite(inner(f), data, n, at);
}
int truncate_file(sqlite3_file* f, sqlite3_int64 size) {
  const WrappedFile& file = wrapped(f);
  if (file.path != nullptr &&
      file.disk->on_truncate(*file.path, static_cast<std::uint64_t>(size)) !=
          FaultyDisk::Fault::None)
    return SQLITE_IOERR_TRUNCATE;
  return inner(f)->pMethods->xTruncate(inner(f), size);
}
int sync_file(sqlite3_file* f, int) {
  const WrappedFile& file = wrapped(f);
  if (file.path != nullptr && file.disk->on_sync(*file.path) != FaultyDisk::Fault::None)
    return SQLITE_IOERR_FSYNC;
  return SQLITE_OK;  // the model keeps what is synced; the real disk need not
}
int file_size(sqlite3_file* f, sqlite3_int64* out) {
  return inner(f)->pMethods->xFileSize(inner(f), out);
}
int lock_file(sqlite3_file* f, int how) { return inner(f)->pMethods->xLock(inner(f), how); }
int unlock_file(sqlite3_file* f, int how) { return inner(f)->pMethods->xUnlock(inner(f), how); }
int check_lock(sqlite3_file* f, int* out) {
  return inner(f)->pMethods->xCheckReservedLock(inner(f), out);
}
int control(sqlite3_file* f, int op, void* argument) {
  return inner(f)->pMethods->xFileControl(inner(f), op, argument);
}
int sector_size(sqlite3_file* f) { return inner(f)->pMethods->xSectorSize(inner(f)); }
int characteristics(sqlite3_file* f) {
  return inner(f)->pMethods->xDeviceCharacteristics(inner(f));
}
int shm_map(sqlite3_file* f, int region, int size, int extend, void volatile** out) {
  return inner(f)->pMethods->xShmMap(inner(f), region, size, extend, out);
}
int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return inner(f)->pMethods->xShmLock(inner(f), offset, n, flags);
}
void shm_barrier(sqlite3_file* f) { inner(f)->pMethods->xShmBarrier(inner(f)); }
int shm_unmap(sqlite3_file* f, int remove) {
  return inner(f)->pMethods->xShmUnmap(inner(f), remove);
}

constexpr sqlite3_io_methods kMethods = {
    2,         close_file,  read_file,  write_file, truncate_file, sync_file,       file_size,
    lock_file, unlock_file, check_lock, control,    sector_size,   characteristics, shm_map,
    shm_lock,  shm_barrier, shm_unmap,  nullptr,    nullptr};

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* f, int flags, int* out_flags) {
  WrappedFile& file = wrapped(f);
  file.disk = static_cast<FaultyDisk*>(vfs->pAppData);
  file.path = name == nullptr ? nullptr : new std::string(name);
  file.inner = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(f) + sizeof(WrappedFile));
  file.inner->pMethods = nullptr;
  const int code = real_vfs()->xOpen(real_vfs(), name, file.inner, flags, out_flags);
  if (code != SQLITE_OK) {
    delete file.path;
    f->pMethods = nullptr;
  } else {
    f->pMethods = &kMethods;
  }
  return code;
}

// SQLite makes a deletion durable itself where it counts (a rollback journal).
int delete_file(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  static_cast<FaultyDisk*>(vfs->pAppData)->on_delete(name);
  return real_vfs()->xDelete(real_vfs(), name, sync_folder);
}

sqlite3_vfs make_vfs(FaultyDisk* disk) {
  sqlite3_vfs vfs = *real_vfs();
  vfs.szOsFile += static_cast<int>(sizeof(WrappedFile));
  vfs.pNext = nullptr;
  vfs.zName = FaultyDisk::kName;
  vfs.pAppData = disk;
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  // The other members take the VFS itself only to find settings of the unix one.
  return vfs;
}

sqlite3_vfs registered;

}  // namespace

FaultyDisk::FaultyDisk() {
  registered = make_vfs(this);
  if (sqlite3_vfs_register(&registered, 0) != SQLITE_OK) throw std::runtime_error("vfs");
}

FaultyDisk::~FaultyDisk() { sqlite3_vfs_unregister(&registered); }

void FaultyDisk::arm(Fault fault, std::uint64_t nth, std::string folder_of_synced) {
  fault_ = fault;
  left_ = nth;
  fired_ = false;
  folder_of_synced_ = std::move(folder_of_synced);
}

FaultyDisk::Fault FaultyDisk::count(bool is_sync) {
  if (fault_ == Fault::None || left_ == 0) return Fault::None;
  if (fault_ != Fault::Kill && is_sync != (fault_ == Fault::SyncError)) return Fault::None;
  if (--left_ != 0) return Fault::None;
  fired_ = true;
  if (fault_ == Fault::Kill) {
    save_synced(folder_of_synced_);
    ::kill(::getpid(), SIGKILL);
  }
  return fault_;
}

FaultyDisk::Fault FaultyDisk::on_write(const std::string& path, std::uint64_t offset,
                                       std::string_view bytes) {
  const Fault fault = count(false);
  if (fault == Fault::None || fault == Fault::ShortWrite) {
    if (fault == Fault::ShortWrite) bytes = bytes.substr(0, bytes.size() / 2);
    files_[path].pending.push_back({offset, std::string(bytes), false});
  }
  return fault;
}

FaultyDisk::Fault FaultyDisk::on_truncate(const std::string& path, std::uint64_t size) {
  const Fault fault = count(false);
  if (fault == Fault::None) files_[path].pending.push_back({size, {}, true});
  return fault;
}

FaultyDisk::Fault FaultyDisk::on_sync(const std::string& path) {
  const Fault fault = count(true);
  File& file = files_[path];
  if (fault == Fault::None) {
    for (const Change& change : file.pending) {
      const std::size_t end = change.offset + change.bytes.size();
      if (change.truncate || file.synced.size() < end) file.synced.resize(end);
      if (!change.truncate) file.synced.replace(change.offset, change.bytes.size(), change.bytes);
    }
  }
  file.pending.clear();
  return fault;
}

void FaultyDisk::adopt(const std::string& live, const std::string& synced) {
  const auto read = [](const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  for (const auto& entry : std::filesystem::directory_iterator(live)) {
    File& file = files_[entry.path()];
    file.synced = read(std::filesystem::path(synced) / entry.path().filename());
    std::string shown = read(entry.path());
    file.pending.push_back({shown.size(), {}, true});
    file.pending.push_back({0, std::move(shown), false});
  }
}

void FaultyDisk::on_delete(const std::string& path) { files_.erase(path); }

void FaultyDisk::save_synced(const std::string& folder) const {
  for (const auto& [path, file] : files_) {
    std::ofstream(folder + path.substr(path.rfind('/')), std::ios::binary) << file.synced;
  }
}

}  // namespace veilwire::recorder
