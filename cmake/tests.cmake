# All tests, run by ctest: cmocka programs, service tests, checks of the source.
# Labels: unit, contract, service, fuzz, check.
if(SUNLEAD_TESTS STREQUAL "AUTO")
  pkg_check_modules(cmocka QUIET IMPORTED_TARGET GLOBAL cmocka)
else()
  pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET GLOBAL cmocka)
endif()

enable_testing()
set(tests_dir ${PROJECT_SOURCE_DIR}/tests)
set(test_environment
    ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
    UBSAN_OPTIONS=print_stacktrace=1
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:die_after_fork=0
    PYTHONDONTWRITEBYTECODE=1)

# sunlead_test(name label timeout_s command...) registers a test that runs in the top folder.
function(sunlead_test name label timeout_s)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES
    LABELS ${label} TIMEOUT ${timeout_s} ENVIRONMENT "${test_environment}")
endfunction()

if(cmocka_FOUND)
  file(GLOB support_files CONFIGURE_DEPENDS ${tests_dir}/support/*.c)
  if(support_files)
    add_library(sunlead_test_support STATIC ${support_files})
    target_include_directories(sunlead_test_support PUBLIC ${tests_dir})
    target_link_libraries(sunlead_test_support
      PUBLIC sunlead_flags PkgConfig::cmocka PRIVATE PkgConfig::libpq)
    link_included_layers(sunlead_test_support ${support_files})
  endif()

  foreach(layer IN LISTS SUNLEAD_LAYERS)
    file(GLOB test_files CONFIGURE_DEPENDS ${tests_dir}/${layer}/*_test.c)
    foreach(file IN LISTS test_files)
      cmake_path(GET file STEM name)
      add_executable(${name} ${file})
      target_include_directories(${name} PRIVATE ${tests_dir})
      target_link_libraries(${name} PRIVATE sunlead_flags PkgConfig::cmocka sunlead_${layer})
      link_included_layers(${name} ${file})
      set(label unit)
      if(layer STREQUAL "store")
        set(label contract)
      endif()
      sunlead_test(${name} ${label} 120 ${name})
    endforeach()
  endforeach()
else()
  message(STATUS "cmocka is not installed: no unit tests")
endif()

file(GLOB service_files CONFIGURE_DEPENDS ${tests_dir}/service/test_*.py)
if(TARGET sunlead)
  foreach(file IN LISTS service_files)
    cmake_path(GET file STEM name)
    string(REGEX REPLACE "^test_" "service_" name ${name})
    sunlead_test(${name} service 900 ${SUNLEAD_PYTHON} -m pytest -q -p no:cacheprovider ${file})
    set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT SUNLEAD_BIN=$<TARGET_FILE:sunlead>)
    if(SUNLEAD_SANITIZE)
      set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT CHAOS_PACE=20)
    endif()
  endforeach()
endif()

# GLB files as the Khronos validator and three.js see them.
if(TARGET sunlead)
  add_executable(house_files ${tests_dir}/gltf/house_files.c)
  target_link_libraries(house_files PRIVATE sunlead_flags)
  link_included_layers(house_files ${tests_dir}/gltf/house_files.c)
  sunlead_test(gltf service 120 ${tests_dir}/gltf/run.sh
    $<TARGET_FILE:sunlead> $<TARGET_FILE:house_files> ${PROJECT_BINARY_DIR}/gltf_models)
  set_tests_properties(gltf PROPERTIES SKIP_RETURN_CODE 77)
endif()

# The source is the same in every preset: checked in the plain ones only.
if(NOT SUNLEAD_SANITIZE)
  sunlead_test(layers check 60 ${SUNLEAD_PYTHON} tools/check_layers.py)
  sunlead_test(budget check 60 ${SUNLEAD_PYTHON} tools/check_budget.py)
  sunlead_test(headers check 120 ${SUNLEAD_PYTHON} tools/check_headers.py)
  sunlead_test(docs check 60 ${SUNLEAD_PYTHON} tools/check_docs.py)
  sunlead_test(format check 60 tools/check_format.sh)
  sunlead_test(tools_test check 60 ${SUNLEAD_PYTHON} -m unittest discover -q -s tools/tests)
endif()
