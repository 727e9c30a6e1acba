// Writes the files of invented houses: house_files FOLDER... makes one house in each folder.

#include "base/fs.h"
#include "sim/house.h"

static enum err write_file(const char *folder, const char *name, struct str bytes,
                           struct error *err)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return fs_write_file(path, bytes, err);
}

static enum err write_house(const char *folder, int number, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    const struct house_order order = {.latitude = 40 + number * 0.37,
                                      .longitude = -100,
                                      .panel_width_m = 1,
                                      .panel_height_m = 1.7,
                                      .panel_count = 8};
    struct house_files files;
    TRY(house_make(&order, arena, &files, err));
    TRY(fs_make_dirs(folder, err));
    TRY(write_file(folder, "scene.obj", files.obj, err));
    TRY(write_file(folder, "scene.mtl", files.mtl, err));
    TRY(write_file(folder, "scene.ply", files.ply, err));
    return write_file(folder, "scene.jpg", files.jpg, err);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct error err;
        error_reset(&err);
        if (write_house(argv[i], i, &err) != ERR_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    }
    return 0;
}
