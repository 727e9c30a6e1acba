# bench/queue.c: the job runner alone, measured. Built by its name: cmake --build ... --target queue_bench
add_executable(queue_bench EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/bench/queue.c)
target_link_libraries(queue_bench PRIVATE sunlead_flags)
link_included_layers(queue_bench ${PROJECT_SOURCE_DIR}/bench/queue.c)
