// The threads that wait for conversions, and the names of what these make.
#include "convert/convert.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "convert/convert_child.h"
#include "mesh/mesh_convert.h"

#define QUEUE_MAX  1000
#define READ_BYTES (64 * 1024)

static_assert(CONVERT_PRODUCTS_MAX == MESH_PRODUCTS_MAX + 1, "all products and the manifest");

struct convert {
    struct convert_settings settings;
    struct pool *pool;
};

size_t convert_product_count(void)
{
    size_t count;
    (void)mesh_products_default(&count);
    return count + 1;
}

struct str convert_product_name(size_t index)
{
    size_t count;
    const struct mesh_product *products = mesh_products_default(&count);
    check(index <= count);
    return index == count ? STR(MESH_MANIFEST_NAME) : products[index].name;
}

enum err convert_open(const struct convert_settings *settings, struct convert **ret_convert,
                      struct error *err)
{
    struct convert *convert = calloc(1, sizeof(*convert));
    check(convert != NULL);
    convert->settings = *settings;
    enum err code = pool_open(&convert->pool, "convert", settings->threads, QUEUE_MAX, err);
    if (code != ERR_OK) {
        free(convert);
        return code;
    }
    *ret_convert = convert;
    return ERR_OK;
}

void convert_close(struct convert *convert)
{
    if (convert == NULL)
        return;
    pool_close(convert->pool);
    free(convert);
}

static enum err hash(struct convert_product *product, struct error *err)
{
    char bytes[READ_BYTES];
    struct sha256 *hash = sha256_open();
    enum err code = ERR_OK;
    for (int64_t at = 0; at < product->size && code == ERR_OK;) {
        ssize_t got = pread(product->fd, bytes, sizeof(bytes), at);
        if (got > 0) {
            sha256_add(hash, bytes, (size_t)got);
            at += got;
        } else if (got == 0 || errno != EINTR) {
            code = error_set(err, ERR_UNAVAILABLE, "a model cannot be read from our disk");
        }
    }
    sha256_finish(hash, product->sha256);
    sha256_close(hash);
    return code;
}

static void run_work(struct pool_work *work)
{
    struct convert_run *run = CONTAINER_OF(work, struct convert_run, work);
    convert_child_run(&run->convert->settings, run);
    for (size_t i = 0; i < convert_product_count() && run->end == CONVERT_DONE; i++) {
        if (hash(&run->products[i], &run->error) != ERR_OK)
            run->end = CONVERT_HINDERED;
    }
    run->done(run);
}

enum err convert_start(struct convert *convert, struct convert_run *run)
{
    check(run->source_count > 0 && run->source_count <= CONVERT_SOURCES_MAX);
    run->convert = convert;
    run->work.run = run_work;
    return pool_submit(convert->pool, &run->work);
}
