# tests/fuzz/<thing>_fuzz.c: in every preset a program that replays the corpus, as a test; in the fuzz
# preset also fuzz-<thing>, which looks for new inputs (tools/fuzz.sh runs them).
file(GLOB fuzz_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/*_fuzz.c)

# add_fuzz_program(name sources...) builds with the layers that the sources include.
function(add_fuzz_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE sunlead_flags)
  link_included_layers(${name} ${ARGN})
endfunction()

foreach(file IN LISTS fuzz_files)
  cmake_path(GET file STEM stem)
  string(REGEX REPLACE "_fuzz$" "" thing ${stem})
  add_fuzz_program(${stem} ${file} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.c)
  sunlead_test(${stem}_corpus fuzz 120 ${stem} tests/fuzz/corpus/${thing})
  if(SUNLEAD_FUZZ)
    add_fuzz_program(fuzz-${thing} ${file})
    target_link_options(fuzz-${thing} PRIVATE -fsanitize=fuzzer)
  endif()
endforeach()
