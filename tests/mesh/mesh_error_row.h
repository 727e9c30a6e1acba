// What a reader of mesh files says of a text.
#ifndef SUNLEAD_TEST_MESH_ERROR_ROW_H
#define SUNLEAD_TEST_MESH_ERROR_ROW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

struct mesh_error_row {
    const char *text;
    enum err code;
    const char *message; // empty: none
};

static inline void mesh_error_check(const struct mesh_error_row *row, enum err code,
                                    const struct error *err)
{
    if (strcmp(err->message, row->message) != 0)
        fail_msg("'%s': %s", row->text, err->message);
    assert_int_equal(code, row->code);
}

#endif
