# db/migrations/*.sql become a table in C, compiled into sunlead_sql.
if(TARGET sunlead_sql AND EXISTS ${PROJECT_SOURCE_DIR}/src/sql/migration_list.h)
  file(GLOB migrations CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/db/migrations/*.sql)
  set(embed ${PROJECT_SOURCE_DIR}/tools/embed.py)
  set(generated ${PROJECT_BINARY_DIR}/gen/migrations.c)
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${SUNLEAD_PYTHON} ${embed} ${generated} ${migrations}
    DEPENDS ${embed} ${migrations}
    VERBATIM)
  target_sources(sunlead_sql PRIVATE ${generated})
endif()
