# bench/queue.c: the job runner alone, measured. Built by its name: cmake --build ... --target queue_bench
add_executable(queue_bench EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/bench/queue.c)
target_link_libraries(queue_bench PRIVATE sunlead_flags)
link_included_layers(queue_bench ${PROJECT_SOURCE_DIR}/bench/queue.c)
# bench/mesh_model.c: the mesh that bench/mesh.sh converts.
add_executable(mesh_model EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/bench/mesh_model.c)
target_link_libraries(mesh_model PRIVATE sunlead_flags)
link_included_layers(mesh_model ${PROJECT_SOURCE_DIR}/bench/mesh_model.c)
