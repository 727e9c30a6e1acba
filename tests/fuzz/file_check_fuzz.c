// Fuzzes files/file_check.c: every kind of check on any content.
#include "fuzz/fuzz.h"

#include "files/file_check.h"

// A JPEG ends with its end: without its last byte it is cut.
static void check_cut(struct str jpeg)
{
    while (jpeg.ptr[jpeg.len - 1] == '\0')
        jpeg.len--;
    check(file_check(MODEL_FILE_JPG, jpeg, NULL) == ERR_OK);
    jpeg.len--;
    check(file_check(MODEL_FILE_JPG, jpeg, NULL) == ERR_CORRUPT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str content = {.ptr = (const char *)data, .len = size};
    for (int kind = MODEL_FILE_JPG; kind <= MODEL_FILE_ORIGINAL_MAX; kind++) {
        struct error err;
        error_reset(&err);
        enum err code = file_check((enum model_file_kind)kind, content, &err);
        check(code == err.code);
        if (code != ERR_OK)
            check(code == ERR_CORRUPT && err.message[0] != '\0');
        else if (kind == MODEL_FILE_JPG)
            check_cut(content);
    }
    return 0;
}
