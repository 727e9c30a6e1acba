// Decoding JPEG by libturbojpeg, and scaling by area.
#include "mesh/mesh_image.h"

#include <turbojpeg.h>

// libturbojpeg decodes to so many eighths of the size.
#define EIGHTHS  8
#define WEIGHT_1 256 // of a pixel that is covered as a whole
#define SIDE_MAX 65535

static void decompressor_close(tjhandle *handle)
{
    if (*handle != NULL)
        tjDestroy(*handle);
}

static enum err broken(const struct mesh_file *file, tjhandle handle, struct error *err)
{
    enum err code =
        error_set(err, ERR_CORRUPT, "%.*s cannot be read as a JPEG", STR_ARG(file->name));
    error_cause(err, "%s", tjGetErrorStr2(handle));
    return code;
}

static enum err read_header(tjhandle handle, const struct mesh_file *file,
                            struct mesh_jpeg_header *ret_header, struct error *err)
{
    int width, height, sampling, space;
    if (tjDecompressHeader3(handle, (const unsigned char *)file->bytes.ptr, file->bytes.len, &width,
                            &height, &sampling, &space) != 0 ||
        width <= 0 || height <= 0)
        return broken(file, handle, err);
    *ret_header = (struct mesh_jpeg_header){
        .width = (unsigned)width,
        .height = (unsigned)height,
        .is_common = space == TJCS_YCbCr || space == TJCS_GRAY,
    };
    return ERR_OK;
}

static enum err start(tjhandle *handle, struct error *err)
{
    *handle = tjInitDecompress();
    if (*handle == NULL)
        return error_set(err, ERR_INTERNAL, "The JPEG library cannot start");
    return ERR_OK;
}

enum err mesh_read_jpeg_header(const struct mesh_file *file, struct mesh_jpeg_header *ret_header,
                               struct error *err)
{
    CLEANUP(decompressor_close) tjhandle handle = NULL;
    TRY(start(&handle, err));
    return read_header(handle, file, ret_header, err);
}

static unsigned longer(unsigned width, unsigned height)
{
    return width > height ? width : height;
}

// Pixels that are decoded at most, while the decoder can make less of them.
#define DECODED_PIXELS ((size_t)32 << 20)

// Halves, quarters and eighths by the decoder are the means of the pixels. They are as good as
// those of the whole image where the wanted size is a whole part of them.
static bool is_exact(const struct mesh_jpeg_header *header, int eighths, unsigned side_max)
{
    unsigned side = longer(header->width, header->height) * (unsigned)eighths;
    return header->width * (unsigned)eighths % EIGHTHS == 0 &&
           header->height * (unsigned)eighths % EIGHTHS == 0 && side / EIGHTHS >= side_max &&
           side / EIGHTHS % side_max == 0;
}

static tjscalingfactor scale_for(const struct mesh_jpeg_header *header, unsigned side_max)
{
    for (int eighths = 1; eighths < EIGHTHS; eighths *= 2) {
        if (is_exact(header, eighths, side_max))
            return (tjscalingfactor){eighths, EIGHTHS};
    }
    // Else from as many pixels as may be.
    tjscalingfactor factor = {EIGHTHS, EIGHTHS};
    while (factor.num > 1 && (size_t)TJSCALED((int)header->width, factor) *
                                     (size_t)TJSCALED((int)header->height, factor) >
                                 DECODED_PIXELS)
        factor.num /= 2;
    return factor;
}

// Always to RGB and with the accurate DCT: made smaller as YUV with the fast one, colours come out
// wrong without an error.
enum err mesh_read_jpeg(const struct mesh_file *file, const struct mesh_jpeg_bounds *bounds,
                        struct arena *arena, struct mesh_image *ret_image, struct error *err)
{
    CLEANUP(decompressor_close) tjhandle handle = NULL;
    struct mesh_jpeg_header header;
    TRY(start(&handle, err));
    TRY(read_header(handle, file, &header, err));
    if ((size_t)header.width * header.height > bounds->source_pixels)
        return error_set(err, ERR_TOO_LARGE, "%.*s has more than %zu pixels", STR_ARG(file->name),
                         bounds->source_pixels);
    tjscalingfactor factor = scale_for(&header, bounds->side_px);
    int width = TJSCALED((int)header.width, factor);
    int height = TJSCALED((int)header.height, factor);
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    size_t bytes = arena_array_size((size_t)width * (size_t)height, sizeof(struct mesh_rgb));
    bool fits = longer((unsigned)width, (unsigned)height) <= bounds->side_px;
    struct mesh_rgb *pixels = arena_raw(fits ? arena : scratch, bytes);
    if (tjDecompress2(handle, (const unsigned char *)file->bytes.ptr, file->bytes.len,
                      (unsigned char *)pixels, width, 0, height, TJPF_RGB,
                      TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS) != 0)
        return broken(file, handle, err);
    struct mesh_image decoded = {pixels, (unsigned)width, (unsigned)height};
    *ret_image = mesh_image_fit(&decoded, bounds->side_px, arena);
    return ERR_OK;
}

// ---- Scaling.

// Adds one row of the source, of which each pixel of the result covers a piece, to the sums.
static void add_row(const struct mesh_rgb *row, unsigned from, unsigned to, uint64_t weight,
                    uint64_t (*sums)[3])
{
    for (unsigned x = 0; x < to; x++) {
        uint64_t start = (uint64_t)x * from * WEIGHT_1 / to;
        uint64_t end = (uint64_t)(x + 1) * from * WEIGHT_1 / to;
        while (start < end) {
            uint64_t pixel = start / WEIGHT_1;
            uint64_t next = (pixel + 1) * WEIGHT_1;
            uint64_t share = ((next < end ? next : end) - start) * weight;
            sums[x][0] += row[pixel].r * share;
            sums[x][1] += row[pixel].g * share;
            sums[x][2] += row[pixel].b * share;
            start = next;
        }
    }
}

static void finish_row(uint64_t (*sums)[3], unsigned from, unsigned to, uint64_t weight,
                       struct mesh_rgb *into)
{
    for (unsigned x = 0; x < to; x++) {
        uint64_t width =
            (uint64_t)(x + 1) * from * WEIGHT_1 / to - (uint64_t)x * from * WEIGHT_1 / to;
        uint64_t all = width * weight;
        into[x] = (struct mesh_rgb){(uint8_t)((sums[x][0] + all / 2) / all),
                                    (uint8_t)((sums[x][1] + all / 2) / all),
                                    (uint8_t)((sums[x][2] + all / 2) / all)};
    }
    memset(sums, 0, to * sizeof(*sums));
}

static unsigned fitted(unsigned side, unsigned longest, unsigned side_max)
{
    unsigned to = (unsigned)(((uint64_t)side * side_max + longest / 2) / longest);
    return to == 0 ? 1 : to;
}

struct mesh_image mesh_image_fit(const struct mesh_image *image, unsigned side_max,
                                 struct arena *arena)
{
    check(side_max > 0 && image->width <= SIDE_MAX && image->height <= SIDE_MAX);
    unsigned longest = longer(image->width, image->height);
    if (longest <= side_max)
        return *image;
    unsigned width = fitted(image->width, longest, side_max);
    unsigned height = fitted(image->height, longest, side_max);
    struct mesh_rgb *pixels = arena_new(arena, struct mesh_rgb, (size_t)width * height);
    uint64_t(*sums)[3] = arena_bytes(arena, arena_array_size(width, sizeof(*sums)));
    for (unsigned y = 0; y < height; y++) {
        uint64_t start = (uint64_t)y * image->height * WEIGHT_1 / height;
        uint64_t end = (uint64_t)(y + 1) * image->height * WEIGHT_1 / height;
        uint64_t weight = end - start;
        while (start < end) {
            uint64_t row = start / WEIGHT_1;
            uint64_t next = (row + 1) * WEIGHT_1;
            add_row(image->pixels + row * image->width, image->width, width,
                    (next < end ? next : end) - start, sums);
            start = next;
        }
        finish_row(sums, image->width, width, weight, pixels + (size_t)y * width);
    }
    return (struct mesh_image){pixels, width, height};
}
