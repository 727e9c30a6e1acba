// Laying out a USDZ file: the scene as USDA text, a mesh and a material for each part, then the
// textures. By OpenUSD's "Usdz File Format Specification" 1.3: stored, not compressed; the bytes of
// each file begin at a multiple of 64; the first file is the layer that is shown, and may be text.
#include "mesh/usdz.h"

#include <math.h>

#include "mesh/glb_stream.h"
#include "mesh/mesh_number.h"
#include "mesh/zip.h"

#define SCALE_MAX       1000000000000
#define UV_SCALE_MAX    1000000
#define UV_STEP_MAX     0.0001
#define NORMAL_SCALE    1000
#define COLOUR_SCALE    10000
#define COMPONENTS_MAX  3
#define TUPLE_TEXT_MAX  (COMPONENTS_MAX * (MESH_NUMBER_TEXT_MAX + 1) + 2)
#define TEXTURE_PATTERN "textures/%u.jpg"

struct usdz {
    const struct mesh_model *model;
    const struct glb_settings *settings;
    struct buf *buf;
    int64_t scale; // of positions
    double linear[256];
};

// How many decimals, as a power of ten, make steps that are not larger than this.
static int64_t scale_for(double step, int64_t max)
{
    int64_t scale = 1;
    while (scale < max && step * (double)scale < 1)
        scale *= 10;
    return scale;
}

// ---- Arrays.

static void append_number(struct buf *buf, double value, int64_t scale)
{
    char *start = buf_grow(buf, MESH_NUMBER_TEXT_MAX);
    if (start != NULL)
        buf->len += (size_t)(mesh_number_put_fixed(start, value, scale) - start);
}

static void append_tuple(struct buf *buf, const double *values, unsigned count, int64_t scale)
{
    char *start = buf_grow(buf, TUPLE_TEXT_MAX);
    if (start == NULL)
        return;
    char *at = start;
    *at++ = '(';
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            *at++ = ',';
        at = mesh_number_put_fixed(at, values[i], scale);
    }
    *at++ = ')';
    buf->len += (size_t)(at - start);
}

enum column { POINTS, NORMALS, COLOURS, UVS };

static const struct {
    const char *declaration;
    unsigned components;
} columns[] = {
    [POINTS] = {"point3f[] points", 3},
    [NORMALS] = {"normal3f[] normals", 3},
    [COLOURS] = {"color3f[] primvars:displayColor", 3},
    [UVS] = {"texCoord2f[] primvars:st", 2},
};

static void set_vec3(double into[static COMPONENTS_MAX], struct mesh_vec3 v)
{
    into[0] = (double)v.x;
    into[1] = (double)v.y;
    into[2] = (double)v.z;
}

static void get(const struct usdz *usdz, enum column column, const struct mesh_vertex *vertex,
                double into[static COMPONENTS_MAX])
{
    const struct mesh_rgb *colour = &vertex->colour;
    switch (column) {
    case POINTS:
        set_vec3(into, vertex->position);
        break;
    case NORMALS:
        set_vec3(into, mesh_vec3_unit(vertex->normal));
        break;
    case COLOURS:
        into[0] = usdz->linear[colour->r];
        into[1] = usdz->linear[colour->g];
        into[2] = usdz->linear[colour->b];
        break;
    case UVS:
        into[0] = (double)vertex->uv.u;
        into[1] = (double)vertex->uv.v;
        break;
    }
}

static void write_column(struct usdz *usdz, enum column column, const struct mesh_piece *piece,
                         int64_t scale)
{
    struct buf *buf = usdz->buf;
    buf_printf(buf, "        %s = [", columns[column].declaration);
    for (size_t i = 0; i < piece->vertex_count; i++) {
        double values[COMPONENTS_MAX];
        get(usdz, column, &piece->vertices[i], values);
        if (i > 0)
            buf_append_char(buf, ',');
        append_tuple(buf, values, columns[column].components, scale);
    }
    BUF_LITERAL(buf, "] (\n            interpolation = \"vertex\"\n        )\n");
}

static void write_indices(struct buf *buf, const struct mesh_piece *piece)
{
    BUF_LITERAL(buf, "        int[] faceVertexCounts = [3");
    for (size_t i = 3; i < piece->index_count; i += 3)
        BUF_LITERAL(buf, ",3");
    BUF_LITERAL(buf, "]\n        int[] faceVertexIndices = [");
    for (size_t i = 0; i < piece->index_count; i++) {
        char *start = buf_grow(buf, MESH_NUMBER_TEXT_MAX + 1);
        if (start == NULL)
            return;
        char *at = start;
        if (i > 0)
            *at++ = ',';
        at = mesh_number_put_index(at, piece->indices[i]);
        buf->len += (size_t)(at - start);
    }
    BUF_LITERAL(buf, "]\n");
}

static void write_extent(struct usdz *usdz, const struct mesh_piece *piece)
{
    double min[COMPONENTS_MAX], max[COMPONENTS_MAX], at[COMPONENTS_MAX];
    for (size_t i = 0; i < piece->vertex_count; i++) {
        get(usdz, POINTS, &piece->vertices[i], at);
        for (int k = 0; k < COMPONENTS_MAX; k++) {
            min[k] = i == 0 || at[k] < min[k] ? at[k] : min[k];
            max[k] = i == 0 || at[k] > max[k] ? at[k] : max[k];
        }
    }
    struct buf *buf = usdz->buf;
    BUF_LITERAL(buf, "        float3[] extent = [");
    append_tuple(buf, min, COMPONENTS_MAX, usdz->scale);
    buf_append_char(buf, ',');
    append_tuple(buf, max, COMPONENTS_MAX, usdz->scale);
    BUF_LITERAL(buf, "]\n");
}

// ---- The scene.

static void write_mesh(struct usdz *usdz, size_t index)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    const struct mesh_model *model = usdz->model;
    const struct mesh_part *part = &model->parts[index];
    struct buf *buf = usdz->buf;
    struct mesh_piece piece;
    mesh_piece_make(model, part, true, scratch, &piece);
    buf_printf(buf,
               "\n    def Mesh \"Part%zu\" (\n"
               "        prepend apiSchemas = [\"MaterialBindingAPI\"]\n"
               "    )\n"
               "    {\n"
               "        uniform bool doubleSided = 1\n",
               index);
    write_extent(usdz, &piece);
    write_indices(buf, &piece);
    buf_printf(buf, "        rel material:binding = </Model/Materials/Material%zu>\n", index);
    write_column(usdz, POINTS, &piece, usdz->scale);
    switch (model->skins[part->material]) {
    case MESH_TEXTURED: {
        const struct glb_grid grid = glb_grid_of_uvs(&piece);
        double step = fmin(UV_STEP_MAX, fmin(grid.scale[0], grid.scale[1]));
        write_column(usdz, UVS, &piece, scale_for(step, UV_SCALE_MAX));
        break;
    }
    case MESH_COLOURED:
        write_column(usdz, COLOURS, &piece, COLOUR_SCALE);
        break;
    case MESH_PLAIN:
        if (model->has_normals)
            write_column(usdz, NORMALS, &piece, NORMAL_SCALE);
        break;
    }
    BUF_LITERAL(buf, "        uniform token subdivisionScheme = \"none\"\n    }\n");
}

// What reads a value of the vertices for the surface, as the shader Primvar.
static void write_primvar(struct buf *buf, const char *type, const char *name)
{
    buf_printf(buf,
               "            def Shader \"Primvar\"\n"
               "            {\n"
               "                uniform token info:id = \"UsdPrimvarReader_%s\"\n"
               "                string inputs:varname = \"%s\"\n"
               "                %s outputs:result\n"
               "            }\n",
               type, name, type);
}

static void write_texture(struct usdz *usdz, size_t index, uint32_t texture)
{
    struct buf *buf = usdz->buf;
    write_primvar(buf, "float2", "st");
    BUF_LITERAL(buf, "            def Shader \"Texture\"\n"
                     "            {\n"
                     "                uniform token info:id = \"UsdUVTexture\"\n"
                     "                asset inputs:file = @");
    buf_printf(buf, TEXTURE_PATTERN "@\n", texture);
    buf_printf(buf,
               "                token inputs:sourceColorSpace = \"sRGB\"\n"
               "                float2 inputs:st.connect = "
               "</Model/Materials/Material%zu/Primvar.outputs:result>\n"
               "                token inputs:wrapS = \"repeat\"\n"
               "                token inputs:wrapT = \"repeat\"\n"
               "                float3 outputs:rgb\n"
               "            }\n",
               index);
}

// What a texture or the vertices show has its light already, and is not lit once more: it glows on
// black. The material's own colour is lit.
static void write_colours(struct usdz *usdz, size_t index, const struct mesh_material *material,
                          enum mesh_skin skin)
{
    struct buf *buf = usdz->buf;
    const char *shader = skin == MESH_TEXTURED ? "Texture.outputs:rgb" : "Primvar.outputs:result";
    const double kd[3] = {glb_srgb_to_linear((double)material->diffuse.x),
                          glb_srgb_to_linear((double)material->diffuse.y),
                          glb_srgb_to_linear((double)material->diffuse.z)};
    BUF_LITERAL(buf, "                color3f inputs:diffuseColor = ");
    append_tuple(buf, skin == MESH_PLAIN ? kd : (const double[3]){0}, 3, COLOUR_SCALE);
    if (skin != MESH_PLAIN)
        buf_printf(buf,
                   "\n                color3f inputs:emissiveColor.connect = "
                   "</Model/Materials/Material%zu/%s>",
                   index, shader);
}

static void write_material(struct usdz *usdz, size_t index)
{
    const struct mesh_model *model = usdz->model;
    uint32_t number = model->parts[index].material;
    const struct mesh_material *material = &model->materials[number];
    enum mesh_skin skin = model->skins[number];
    struct buf *buf = usdz->buf;
    buf_printf(buf,
               "        def Material \"Material%zu\"\n"
               "        {\n"
               "            token outputs:surface.connect = "
               "</Model/Materials/Material%zu/Surface.outputs:surface>\n"
               "            def Shader \"Surface\"\n"
               "            {\n"
               "                uniform token info:id = \"UsdPreviewSurface\"\n",
               index, index);
    write_colours(usdz, index, material, skin);
    BUF_LITERAL(buf, "\n                float inputs:metallic = 0\n"
                     "                float inputs:opacity = ");
    append_number(buf, 1 - (double)material->transparency, COLOUR_SCALE);
    BUF_LITERAL(buf, "\n                float inputs:roughness = 1\n"
                     "                token outputs:surface\n"
                     "            }\n");
    if (skin == MESH_TEXTURED)
        write_texture(usdz, index, usdz->settings->texture_of[number]);
    if (skin == MESH_COLOURED)
        write_primvar(buf, "float3", "displayColor");
    BUF_LITERAL(buf, "        }\n");
}

static void write_layer(struct usdz *usdz)
{
    struct buf *buf = usdz->buf;
    buf_printf(buf,
               "#usda 1.0\n"
               "(\n"
               "    customLayerData = {\n"
               "        string creator = \"sunlead %.*s\"\n"
               "    }\n"
               "    defaultPrim = \"Model\"\n"
               "    metersPerUnit = 1\n"
               "    upAxis = \"Y\"\n"
               ")\n\n"
               "def Xform \"Model\" (\n"
               "    kind = \"component\"\n"
               ")\n"
               "{\n"
               "    def Scope \"Materials\"\n"
               "    {\n",
               STR_ARG(usdz->settings->version));
    for (size_t i = 0; i < usdz->model->part_count; i++)
        write_material(usdz, i);
    BUF_LITERAL(buf, "    }\n");
    for (size_t i = 0; i < usdz->model->part_count; i++)
        write_mesh(usdz, i);
    BUF_LITERAL(buf, "}\n");
}

// ---- The file.

static void write_textures(struct usdz *usdz, struct zip *zip, struct arena *arena)
{
    const struct mesh_model *model = usdz->model;
    const struct glb_settings *settings = usdz->settings;
    bool *is_there = arena_new(arena, bool, settings->texture_count);
    for (size_t i = 0; i < model->part_count; i++) {
        uint32_t material = model->parts[i].material;
        uint32_t texture = settings->texture_of[material];
        if (model->skins[material] != MESH_TEXTURED || is_there[texture])
            continue;
        is_there[texture] = true;
        zip_begin(zip, arena_printf(arena, TEXTURE_PATTERN, texture));
        buf_append_str(usdz->buf, settings->textures[texture]);
        zip_end(zip);
    }
}

enum err usdz_write(struct buf *buf, const struct mesh_model *model,
                    const struct glb_settings *settings, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct usdz usdz = {.model = model, .settings = settings, .buf = buf};
    usdz.scale = scale_for(glb_grid_of_model(model).scale[0], SCALE_MAX);
    for (int i = 0; i < (int)COUNT_OF(usdz.linear); i++)
        usdz.linear[i] = glb_srgb_to_linear(i / 255.0);
    struct zip zip;
    zip_init(&zip, buf, settings->texture_count + 1, arena);
    zip_begin(&zip, STR("model.usda"));
    write_layer(&usdz);
    zip_end(&zip);
    write_textures(&usdz, &zip, arena);
    return zip_finish(&zip, err);
}
