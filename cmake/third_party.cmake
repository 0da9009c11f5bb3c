# Every third-party library, once, as an imported target third_party::NAME. All are Debian packages
# (packaging/dependencies lists them); headers are SYSTEM so that our warnings judge our code only.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(third_party_pkg name module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  add_library(third_party::${name} ALIAS PkgConfig::${name})
endfunction()

# The archive instead of the shared library, and what it needs beside: for what RHEL 9 lacks, or has an older version of.
# packaging/reach says whether programs that are linked so find all they need there.
function(third_party_archive name module)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  pkg_check_modules(${name}_archive REQUIRED IMPORTED_TARGET GLOBAL ${module})
  target_link_libraries(PkgConfig::${name}_archive INTERFACE ${ARGN})
  add_library(third_party::${name} ALIAS PkgConfig::${name}_archive)
endfunction()

function(third_party_header_only name header)
  find_path(THIRD_PARTY_${name}_DIR ${header} REQUIRED)
  add_library(third_party_${name} INTERFACE)
  target_link_libraries(third_party_${name} INTERFACE ${ARGN})
  add_library(third_party::${name} ALIAS third_party_${name})
endfunction()

third_party_pkg(openssl openssl)
third_party_archive(re2 re2)
third_party_pkg(zlib zlib)
third_party_pkg(brotlidec libbrotlidec)
third_party_pkg(brotlienc libbrotlienc)
third_party_pkg(zstd libzstd)
third_party_archive(sqlite sqlite3 m)
third_party_pkg(libpq libpq)
third_party_pkg(rdkafka rdkafka)
third_party_pkg(elf libelf)
third_party_archive(bpf libbpf third_party::elf third_party::zlib)
third_party_pkg(capng libcap-ng)
third_party_pkg(seccomp libseccomp)
third_party_pkg(gobject gobject-2.0)
third_party_pkg(lasso lasso)
# lasso's headers include ICU's, by way of libxml2, inside of extern "C" (lasso 2.8.1); ICU's classes are not for there.
target_compile_definitions(PkgConfig::lasso INTERFACE U_SHOW_CPLUSPLUS_API=0)
third_party_pkg(xmlsec xmlsec1-openssl)
third_party_pkg(libxml libxml-2.0)
third_party_header_only(asio boost/asio.hpp Threads::Threads)
third_party_header_only(beast boost/beast.hpp Threads::Threads)
if(VEILWIRE_SANITIZE MATCHES "thread")
  # The thread sanitizer does not know fences; what Asio's locks order it sees without them.
  target_compile_definitions(third_party_asio INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  target_compile_definitions(third_party_beast INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()
# Debian has no archives of these two; one source file uses them.
third_party_header_only(spdlog spdlog/spdlog.h)
target_compile_definitions(third_party_spdlog INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)
third_party_header_only(json nlohmann/json.hpp)
third_party_header_only(toml toml++/toml.h)
# The same in every file: toml++ 3.3 gives impl::do_parse one name in both modes, and a program that mixes them crashes.
# Its assertions do not hold for every input: "[*" fails one in parse_key() that stands before the check which reports
# the error. A typing mistake in a policy must not stop a program.
target_compile_definitions(third_party_toml INTERFACE TOML_EXCEPTIONS=0)
target_compile_options(third_party_toml INTERFACE "-DTOML_ASSERT(expr)=static_assert(true)")
third_party_header_only(cli11 CLI/CLI.hpp)
find_package(GTest REQUIRED)
add_library(third_party::gtest ALIAS GTest::gmock)
add_library(third_party::gtest_main ALIAS GTest::gmock_main)
find_package(benchmark REQUIRED)
add_library(third_party::benchmark ALIAS benchmark::benchmark)

# -Wconversion and its like must not judge header-only libraries: Debian installs them in a system
# include directory, which the compiler already treats so.
