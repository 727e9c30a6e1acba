// Images as JPEG.
#include "mesh/mesh_write.h"

#include <turbojpeg.h>

// Progressive files are some 8 % smaller, but writing one takes 6 bytes of memory a pixel.
#define PROGRESSIVE_PIXELS_MAX ((size_t)1 << 20)

static void compressor_close(tjhandle *handle)
{
    if (*handle != NULL)
        tjDestroy(*handle);
}

enum err mesh_write_jpeg(struct buf *buf, const struct mesh_image *image, int quality,
                         enum mesh_jpeg_colour colour, struct error *err)
{
    CLEANUP(compressor_close) tjhandle handle = tjInitCompress();
    if (handle == NULL)
        return error_set(err, ERR_INTERNAL, "The JPEG library cannot start");
    int sampling = colour == MESH_JPEG_FULL_COLOUR ? TJSAMP_444 : TJSAMP_420;
    bool is_small = (size_t)image->width * image->height <= PROGRESSIVE_PIXELS_MAX;
    int progressive = is_small ? TJFLAG_PROGRESSIVE : 0;
    unsigned long size = tjBufSize((int)image->width, (int)image->height, sampling);
    unsigned char *into = (unsigned char *)buf_grow(buf, size);
    if (into == NULL)
        return error_set(err, ERR_TOO_LARGE, "The image is too large");
    int failed = tjCompress2(handle, (const unsigned char *)image->pixels, (int)image->width, 0,
                             (int)image->height, TJPF_RGB, &into, &size, sampling, quality,
                             TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT | progressive);
    if (failed != 0) {
        enum err code = error_set(err, ERR_INTERNAL, "The image cannot be written as JPEG");
        error_cause(err, "%s", tjGetErrorStr2(handle));
        return code;
    }
    buf->len += size;
    return ERR_OK;
}
