// Fuzzes mesh/mesh_image.c: any JPEG is refused, or becomes an image of the size that is asked for.
#include "fuzz/fuzz.h"

#include "mesh/mesh_image.h"

#define SIDE_MAX 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh_file file = {STR("fuzz.jpg"), {.ptr = (const char *)data, .len = size}};
    const struct mesh_jpeg_bounds bounds = {.side_px = SIDE_MAX, .source_pixels = (size_t)1 << 20};
    struct mesh_image image;
    struct error err;
    error_reset(&err);
    enum err code = mesh_read_jpeg(&file, &bounds, arena, &image, &err);
    check(code == err.code);
    if (code == ERR_OK)
        check(image.width > 0 && image.height > 0 && image.width <= SIDE_MAX &&
              image.height <= SIDE_MAX);
    else
        check((code == ERR_CORRUPT || code == ERR_TOO_LARGE) && err.message[0] != '\0');
    return 0;
}
