// sunlead mesh convert: makes models for browsers and phones of an OBJ or PLY.
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.h"
#include "base/fs.h"
#include "base/number.h"
#include "convert/convert_worker.h"
#include "mesh/mesh_convert.h"

#define TEXTURE_PX_DEFAULT 2048
#define TEXTURE_PX_MAX     16384
#define NAMES_MAX          (MESH_PRODUCTS_MAX + 1)

// What the command line says, as it says it.
struct texts {
    const char *triangles;
    const char *texture;
    const char *up;
    const char *metres;
    bool plain;
};

static int64_t parse_whole(const char *name, const char *text, int64_t max, int64_t preset)
{
    int64_t value = preset;
    if (text != NULL && number_parse_i64(str_of(text), 1, max, &value) != ERR_OK) {
        cli_fail("mesh convert: %s wants a whole number from 1 to %lld", name, (long long)max);
        return -1;
    }
    return value;
}

static bool parse_up(const char *text, enum mesh_up *ret_up)
{
    static const char *const names[] = {"auto", "y", "z"};
    for (int i = 0; i < (int)COUNT_OF(names); i++) {
        if (text == NULL || strcmp(text, names[i]) == 0) {
            *ret_up = (enum mesh_up)i;
            return true;
        }
    }
    cli_fail("mesh convert: --up wants auto, y or z");
    return false;
}

static bool parse_metres(const char *text, double *ret_metres)
{
    *ret_metres = 1;
    if (text == NULL)
        return true;
    if (number_parse_f64(str_of(text), ret_metres) == ERR_OK && *ret_metres >= 1e-6 &&
        *ret_metres <= 1e6)
        return true;
    cli_fail("mesh convert: --unit wants a number of metres, such as 0.01");
    return false;
}

// ---- Files beside the input.

struct folder {
    struct str path; // with a slash, or empty
    size_t max_bytes;
};

static struct str folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return (struct str){.ptr = path, .len = slash == NULL ? 0 : (size_t)(slash - path) + 1};
}

static enum err read_beside(void *context, struct str name, struct arena *arena,
                            struct str *ret_bytes, struct error *err)
{
    const struct folder *folder = context;
    struct str path = arena_printf(arena, "%.*s%.*s", STR_ARG(folder->path), STR_ARG(name));
    return fs_read_all(path.ptr, arena, folder->max_bytes, ret_bytes, err);
}

// ---- The outputs appear when all of them are there.

struct output {
    struct arena *arena;
    struct str folder;     // with a slash, or empty
    const char *only_path; // where the only file goes; NULL: by its name into the folder
    struct str paths[NAMES_MAX];
    struct str tmp_paths[NAMES_MAX];
    int fds[NAMES_MAX];
    size_t count;
    struct buf lines; // for the user
};

static enum err put(void *context, struct str name, struct str bytes, struct error *err)
{
    struct output *output = context;
    check(output->count < NAMES_MAX);
    if (output->count == 0 && output->only_path == NULL)
        TRY(fs_make_shared_dirs(output->folder.ptr, err));
    size_t i = output->count;
    struct str path =
        output->only_path != NULL
            ? arena_str(output->arena, str_of(output->only_path))
            : arena_printf(output->arena, "%.*s%.*s", STR_ARG(output->folder), STR_ARG(name));
    struct str tmp = arena_printf(output->arena, "%s.%d.tmp", path.ptr, (int)getpid());
    int fd = open(tmp.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return fs_err(err, "open", tmp.ptr);
    output->paths[i] = path;
    output->tmp_paths[i] = tmp;
    output->fds[i] = fd;
    output->count++;
    buf_printf(&output->lines, "%s  %zu bytes\n", path.ptr, bytes.len);
    return fs_write_all(fd, bytes.ptr, bytes.len, err);
}

static void warn(void *context, struct str sentence)
{
    (void)context;
    cli_fail("warning: %.*s", STR_ARG(sentence));
}

static enum err publish(struct output *output, struct error *err)
{
    for (size_t i = 0; i < output->count; i++) {
        TRY(fs_publish(output->fds[i], output->tmp_paths[i].ptr, output->paths[i].ptr, err));
        output->tmp_paths[i] = STR_NULL;
    }
    return ERR_OK;
}

static void output_done(struct output *output)
{
    for (size_t i = 0; i < output->count; i++) {
        fd_close(&output->fds[i]);
        if (output->tmp_paths[i].ptr != NULL)
            (void)unlink(output->tmp_paths[i].ptr);
    }
}

// ---- The command.

// What OUT is, by its name.
enum out { OUT_FOLDER, OUT_GLB, OUT_USDZ, OUT_UNKNOWN };

static const struct {
    struct str extension;
    enum out out;
} outs[] = {
    {STR_INIT("glb"), OUT_GLB},      {STR_INIT("usdz"), OUT_USDZ},
    {STR_INIT("gltf"), OUT_UNKNOWN}, {STR_INIT("obj"), OUT_UNKNOWN},
    {STR_INIT("mtl"), OUT_UNKNOWN},  {STR_INIT("ply"), OUT_UNKNOWN},
    {STR_INIT("stl"), OUT_UNKNOWN},  {STR_INIT("fbx"), OUT_UNKNOWN},
    {STR_INIT("dae"), OUT_UNKNOWN},  {STR_INIT("3mf"), OUT_UNKNOWN},
    {STR_INIT("usd"), OUT_UNKNOWN},  {STR_INIT("usda"), OUT_UNKNOWN},
    {STR_INIT("usdc"), OUT_UNKNOWN}, {STR_INIT("jpg"), OUT_UNKNOWN},
    {STR_INIT("jpeg"), OUT_UNKNOWN}, {STR_INIT("png"), OUT_UNKNOWN},
    {STR_INIT("json"), OUT_UNKNOWN}, {STR_INIT("zip"), OUT_UNKNOWN},
};

// What looks like a file's name is no folder, unless there is one, or a slash says so.
static enum out out_of(const char *path)
{
    struct stat st;
    const char *dot = strrchr(path, '.');
    if (dot == NULL || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return OUT_FOLDER;
    for (size_t i = 0; i < COUNT_OF(outs); i++) {
        if (str_equal_nocase(outs[i].extension, str_of(dot + 1)))
            return outs[i].out;
    }
    return OUT_FOLDER;
}

// Puts what the command line says of the output into the options, whose only product is one.
static bool set_products(const struct texts *texts, const char *out, struct mesh_product *one,
                         struct mesh_convert_options *options)
{
    int64_t triangles = parse_whole("--triangles", texts->triangles, INT32_MAX, INT64_MAX);
    int64_t texture = parse_whole("--texture", texts->texture, TEXTURE_PX_MAX, TEXTURE_PX_DEFAULT);
    if (triangles < 0 || texture < 0)
        return false;
    enum out kind = out_of(out);
    if (kind == OUT_UNKNOWN) {
        cli_fail("mesh convert: OUT is a .glb, a .usdz or a folder (%s/ for a folder of that name)",
                 out);
        return false;
    }
    if (texts->plain && kind != OUT_GLB) {
        cli_fail("mesh convert: --plain is for a single .glb");
        return false;
    }
    if (kind == OUT_FOLDER) {
        if (texts->triangles != NULL || texts->texture != NULL) {
            cli_fail("mesh convert: --triangles and --texture are for a single .glb or .usdz");
            return false;
        }
        options->products = mesh_products_default(&options->product_count);
        options->with_manifest = true;
        return true;
    }
    *one = (struct mesh_product){
        .name = str_of(out),
        .kind = kind == OUT_USDZ ? MESH_PRODUCT_USDZ : MESH_PRODUCT_GLB,
        .triangles = (size_t)triangles,
        .texture_px = (unsigned)texture,
        .is_compressed = !texts->plain,
    };
    options->products = one;
    options->product_count = 1;
    return true;
}

static int convert(const char *in, const char *out, struct mesh_convert_options *options)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    CLEANUP(output_done) struct output output = {.arena = arena};
    struct error err;
    error_reset(&err);
    if (options->product_count == 1)
        output.only_path = out;
    else
        output.folder = arena_printf(arena, "%s/", out);
    buf_init_arena(&output.lines, arena, 64 * 1024);
    struct folder folder = {.path = folder_of(in), .max_bytes = options->limits.file_bytes};
    const struct mesh_source source = {
        .read = read_beside, .context = &folder, .name = str_of(in + folder.path.len)};
    const struct mesh_sink sink = {.put = put, .warn = warn, .context = &output};
    if (mesh_convert(&source, options, &sink, &err) != ERR_OK || publish(&output, &err) != ERR_OK)
        return cli_fail_error(&err);
    return cli_print(buf_str(&output.lines));
}

// Large pieces of memory go back to the system when they are freed, rather than wait for a next
// use.
#define GIVEN_BACK_BYTES (256 * 1024)

static int run_convert(const struct cli_command *command, char **argv)
{
    struct texts texts = {0};
    const struct cli_option cli_options[] = {
        {.name = "--triangles",
         .value_name = "N",
         .help = "of a single file, about so many at most (all)",
         .value = &texts.triangles},
        {.name = "--texture",
         .value_name = "PIXELS",
         .help = "of a single file, the longer side of textures at most (2048)",
         .value = &texts.texture},
        {.name = "--plain",
         .help = "of a .glb, without compression: larger, but readable everywhere",
         .flag = &texts.plain},
        {.name = "--up",
         .value_name = "AXIS",
         .help = "of the input: y, z or auto (auto: where its ground and roofs face)",
         .value = &texts.up},
        {.name = "--unit",
         .value_name = "METRES",
         .help = "what one unit of the input is, such as 0.01 or 0.3048 (1)",
         .value = &texts.metres},
        {0},
    };
    struct cli_words words = {.max = 2};
    enum cli_parsed parsed = cli_parse_words(command, cli_options, argv, &words);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    if (words.count < 2) {
        cli_fail("mesh convert: wanted IN and OUT (see sunlead mesh convert --help)");
        return EXIT_USAGE;
    }
    struct mesh_product one;
    struct mesh_convert_options options = {
        .limits = MESH_LIMITS_DEFAULT, .version = STR(SUNLEAD_VERSION), .clock = clock_system()};
    if (!parse_up(texts.up, &options.up) || !parse_metres(texts.metres, &options.metres) ||
        !set_products(&texts, words.list[1], &one, &options))
        return EXIT_USAGE;
    (void)mallopt(M_MMAP_THRESHOLD, GIVEN_BACK_BYTES);
    return convert(words.list[0], words.list[1], &options);
}

static const struct cli_command cmd_mesh_convert = {
    .name = "mesh convert",
    .summary = "Makes models for browsers and phones of an OBJ or PLY",
    .arguments = "IN OUT",
    .help =
        "IN is a .obj or .ply; the MTL and JPEG files that it names are looked for beside it. OUT "
        "is a\n.glb, a .usdz, or a folder for all of them: preview.glb, web.glb, hd.glb, ar.glb, "
        "model.usdz,\nposter.jpg and manifest.json. All files appear when all are made.\n",
    .run = run_convert,
};

// What the service starts for each of its conversions; not for people, so in no help.
static int run_worker(char **words)
{
    struct error err;
    convert_worker_run(words, STR(SUNLEAD_VERSION), &err);
    return cli_fail_error(&err);
}

static int run(const struct cli_command *command, char **argv)
{
    if (argv[1] != NULL && strcmp(argv[1], "convert") == 0)
        return run_convert(&cmd_mesh_convert, argv + 1);
    if (argv[1] != NULL && strcmp(argv[1], "worker") == 0)
        return run_worker(argv + 2);
    static const struct cli_option options[] = {{0}};
    const char *action = NULL;
    enum cli_parsed parsed = cli_parse(command, options, argv, &action);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    if (action == NULL)
        cli_fail("mesh: wanted convert (see sunlead mesh --help)");
    else
        cli_fail("mesh: unknown argument %s: wanted convert", action);
    return EXIT_USAGE;
}

const struct cli_command cmd_mesh = {
    .name = "mesh",
    .summary = "Converts 3D models",
    .arguments = "convert IN OUT",
    .help = "Commands:\n"
            "  convert IN OUT               make models for browsers and phones of an OBJ or PLY;\n"
            "                               sunlead mesh convert --help tells its options\n",
    .run = run,
};
