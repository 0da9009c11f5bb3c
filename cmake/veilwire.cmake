# veilwire_library(NAME SRCS a.cpp ... DEPS base wire ... THIRD re2 ...)
# NAME is the folder below userspace/ or agent/; the target is veilwire_NAME. DEPS are modules whose
# headers this one may include (tests/layers_test holds the table); THIRD is private by construction:
# third-party headers stay in .cpp files.
function(veilwire_library name)
  cmake_parse_arguments(A "" "" "SRCS;DEPS;THIRD" ${ARGN})
  add_library(veilwire_${name} STATIC ${A_SRCS})
  target_include_directories(veilwire_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  list(TRANSFORM A_DEPS PREPEND veilwire_)
  list(TRANSFORM A_THIRD PREPEND third_party::)
  target_link_libraries(veilwire_${name} PUBLIC ${A_DEPS} PRIVATE veilwire_options ${A_THIRD})
endfunction()

# veilwire_program(NAME SRCS ... DEPS ... THIRD ...): an executable veilwire-NAME (or veilwire for ctl).
function(veilwire_program name)
  cmake_parse_arguments(A "" "OUTPUT" "SRCS;DEPS;THIRD" ${ARGN})
  add_executable(${name} ${A_SRCS})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  list(TRANSFORM A_DEPS PREPEND veilwire_)
  list(TRANSFORM A_THIRD PREPEND third_party::)
  target_link_libraries(${name} PRIVATE veilwire_options ${A_DEPS} ${A_THIRD})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT VEILWIRE_SANITIZE)
    # RHEL 9 has an older one. Hidden, because a shared library may bring the distribution's own with it. libgcc stays
    # shared: Debian's archive of it needs glibc 2.35, and any version serves.
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/agent/host/arc4random.cpp)
    target_link_options(${name} PRIVATE -static-libstdc++ -Wl,--exclude-libs,ALL)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
endfunction()

# veilwire_test(NAME SRCS ... DEPS ... THIRD ... LABELS ...): a GoogleTest binary that is one ctest case.
function(veilwire_test name)
  cmake_parse_arguments(A "" "TIMEOUT" "SRCS;DEPS;THIRD;LABELS" ${ARGN})
  add_executable(${name} ${A_SRCS})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  list(TRANSFORM A_DEPS PREPEND veilwire_)
  list(TRANSFORM A_THIRD PREPEND third_party::)
  target_link_libraries(${name} PRIVATE veilwire_options ${A_DEPS} ${A_THIRD} third_party::gtest_main)
  target_compile_definitions(${name} PRIVATE VEILWIRE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                             VEILWIRE_BINARY_DIR="${CMAKE_BINARY_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${A_TIMEOUT})
  if(A_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${A_LABELS}")
  endif()
endfunction()

# veilwire_fuzz(NAME DEPS ...): tests/fuzz/NAME.cpp defines LLVMFuzzerTestOneInput. Under the fuzz preset it is
# a libFuzzer binary; in every other build a plain runner replays its corpus as a ctest case.
function(veilwire_fuzz name)
  cmake_parse_arguments(A "" "" "DEPS;THIRD" ${ARGN})
  list(TRANSFORM A_DEPS PREPEND veilwire_)
  list(TRANSFORM A_THIRD PREPEND third_party::)
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(VEILWIRE_FUZZ)
    add_executable(fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.cpp)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.cpp
                                ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    add_test(NAME fuzz_replay_${name} COMMAND fuzz_${name} ${corpus})
    set_tests_properties(fuzz_replay_${name} PROPERTIES TIMEOUT 120)
  endif()
  target_include_directories(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(fuzz_${name} PRIVATE veilwire_options ${A_DEPS} ${A_THIRD})
  set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
