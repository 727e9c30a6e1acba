// Images as JPEG.
#include "mesh/mesh_write.h"

#include <turbojpeg.h>

static void compressor_close(tjhandle *handle)
{
    if (*handle != NULL)
        tjDestroy(*handle);
}

enum err mesh_write_jpeg(struct buf *buf, const struct mesh_image *image, int quality,
                         struct error *err)
{
    CLEANUP(compressor_close) tjhandle handle = tjInitCompress();
    if (handle == NULL)
        return error_set(err, ERR_INTERNAL, "The JPEG library cannot start");
    unsigned long size = tjBufSize((int)image->width, (int)image->height, TJSAMP_420);
    unsigned char *into = (unsigned char *)buf_grow(buf, size);
    if (into == NULL)
        return error_set(err, ERR_TOO_LARGE, "The image is too large");
    int failed = tjCompress2(handle, (const unsigned char *)image->pixels, (int)image->width, 0,
                             (int)image->height, TJPF_RGB, &into, &size, TJSAMP_420, quality,
                             TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT);
    if (failed != 0) {
        enum err code = error_set(err, ERR_INTERNAL, "The image cannot be written as JPEG");
        error_cause(err, "%s", tjGetErrorStr2(handle));
        return code;
    }
    buf->len += size;
    return ERR_OK;
}
