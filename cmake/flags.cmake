# Compiler and linker flags, the same for every target: sunlead_flags carries them.
include(CheckCCompilerFlag)
find_package(Threads REQUIRED)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

set(SUNLEAD_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")
option(SUNLEAD_FUZZ "Build the libFuzzer programs (clang)" OFF)

set(warnings
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
    -Wnull-dereference -Wimplicit-fallthrough -Werror)
set(hardening -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection)

add_library(sunlead_flags INTERFACE)

# add_flags(flags...) adds those that this compiler knows.
function(add_flags)
  set(CMAKE_REQUIRED_QUIET ON)
  foreach(flag IN LISTS ARGN)
    string(MAKE_C_IDENTIFIER "have${flag}" known)
    check_c_compiler_flag(${flag} ${known})
    if(${known})
      target_compile_options(sunlead_flags INTERFACE ${flag})
    endif()
  endforeach()
endfunction()

target_compile_definitions(sunlead_flags INTERFACE _GNU_SOURCE)
target_include_directories(sunlead_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(sunlead_flags INTERFACE Threads::Threads m)
target_compile_options(sunlead_flags INTERFACE -fPIE)
target_link_options(sunlead_flags INTERFACE -pie)
add_flags(${warnings})

if(SUNLEAD_SANITIZE)
  # These two warnings see through the sanitizers' own code and then report what is not there.
  add_flags(-Wno-maybe-uninitialized -Wno-null-dereference)
  target_compile_options(sunlead_flags INTERFACE
    -O1 -fno-omit-frame-pointer -fsanitize=${SUNLEAD_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(sunlead_flags INTERFACE -fsanitize=${SUNLEAD_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_flags(${hardening})
  target_link_options(sunlead_flags INTERFACE -Wl,-z,relro,-z,now)
endif()

if(SUNLEAD_FUZZ)
  target_compile_options(sunlead_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
