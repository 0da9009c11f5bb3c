# Language level, warnings and hardening: one INTERFACE target that every target of ours links.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# Programs are linked as such too, whatever the compiler's own default is; tests/hardening_test.py looks.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(OUTPUT_VARIABLE why_no_pie LANGUAGES C CXX)
if(NOT CMAKE_C_LINK_PIE_SUPPORTED OR NOT CMAKE_CXX_LINK_PIE_SUPPORTED)
  message(FATAL_ERROR "position independent programs cannot be linked: ${why_no_pie}")
endif()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(veilwire_options INTERFACE)
target_compile_options(veilwire_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wcast-qual -Wformat=2 -Wundef
  -fstack-protector-strong)
# Packages hold no path of the machine that built them, and the same ones whether ccache made paths relative to the build
# folder (its base_dir) or not. The last map that fits counts.
if(CMAKE_BUILD_TYPE MATCHES "Rel")
  if(CMAKE_BINARY_DIR STREQUAL CMAKE_SOURCE_DIR)
    message(FATAL_ERROR "build in a folder of its own: cmake --preset release")
  endif()
  file(RELATIVE_PATH source_from_build ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
  string(REGEX REPLACE "/$" "" source_from_build "${source_from_build}")
  target_compile_options(veilwire_options INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
    -ffile-prefix-map=${source_from_build}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}/=)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC's -Wconversion counts a narrow compound assignment; its guards against stack clash and stray branches harden.
  # At -O2 GCC 12's -Wrestrict sees overlaps in std::string that cannot be (GCC bugs 105329 and 105651).
  target_compile_options(veilwire_options INTERFACE -fstack-clash-protection -Wno-restrict)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(veilwire_options INTERFACE -fcf-protection=full)
  elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    target_compile_options(veilwire_options INTERFACE -mbranch-protection=standard)
  endif()
endif()
target_link_options(veilwire_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
if(NOT VEILWIRE_SANITIZE AND CMAKE_BUILD_TYPE MATCHES "Rel")
  target_compile_options(veilwire_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
target_compile_definitions(veilwire_options INTERFACE _GLIBCXX_ASSERTIONS)

if(VEILWIRE_SANITIZE)
  add_compile_options(-fsanitize=${VEILWIRE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${VEILWIRE_SANITIZE})
  if(VEILWIRE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()
