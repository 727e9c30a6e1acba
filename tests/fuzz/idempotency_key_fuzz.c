// Takes any bytes as an Idempotency-Key: only 1 to 255 visible ASCII characters are one.
#include "fuzz/fuzz.h"

#include "api/idempotency.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t visible = 0;
    while (visible < size && data[visible] > 0x20 && data[visible] < 0x7F)
        visible++;
    bool want = visible == size && size >= 1 && size <= IDEMPOTENCY_KEY_MAX;
    check(idempotency_is_key((struct str){(const char *)data, size}) == want);
    return 0;
}
