// Tests of app/config.c and app/config_text.c; also that the documents hold the table of settings.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "app/config.h"
#include "app/config_text.h"
#include "base/fs.h"

struct fixture {
    struct arena *arena;
    struct config config;
    struct error err;
    char file[64]; // a .env that does not exist until write_env()
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (fixture == NULL)
        return -1;
    fixture->arena = arena_open(0);
    snprintf(fixture->file, sizeof(fixture->file), "/tmp/sunlead-config-test-%d.env", getpid());
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->file);
    arena_close(fixture->arena);
    free(fixture);
    return 0;
}

static void write_env(struct fixture *fixture, struct str text)
{
    CLEANUP(fd_close)
    int fd = open(fixture->file, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, text.ptr, text.len, NULL), ERR_OK);
}

static enum err load(struct fixture *fixture, const char *variable)
{
    char *environment[] = {"HOME=/root", (char *)variable, NULL};
    error_reset(&fixture->err);
    return config_load(environment, fixture->file, fixture->arena, &fixture->config, &fixture->err);
}

static const struct setting *setting_of(const char *name)
{
    for (size_t i = 0; i < config_setting_count; i++) {
        if (strcmp(config_settings[i].name, name) == 0)
            return &config_settings[i];
    }
    fail_msg("no setting %s", name);
    return NULL;
}

static const char *value_of(struct fixture *fixture, const char *name)
{
    return config_value(&fixture->config, setting_of(name), fixture->arena).ptr;
}

static enum setting_source source_of(const struct fixture *fixture, const char *name)
{
    return fixture->config.sources[setting_of(name) - config_settings];
}

// Those that follow LIGHTFUSION_API where nothing else is given.
static bool is_suited_to_simulator(const char *name)
{
    return strcmp(name, "LIGHTFUSION_EMAIL") == 0 || strcmp(name, "LIGHTFUSION_PASSWORD") == 0 ||
           strcmp(name, "LIGHTFUSION_STORAGE") == 0;
}

static const struct {
    const char *env;
    bool simulator;
    const char *storage;
} simulators[] = {
    {"", true, "http://localhost:8085/storage"},
    {"LIGHTFUSION_API=http://127.0.0.1:9000/", true, "http://127.0.0.1:9000/storage"},
    {"LIGHTFUSION_API=http://[::1]:9000", true, "http://[::1]:9000/storage"},
    {"LIGHTFUSION_API=http://LOCALHOST", true, "http://LOCALHOST/storage"},
    {"LIGHTFUSION_STORAGE=https://files.example.com", true, "https://files.example.com"},
    {"LIGHTFUSION_API=https://api.example.com", false,
     "https://storage.googleapis.com/lightfusiondev"},
    {"LIGHTFUSION_API=http://127.example.com", false,
     "https://storage.googleapis.com/lightfusiondev"},
    {"LIGHTFUSION_EMAIL=me@example.com", false, "https://storage.googleapis.com/lightfusiondev"},
    {"LIGHTFUSION_API_KEY=secret", false, "https://storage.googleapis.com/lightfusiondev"},
};

static void test_simulator_needs_nothing(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(simulators); i++) {
        write_env(fixture, str_of(simulators[i].env));
        assert_int_equal(load(fixture, NULL), ERR_OK);
        const char *email = fixture->config.lightfusion_email;
        bool simulator = email != NULL && strcmp(email, "sunlead@localhost") == 0;
        assert_int_equal(simulator, simulators[i].simulator);
        assert_int_equal(fixture->config.lightfusion_password != NULL, simulator);
        assert_string_equal(fixture->config.lightfusion_storage, simulators[i].storage);
    }
}

static void test_defaults(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, NULL), ERR_OK);
    assert_int_equal(fixture->config.port, 8080);
    assert_string_equal(fixture->config.listen, "127.0.0.1");
    assert_string_equal(fixture->config.database_url, "sqlite:data/sunlead.db");
    assert_string_equal(fixture->config.lightfusion_api, "http://localhost:8085");
    assert_null(fixture->config.cors_origin);
    assert_int_equal(fixture->config.log_level, LOG_INFO);
    assert_int_equal(fixture->config.log_format, LOG_TEXT);
    assert_false(fixture->config.default_storage_id.set);
    assert_int_equal(fixture->config.default_kwh_usage, 10800);
    for (size_t i = 0; i < config_setting_count; i++) {
        if (is_suited_to_simulator(config_settings[i].name)) {
            assert_int_equal(fixture->config.sources[i], SETTING_SIMULATOR);
            continue;
        }
        assert_int_equal(fixture->config.sources[i], SETTING_DEFAULT);
        const char *value = value_of(fixture, config_settings[i].name);
        if (config_settings[i].value == NULL)
            assert_null(value);
        else
            assert_string_equal(value, config_settings[i].value);
    }
}

static void test_precedence(void **state)
{
    struct fixture *fixture = *state;
    write_env(fixture, STR("PORT=81\nLOG_LEVEL=debug\nDATA_DIR=\n"));
    assert_int_equal(load(fixture, "PORT=82"), ERR_OK);
    assert_int_equal(fixture->config.port, 82);
    assert_int_equal(source_of(fixture, "PORT"), SETTING_ENVIRONMENT);
    assert_int_equal(fixture->config.log_level, LOG_DEBUG);
    assert_int_equal(source_of(fixture, "LOG_LEVEL"), SETTING_FILE);
    assert_string_equal(fixture->config.data_dir, "data");
    assert_int_equal(source_of(fixture, "DATA_DIR"), SETTING_DEFAULT);
    // An empty variable hides the file's.
    assert_int_equal(load(fixture, "PORT="), ERR_OK);
    assert_int_equal(fixture->config.port, 8080);
    assert_int_equal(source_of(fixture, "PORT"), SETTING_DEFAULT);
}

static void test_values(void **state)
{
    static const struct {
        const char *variable;
        const char *name;
        const char *want; // NULL: refused
    } cases[] = {
        {"PORT=0", "PORT", "0"},
        {"PORT=65535", "PORT", "65535"},
        {"PORT=65536", "PORT", NULL},
        {"PORT=-1", "PORT", NULL},
        {"PORT= 80", "PORT", NULL},
        {"PORT=80a", "PORT", NULL},
        {"LISTEN=::1", "LISTEN", "::1"},
        {"LISTEN=0.0.0.0", "LISTEN", "0.0.0.0"},
        {"LISTEN=localhost", "LISTEN", NULL},
        {"LOG_LEVEL=warn", "LOG_LEVEL", "warn"},
        {"LOG_LEVEL=WARN", "LOG_LEVEL", NULL},
        {"LOG_FORMAT=json", "LOG_FORMAT", "json"},
        {"LIGHTFUSION_API=https://api.example.com/v2//", "LIGHTFUSION_API",
         "https://api.example.com/v2"},
        {"LIGHTFUSION_API=http://u:secret@example.com", "LIGHTFUSION_API",
         "http://u:***@example.com"},
        {"LIGHTFUSION_API=api.example.com", "LIGHTFUSION_API", NULL},
        {"LIGHTFUSION_API=ftp://example.com", "LIGHTFUSION_API", NULL},
        {"LIGHTFUSION_API=http://", "LIGHTFUSION_API", NULL},
        {"LIGHTFUSION_API=http://a b", "LIGHTFUSION_API", NULL},
        {"CDN_BASE_URL=https://cdn.example.com/x/", "CDN_BASE_URL", "https://cdn.example.com/x"},
        {"CDN_BASE_URL=https://cdn.example.com/x?y=1", "CDN_BASE_URL", NULL},
        {"CDN_BASE_URL=https://cdn.example.com/#x", "CDN_BASE_URL", NULL},
        {"LIGHTFUSION_PASSWORD=hunter2", "LIGHTFUSION_PASSWORD", "***"},
        {"DEFAULT_STORAGE_ID=7", "DEFAULT_STORAGE_ID", "7"},
        {"DEFAULT_STORAGE_ID=0", "DEFAULT_STORAGE_ID", NULL},
        {"DEFAULT_COUNTRY=\xC3\x96sterreich", "DEFAULT_COUNTRY", "\xC3\x96sterreich"},
        {"DEFAULT_COUNTRY=\xC3", "DEFAULT_COUNTRY", NULL},
        {"DEFAULT_COUNTRY=a\nb", "DEFAULT_COUNTRY", NULL},
        {"CORS_ORIGIN=*", "CORS_ORIGIN", "*"},
        {"CORS_ORIGIN=https://crm.example.com:8443", "CORS_ORIGIN", "https://crm.example.com:8443"},
        {"CORS_ORIGIN=https://crm.example.com/", "CORS_ORIGIN", NULL},
        {"CORS_ORIGIN=crm.example.com", "CORS_ORIGIN", NULL},
        {"HTTP_THREADS=257", "HTTP_THREADS", NULL},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum err code = load(fixture, cases[i].variable);
        if (cases[i].want == NULL) {
            assert_int_equal(code, ERR_INVALID);
            assert_non_null(strstr(fixture->err.message, cases[i].name));
            assert_null(strchr(fixture->err.message, '\n'));
        } else {
            assert_int_equal(code, ERR_OK);
            assert_string_equal(value_of(fixture, cases[i].name), cases[i].want);
        }
    }
}

static void test_text_bound(void **state)
{
    struct fixture *fixture = *state;
    char variable[sizeof("DEFAULT_COUNTRY=") + 101];
    int start = snprintf(variable, sizeof(variable), "DEFAULT_COUNTRY=");
    memset(variable + start, 'x', 101);
    variable[start + 100] = '\0';
    assert_int_equal(load(fixture, variable), ERR_OK);
    variable[start + 100] = 'x';
    variable[start + 101] = '\0';
    assert_int_equal(load(fixture, variable), ERR_INVALID);
}

static void test_messages(void **state)
{
    static const struct {
        struct str env;
        const char *variable;
        const char *want; // behind the file's name, where it names the file
    } cases[] = {
        {STR_INIT(""), "PORT=80a", "PORT=80a (environment): wanted a whole number from 0 to 65535"},
        // Shorter than a create may take, absence would be proved while it is still under way.
        {STR_INIT(""), "ORDER_ABSENT_AFTER=179",
         "ORDER_ABSENT_AFTER=179 (environment): wanted a whole number from 180 to 86400"},
        {STR_INIT(""), "LOG_LEVEL=loud",
         "LOG_LEVEL=loud (environment): wanted debug, info, warn or error"},
        {STR_INIT(""), "LIGHTFUSION_PASSWORD=a\tb",
         "LIGHTFUSION_PASSWORD (environment): wanted one line of UTF-8 of at most 1024 bytes"},
        {STR_INIT("\nPORT\n"), NULL,
         ", line 2: wanted NAME=VALUE, a comment with # or an empty line"},
        {STR_INIT("PROT=80\n"), NULL, ", line 1: PROT is no setting (`sunlead config` lists them)"},
        {STR_INIT("PORT=1\n\nPORT=2"), NULL, ", line 3: PORT is set in line 1 already"},
        {STR_INIT("DATA_DIR='x\n"), NULL, ", line 1: the quote is not closed"},
        {STR_INIT("DATA_DIR=\"x\" y\n"), NULL,
         ", line 1: something stands behind the closing quote"},
        {STR_INIT("PORT=99999\n"), NULL, ", line 1): wanted a whole number from 0 to 65535"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        write_env(fixture, cases[i].env);
        assert_int_equal(load(fixture, cases[i].variable), ERR_INVALID);
        const char *message = fixture->err.message;
        const char *file = strstr(message, fixture->file);
        if (cases[i].want[0] == ',')
            assert_non_null(file);
        assert_string_equal(file == NULL ? message : file + strlen(fixture->file), cases[i].want);
    }
}

static void test_file_syntax(void **state)
{
    static const struct {
        struct str env;
        const char *want; // DEFAULT_COUNTRY
    } cases[] = {
        {STR_INIT("DEFAULT_COUNTRY=Peru"), "Peru"},
        {STR_INIT("# one\n\n  export DEFAULT_COUNTRY = New Zealand  # two\n"), "New Zealand"},
        {STR_INIT("DEFAULT_COUNTRY=a#b\r\n"), "a#b"},
        {STR_INIT("DEFAULT_COUNTRY='a \"b\" \\ # c' # d\n"), "a \"b\" \\ # c"},
        {STR_INIT("DEFAULT_COUNTRY=\"a \\\"b\\\" \\\\ \\n $HOME\"\n"), "a \"b\" \\ \\n $HOME"},
        {STR_INIT("\xEF\xBB\xBF"
                  "DEFAULT_COUNTRY=x"),
         "x"},
        {STR_INIT("DEFAULT_COUNTRY=\n"), "USA"},
        {STR_INIT("DEFAULT_COUNTRY=# nothing\n"), "USA"},
        {STR_INIT("DEFAULT_COUNTRY=''\n"), "USA"},
        {STR_INIT("DEFAULT_COUNTRY=a=b\n"), "a=b"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        write_env(fixture, cases[i].env);
        assert_int_equal(load(fixture, NULL), ERR_OK);
        assert_string_equal(fixture->config.default_country, cases[i].want);
    }
}

static void test_file_bound(void **state)
{
    struct fixture *fixture = *state;
    struct str text = {.len = 64 * 1024 + 1};
    char *bytes = arena_new(fixture->arena, char, text.len);
    memset(bytes, '\n', text.len);
    text.ptr = bytes;
    write_env(fixture, str_slice(text, 0, 64 * 1024));
    assert_int_equal(load(fixture, NULL), ERR_OK);
    write_env(fixture, text);
    assert_int_equal(load(fixture, NULL), ERR_TOO_LARGE);
}

static void test_loopback(void **state)
{
    (void)state;
    assert_true(config_is_loopback("127.0.0.1"));
    assert_true(config_is_loopback("127.9.9.9"));
    assert_true(config_is_loopback("::1"));
    assert_false(config_is_loopback("0.0.0.0"));
    assert_false(config_is_loopback("::"));
    assert_false(config_is_loopback("128.0.0.1"));
    assert_false(config_is_loopback("localhost"));
}

static void test_hide_password(void **state)
{
    static const struct {
        struct str url;
        const char *want;
    } cases[] = {
        {STR_INIT("sqlite:data/sunlead.db"), "sqlite:data/sunlead.db"},
        {STR_INIT("postgres://u:p@host:5432/db"), "postgres://u:***@host:5432/db"},
        {STR_INIT("postgres://u:p@q@host/db"), "postgres://u:***@host/db"},
        {STR_INIT("postgres://u:p/q@host/db"), "postgres://u:***@host/db"},
        {STR_INIT("postgres://host/db?user=u&password=p&x=1"),
         "postgres://host/db?user=u&password=***&x=1"},
        {STR_INIT("postgres://host/db?password="), "postgres://host/db?password=***"},
        {STR_INIT("postgres://u@host:5432/db"), "postgres://u@host:5432/db"},
        {STR_INIT("http://host/a@b:c"), "http://host/a@b:c"},
        {STR_INIT("http:"), "http:"},
        {STR_INIT(""), ""},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(config_hide_password(cases[i].url, fixture->arena).ptr, cases[i].want);
}

static struct str read_document(struct fixture *fixture, const char *name)
{
    struct str text;
    assert_int_equal(fs_read_all(name, fixture->arena, 1 << 20, &text, &fixture->err), ERR_OK);
    return text;
}

// `sunlead config --markdown`, `sunlead config --env-example` print what belongs there.
static void test_documents(void **state)
{
    struct fixture *fixture = *state;
    struct buf want;
    buf_init_arena(&want, fixture->arena, 1 << 20);
    config_text_markdown(&want);
    assert_non_null(strstr(read_document(fixture, "README.md").ptr, buf_cstr(&want)));
    buf_reset(&want);
    config_text_env_example(&want);
    assert_string_equal(read_document(fixture, ".env.example").ptr, buf_cstr(&want));
}

// The example, with every comment sign taken away, changes nothing.
static void test_env_example_loads(void **state)
{
    struct fixture *fixture = *state;
    struct buf example;
    buf_init_arena(&example, fixture->arena, 1 << 20);
    config_text_env_example(&example);
    struct str rest = buf_str(&example);
    struct buf text;
    buf_init_arena(&text, fixture->arena, 1 << 20);
    while (rest.ptr != NULL) {
        struct str line = str_split(&rest, '\n');
        bool sets = line.len > 1 && line.ptr[0] == '#' && line.ptr[1] != ' ';
        buf_append_str(&text, str_slice(line, sets ? 1 : 0, line.len));
        buf_append_char(&text, '\n');
    }
    write_env(fixture, buf_str(&text));
    assert_int_equal(load(fixture, NULL), ERR_OK);
    assert_int_equal(fixture->config.port, 8080);
    assert_int_equal(source_of(fixture, "PORT"), SETTING_FILE);
    assert_int_equal(source_of(fixture, "CORS_ORIGIN"), SETTING_DEFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_simulator_needs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_precedence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_syntax, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_bound, setup, teardown),
        cmocka_unit_test(test_loopback),
        cmocka_unit_test_setup_teardown(test_hide_password, setup, teardown),
        cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_env_example_loads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
