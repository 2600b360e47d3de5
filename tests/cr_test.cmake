# How a test comes to be: one call per test program.

# cmocka 2 renames assert_in_range, which cmocka 1 has under no other name.
set_property(TARGET PkgConfig::CMOCKA APPEND PROPERTY INTERFACE_COMPILE_OPTIONS -Wno-deprecated-declarations)

# cr_test(NAME n LABEL unit SOURCES a.c b.c [LIBS x y] [TIMEOUT s])
# Builds test_<n> with cmocka and cr_common and registers it with ctest under one label. TIMEOUT is 30 s unless told.
# The target tests-<label> builds all of a label.
function(cr_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;LABEL;TIMEOUT" "SOURCES;LIBS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_LABEL OR NOT arg_SOURCES)
    message(FATAL_ERROR "cr_test: NAME, LABEL and SOURCES are needed, and nothing unknown: ${ARGN}")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 30)
  endif()
  add_executable(test_${arg_NAME} ${arg_SOURCES})
  target_link_libraries(test_${arg_NAME} PRIVATE ${arg_LIBS} cr_common PkgConfig::CMOCKA)
  if(NOT TARGET tests-${arg_LABEL})
    add_custom_target(tests-${arg_LABEL})
  endif()
  add_dependencies(tests-${arg_LABEL} test_${arg_NAME})
  add_test(NAME ${arg_LABEL}.${arg_NAME} COMMAND test_${arg_NAME})
  set_tests_properties(${arg_LABEL}.${arg_NAME} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()

# cr_unit_test(<n> source.c ...): the common case of a unit test without further libraries.
function(cr_unit_test name)
  cr_test(NAME ${name} LABEL unit SOURCES ${ARGN})
endfunction()

# cr_fuzz(<n> [LIBS x y]): fuzz_<n>.c has LLVMFuzzerTestOneInput and cr_fuzz_seed (tests/fuzz/fuzz.h). Always built: the
# replay over its seeds and their mutations, a ctest of label fuzz. With CR_FUZZ and clang also fuzz_<n>, a libFuzzer
# program.
function(cr_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
  add_executable(replay_${name} fuzz_${name}.c ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c)
  target_link_libraries(replay_${name} PRIVATE ${arg_LIBS} cr_common)
  add_test(NAME fuzz.${name} COMMAND replay_${name})
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  if(CR_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
      message(FATAL_ERROR "CR_FUZZ needs clang")
    endif()
    add_executable(fuzz_${name} fuzz_${name}.c)
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(fuzz_${name} PRIVATE ${arg_LIBS} cr_common)
  endif()
endfunction()
