# The program: src/app/main.c and all layers. The release preset leaves it at build/sunlead.
set(main_file ${PROJECT_SOURCE_DIR}/src/app/main.c)
file(GLOB main_found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/app/mai[n].c)

if(TARGET sunlead_app)
  target_compile_definitions(sunlead_app PRIVATE SUNLEAD_VERSION="${PROJECT_VERSION}")
endif()

if(main_found)
  add_executable(sunlead ${main_file})
  target_compile_definitions(sunlead PRIVATE SUNLEAD_VERSION="${PROJECT_VERSION}")
  target_link_libraries(sunlead PRIVATE sunlead_flags)
  foreach(layer IN LISTS SUNLEAD_LAYERS)
    target_link_libraries(sunlead PRIVATE sunlead_${layer})
  endforeach()
  if(PROJECT_BINARY_DIR STREQUAL "${PROJECT_SOURCE_DIR}/build/release")
    set_target_properties(sunlead PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_SOURCE_DIR}/build)
  endif()
endif()
