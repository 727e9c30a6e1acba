// Tests of files/files.c and files/files_fetch.c against a server that answers with raw bytes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/random.h"
#include "base/thread.h"
#include "files/files.h"
#include "files/files_dir.h"

#define WAIT_US (20 * US_PER_S)

// What is sent for a request that begins so, before the connection is closed.
struct raw_answer {
    const char *request; // NULL ends a table
    const char *head;    // status line and headers; NULL: silence until the peer goes
    struct str body;
};

struct raw_server {
    const struct raw_answer *answers;
    int listener;
    int stop_pipe[2];
    unsigned port;
    pthread_t thread;
    char request[4096]; // the last one
    // When so many bytes of bodies were sent, this process is killed.
    pid_t victim;
    int64_t kill_at;
    int64_t sent;
};

static void raw_listen(struct raw_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(pipe2(server->stop_pipe, O_CLOEXEC), 0);
    server->port = ntohs(address.sin_port);
}

// False if the server is to stop.
static bool raw_wait(const struct raw_server *server, int fd)
{
    struct pollfd fds[] = {{.fd = server->stop_pipe[0], .events = POLLIN},
                           {.fd = fd, .events = POLLIN}};
    while (poll(fds, COUNT_OF(fds), -1) < 0)
        check(errno == EINTR);
    return fds[0].revents == 0;
}

static bool raw_read_request(struct raw_server *server, int fd)
{
    size_t len = 0;
    do {
        if (len == sizeof(server->request) - 1 || !raw_wait(server, fd))
            return false;
        ssize_t got = recv(fd, server->request + len, sizeof(server->request) - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        server->request[len] = '\0';
    } while (strstr(server->request, "\r\n\r\n") == NULL);
    return true;
}

static void raw_kill_when_due(struct raw_server *server)
{
    if (server->victim == 0 || server->sent < server->kill_at)
        return;
    check(kill(server->victim, SIGKILL) == 0);
    server->victim = 0;
}

static void raw_send(struct raw_server *server, int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len < 4096 ? bytes.len : 4096, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes = str_slice(bytes, (size_t)sent, bytes.len);
        server->sent += sent;
        raw_kill_when_due(server);
    }
}

static void raw_serve(struct raw_server *server, int fd)
{
    if (!raw_read_request(server, fd))
        return;
    const struct raw_answer *answer = server->answers;
    while (answer->request != NULL &&
           strncmp(server->request, answer->request, strlen(answer->request)) != 0)
        answer++;
    check(answer->request != NULL);
    if (answer->head == NULL) {
        char byte;
        while (raw_wait(server, fd) && recv(fd, &byte, 1, 0) > 0)
            ;
        return;
    }
    struct str head = str_of(answer->head);
    check(send(fd, head.ptr, head.len, MSG_NOSIGNAL) == (ssize_t)head.len);
    raw_send(server, fd, answer->body);
    shutdown(fd, SHUT_WR);
}

static void *raw_run(void *ctx)
{
    struct raw_server *server = ctx;
    while (raw_wait(server, server->listener)) {
        CLEANUP(fd_close) int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            raw_serve(server, fd);
    }
    return NULL;
}

static void raw_start(struct raw_server *server)
{
    assert_int_equal(thread_start(&server->thread, "raw", raw_run, server, NULL), ERR_OK);
}

static void raw_close_sockets(struct raw_server *server)
{
    fd_close(&server->listener);
    fd_close(&server->stop_pipe[0]);
    fd_close(&server->stop_pipe[1]);
}

static void raw_stop(struct raw_server *server)
{
    assert_int_equal(write(server->stop_pipe[1], "x", 1), 1);
    thread_join(server->thread);
    raw_close_sockets(server);
}

struct fixture {
    struct arena *arena;
    char root[64];
    const char *dir;
    struct raw_server server;
    struct http_client *http;
    struct pool *pool;
    struct files *files;
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void make_root(struct fixture *fixture)
{
    fixture->arena = arena_open(0);
    snprintf(fixture->root, sizeof(fixture->root), "/tmp/sunlead-files-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->dir = arena_printf(fixture->arena, "%s/data/files", fixture->root).ptr;
}

static void remove_root(struct fixture *fixture)
{
    assert_int_equal(nftw(fixture->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    arena_close(fixture->arena);
}

static void open_store(struct fixture *fixture, size_t pool_bound)
{
    struct error err;
    assert_int_equal(http_client_open("files-test", 8, 64, &fixture->http, &err), ERR_OK);
    assert_int_equal(pool_open(&fixture->pool, "files", 2, pool_bound, &err), ERR_OK);
    assert_int_equal(files_open(fixture->dir, fixture->http, fixture->pool, &fixture->files, &err),
                     ERR_OK);
}

static void close_store(struct fixture *fixture)
{
    http_client_close(fixture->http);
    pool_close(fixture->pool);
    files_close(fixture->files);
}

static void setup(struct fixture *fixture, const struct raw_answer *answers)
{
    *fixture = (struct fixture){.server = {.answers = answers}};
    make_root(fixture);
    raw_listen(&fixture->server);
    raw_start(&fixture->server);
    open_store(fixture, 64);
}

static void teardown(struct fixture *fixture)
{
    close_store(fixture);
    raw_stop(&fixture->server);
    remove_root(fixture);
}

// A fetch and a way to wait for its end.
struct wait {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
    struct files_fetch fetch;
};

static void fetch_done(struct files_fetch *fetch)
{
    struct wait *wait = fetch->ctx;
    mutex_lock(&wait->mutex);
    wait->done = true;
    pthread_cond_broadcast(&wait->changed);
    mutex_unlock(&wait->mutex);
}

static void wait_start(struct wait *wait, struct fixture *fixture, const char *path,
                       enum model_file_kind kind)
{
    *wait = (struct wait){0};
    pthread_mutex_init(&wait->mutex, NULL);
    cond_init(&wait->changed);
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/%s", fixture->server.port, path);
    wait->fetch =
        (struct files_fetch){.url = str_of(url), .kind = kind, .done = fetch_done, .ctx = wait};
    files_fetch_start(fixture->files, &wait->fetch);
    memset(url, 'x', sizeof(url)); // it was copied
}

static void wait_end(struct wait *wait)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + WAIT_US;
    mutex_lock(&wait->mutex);
    while (!wait->done)
        assert_true(cond_wait_until(&wait->changed, &wait->mutex, deadline_us));
    mutex_unlock(&wait->mutex);
    pthread_cond_destroy(&wait->changed);
    pthread_mutex_destroy(&wait->mutex);
}

static void fetch(struct fixture *fixture, const char *path, enum model_file_kind kind,
                  struct wait *wait)
{
    wait_start(wait, fixture, path, kind);
    wait_end(wait);
}

struct census {
    size_t stored;
    size_t temporary;
};

// Looks at every file: a stored one must have the content that its name says.
static void count_file(struct census *census, const char *folder, const char *name,
                       const char *path, struct arena *arena)
{
    if (strcmp(folder, "tmp") == 0) {
        census->temporary++;
        return;
    }
    struct str content;
    struct error err;
    assert_int_equal(fs_read_all(path, arena, 64 << 20, &content, &err), ERR_OK);
    char hex[SHA256_HEX + 1];
    sha256_hex(content, hex);
    assert_string_equal(name, hex);
    assert_memory_equal(folder, hex, 2);
    assert_int_equal(strlen(folder), 2);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    census->stored++;
}

static struct census take_census(const char *dir)
{
    struct census census = {0};
    DIR *top = opendir(dir);
    assert_non_null(top);
    for (struct dirent *folder; (folder = readdir(top)) != NULL;) {
        if (folder->d_name[0] == '.')
            continue;
        struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
        const char *path = arena_printf(arena, "%s/%s", dir, folder->d_name).ptr;
        DIR *in = opendir(path);
        assert_non_null(in);
        for (struct dirent *file; (file = readdir(in)) != NULL;) {
            if (file->d_name[0] != '.')
                count_file(&census, folder->d_name, file->d_name,
                           arena_printf(arena, "%s/%s", path, file->d_name).ptr, arena);
        }
        closedir(in);
    }
    closedir(top);
    return census;
}

static void assert_census(const char *dir, size_t stored, size_t temporary)
{
    struct census census = take_census(dir);
    assert_int_equal(census.stored, stored);
    assert_int_equal(census.temporary, temporary);
}

#define OBJ_TEXT "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
#define MTL_TEXT "newmtl tiles\nKd 1 1 1\n"
#define OK       "HTTP/1.1 200 OK\r\n"

static const struct raw_answer plain_answers[] = {
    {"GET /length.obj ", OK "Content-Length: 32\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {"GET /chunked.obj ", OK "Transfer-Encoding: chunked\r\n\r\n",
     STR_INIT("8\r\nv 0 0 0\n\r\n18\r\nv 1 0 0\nv 0 1 0\nf 1 2 3\n\r\n0\r\n\r\n")},
    {"GET /scene.mtl ", OK "Content-Length: 22\r\nContent-Type: text/plain\r\n\r\n",
     STR_INIT(MTL_TEXT)},
    {0},
};

static void assert_readable(struct fixture *fixture, const char *sha256, struct str want)
{
    CLEANUP(fd_close) int fd = -1;
    int64_t size = -1;
    struct error err;
    assert_int_equal(files_open_read(fixture->files, str_of(sha256), &fd, &size, &err), ERR_OK);
    assert_int_equal(size, want.len);
    char content[256];
    assert_int_equal(read(fd, content, sizeof(content)), want.len);
    assert_memory_equal(content, want.ptr, want.len);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void test_stores(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    assert_census(fixture.dir, 0, 0);
    static const char *const paths[] = {"length.obj", "chunked.obj", "length.obj"};
    char want[SHA256_HEX + 1];
    sha256_hex(STR(OBJ_TEXT), want);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct wait wait;
        fetch(&fixture, paths[i], MODEL_FILE_OBJ, &wait);
        assert_int_equal(wait.fetch.error.code, ERR_OK);
        assert_int_equal(wait.fetch.size, sizeof(OBJ_TEXT) - 1);
        assert_string_equal(wait.fetch.sha256, want);
        assert_census(fixture.dir, 1, 0); // the same content is the same file
        assert_readable(&fixture, want, STR(OBJ_TEXT));
    }
    struct wait wait;
    fetch(&fixture, "scene.mtl", MODEL_FILE_MTL, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_OK);
    assert_readable(&fixture, wait.fetch.sha256, STR(MTL_TEXT));
    assert_census(fixture.dir, 2, 0);
    teardown(&fixture);
}

static void test_sends_no_credentials(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    struct wait wait;
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_OK);
    static const char *const never[] = {"Authorization", "Cookie", "X-Api-Key", "Referer"};
    for (size_t i = 0; i < COUNT_OF(never); i++)
        assert_null(strcasestr(fixture.server.request, never[i]));
    teardown(&fixture);
}

static const struct raw_answer bad_answers[] = {
    {"GET /404 ", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n", STR_INIT("no")},
    {"GET /404-cut ", "HTTP/1.1 404 Not Found\r\nContent-Length: 200\r\n\r\n", STR_INIT("no")},
    {"GET /403 ", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", STR_INIT("")},
    {"GET /410 ", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", STR_INIT("")},
    {"GET /500 ", "HTTP/1.1 500 Oops\r\nContent-Length: 32\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {"GET /503 ", "HTTP/1.1 503 Later\r\nRetry-After: 77\r\nContent-Length: 0\r\n\r\n",
     STR_INIT("")},
    {"GET /302 ", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", STR_INIT("")},
    {"GET /206 ", "HTTP/1.1 206 Part\r\nContent-Length: 32\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {"GET /204 ", "HTTP/1.1 204 None\r\n\r\n", STR_INIT("")},
    {"GET /empty ", OK "Content-Length: 0\r\n\r\n", STR_INIT("")},
    {"GET /html ", OK "Content-Length: 13\r\n\r\n", STR_INIT("<html></html>")},
    {"GET /cut ", OK "Content-Length: 33\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {"GET /cut-chunks ", OK "Transfer-Encoding: chunked\r\n\r\n",
     STR_INIT("20\r\n" OBJ_TEXT "\r\n")},
    {"GET /cut-head ", "HTTP/1.1 200 OK\r\nContent-", STR_INIT("")},
    {"GET /no-answer ", "", STR_INIT("")},
    {"GET /no-http ", "SSH-2.0-OpenSSH_9.2\r\n", STR_INIT("")},
    {"GET /length-lies ", OK "Content-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n",
     STR_INIT("20\r\n" OBJ_TEXT "\r\n0\r\n\r\n")},
    {0},
};

static const struct {
    const char *path;
    enum err want;
    const char *message; // part of it
} bad_cases[] = {
    {"404", ERR_NOT_FOUND, "no such file"},         {"404-cut", ERR_NOT_FOUND, "no such file"},
    {"403", ERR_UPSTREAM, "answered 403"},          {"410", ERR_UPSTREAM, "answered 410"},
    {"500", ERR_UPSTREAM, "answered 500"},          {"503", ERR_UPSTREAM, "answered 503"},
    {"302", ERR_UPSTREAM, "answered 302"},          {"206", ERR_UPSTREAM, "answered 206"},
    {"204", ERR_UPSTREAM, "answered 204"},          {"empty", ERR_CORRUPT, "empty"},
    {"html", ERR_CORRUPT, "no vertices"},           {"cut", ERR_UPSTREAM, "did not come"},
    {"cut-chunks", ERR_UPSTREAM, "did not come"},   {"cut-head", ERR_UPSTREAM, "nothing came"},
    {"no-answer", ERR_UPSTREAM, "did not come"},    {"no-http", ERR_UPSTREAM, "did not come"},
    {"length-lies", ERR_UPSTREAM, "only 32 of 40"},
};

static void test_refuses(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, bad_answers);
    for (size_t i = 0; i < COUNT_OF(bad_cases); i++) {
        struct wait wait;
        fetch(&fixture, bad_cases[i].path, MODEL_FILE_OBJ, &wait);
        const struct error *err = &wait.fetch.error;
        if (err->code != bad_cases[i].want || strstr(err->message, bad_cases[i].message) == NULL)
            fail_msg("%s: got %s \"%s\"", bad_cases[i].path, err_name(err->code), err->message);
        assert_int_equal(err->retry_after_s, strcmp(bad_cases[i].path, "503") == 0 ? 77 : 0);
        assert_string_equal(wait.fetch.sha256, "");
        assert_census(fixture.dir, 0, 0);
    }
    teardown(&fixture);
}

static void test_unreachable(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    struct raw_server nobody = {0};
    raw_listen(&nobody);
    raw_close_sockets(&nobody);
    unsigned port = fixture.server.port;
    fixture.server.port = nobody.port;
    struct wait wait;
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UPSTREAM);
    fixture.server.port = port;
    teardown(&fixture);
}

static const struct raw_answer silent_answers[] = {
    {"GET /silent ", NULL, STR_INIT("")},
    {0},
};

static void test_timeout(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, silent_answers);
    assert_int_equal(fixture.files->connect_ms, 5000);
    assert_int_equal(fixture.files->total_ms, 600000);
    fixture.files->total_ms = 50;
    struct wait wait;
    fetch(&fixture, "silent", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_TIMEOUT);
    teardown(&fixture);
}

static const struct raw_answer large_answers[] = {
    {"GET /length.obj ", OK "Content-Length: 32\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {"GET /chunked.obj ", OK "Transfer-Encoding: chunked\r\n\r\n",
     STR_INIT("20\r\n" OBJ_TEXT "\r\n0\r\n\r\n")},
    {"GET /announced.obj ", OK "Content-Length: 536870913\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {0},
};

static void test_too_large(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, large_answers);
    assert_int_equal(fixture.files->max_bytes, 536870912);
    struct wait wait;
    fetch(&fixture, "announced.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_TOO_LARGE);
    assert_string_equal(wait.fetch.error.message, "the file is larger than 536870912 bytes");
    static const char *const paths[] = {"length.obj", "chunked.obj"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        fixture.files->max_bytes = 31;
        fetch(&fixture, paths[i], MODEL_FILE_OBJ, &wait);
        assert_int_equal(wait.fetch.error.code, ERR_TOO_LARGE);
        assert_census(fixture.dir, i == 0 ? 0 : 1, 0);
        fixture.files->max_bytes = 32;
        fetch(&fixture, paths[i], MODEL_FILE_OBJ, &wait);
        assert_int_equal(wait.fetch.error.code, ERR_OK);
        assert_census(fixture.dir, 1, 0);
    }
    teardown(&fixture);
}

// A disk that takes no more: here a limit of the process. Paths are kept out of the message.
static void test_disk_full(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit full = {.rlim_cur = 10, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    struct wait wait;
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(wait.fetch.error.code, ERR_UNAVAILABLE);
    assert_string_equal(wait.fetch.error.message, "the file cannot be stored on our disk");
    assert_non_null(strstr(wait.fetch.error.cause, "write"));
    assert_census(fixture.dir, 0, 0);

    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_OK);
    teardown(&fixture);
}

// Folders that vanish are our trouble, never taken for a 404.
static void test_folders_vanish(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    const char *tmp = arena_printf(fixture.arena, "%s/tmp", fixture.dir).ptr;
    assert_int_equal(rmdir(tmp), 0);
    struct wait wait;
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UNAVAILABLE);
    assert_null(strstr(wait.fetch.error.message, fixture.dir));
    assert_non_null(strstr(wait.fetch.error.cause, fixture.dir));
    assert_int_equal(mkdir(tmp, 0700), 0);

    char hex[SHA256_HEX + 1];
    sha256_hex(STR(OBJ_TEXT), hex);
    const char *folder = arena_printf(fixture.arena, "%s/%.2s", fixture.dir, hex).ptr;
    int fd = open(folder, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    fd_close(&fd);
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UNAVAILABLE);
    assert_int_equal(unlink(folder), 0);
    assert_census(fixture.dir, 0, 0);
    teardown(&fixture);
}

// Work that holds a worker until the gate is opened.
struct gate {
    struct pool_work work;
    int fd;
};

static void block_until_readable(struct pool_work *work)
{
    struct gate *gate = CONTAINER_OF(work, struct gate, work);
    struct pollfd fd = {.fd = gate->fd, .events = POLLIN};
    while (poll(&fd, 1, -1) < 0)
        check(errno == EINTR);
}

// When nobody can take the check over, the download is dropped and the network goes on.
static void test_busy(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    close_store(&fixture);
    open_store(&fixture, 3);
    int gate_pipe[2];
    assert_int_equal(pipe2(gate_pipe, O_CLOEXEC), 0);
    struct gate gates[5];
    for (size_t i = 0; i < 2 + 3;) { // two workers, three places to wait
        gates[i] = (struct gate){.work = {.run = block_until_readable}, .fd = gate_pipe[0]};
        i += pool_submit(fixture.pool, &gates[i].work) == ERR_OK;
    }
    struct wait wait;
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UNAVAILABLE);
    assert_string_equal(wait.fetch.error.message, "too many files are being stored");
    assert_census(fixture.dir, 0, 0);
    assert_int_equal(write(gate_pipe[1], "x", 1), 1);
    close_store(&fixture);
    open_store(&fixture, 3);
    fd_close(&gate_pipe[0]);
    fd_close(&gate_pipe[1]);
    teardown(&fixture);
}

static void test_many_at_once(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    struct wait waits[24];
    for (size_t i = 0; i < COUNT_OF(waits); i++)
        wait_start(&waits[i], &fixture, i % 2 == 0 ? "length.obj" : "scene.mtl",
                   i % 2 == 0 ? MODEL_FILE_OBJ : MODEL_FILE_MTL);
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        wait_end(&waits[i]);
        assert_int_equal(waits[i].fetch.error.code, ERR_OK);
    }
    assert_census(fixture.dir, 2, 0);
    teardown(&fixture);
}

// Closing the client ends what is under way, and nothing is left.
static void test_close_while_fetching(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, silent_answers);
    struct wait waits[12];
    for (size_t i = 0; i < COUNT_OF(waits); i++)
        wait_start(&waits[i], &fixture, "silent", MODEL_FILE_OBJ);
    http_client_close(TAKE_PTR(fixture.http));
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        wait_end(&waits[i]);
        enum err code = waits[i].fetch.error.code;
        assert_true(code == ERR_UNAVAILABLE || code == ERR_UPSTREAM);
    }
    assert_census(fixture.dir, 0, 0);
    teardown(&fixture);
}

static const char *const bad_hashes[] = {
    "",
    "ab",
    "../../../../../../../../../../../../../../../../../../etc/passwd",
    "/../../../../../../../../../../../../../../../../../../etc/passwd",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555",
    "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85g",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85/",
};

static void test_open_read(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    int fd = -1;
    int64_t size = -1;
    struct error err;
    for (size_t i = 0; i < COUNT_OF(bad_hashes); i++) {
        struct str hash = str_of(bad_hashes[i]);
        assert_int_equal(files_open_read(fixture.files, hash, &fd, &size, &err), ERR_INVALID);
    }
    assert_int_equal(files_open_read(fixture.files, STR_NULL, &fd, &size, &err), ERR_INVALID);
    char hash[SHA256_HEX + 1];
    sha256_hex(STR("never stored"), hash);
    assert_int_equal(files_open_read(fixture.files, str_of(hash), &fd, &size, &err), ERR_NOT_FOUND);
    assert_null(strstr(err.message, fixture.dir));

    // What is no plain file is not opened: a link out of the store, a folder.
    const char *folder = arena_printf(fixture.arena, "%s/%.2s", fixture.dir, hash).ptr;
    const char *path = arena_printf(fixture.arena, "%s/%s", folder, hash).ptr;
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(files_open_read(fixture.files, str_of(hash), &fd, &size, &err),
                     ERR_UNAVAILABLE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(files_open_read(fixture.files, str_of(hash), &fd, &size, &err),
                     ERR_UNAVAILABLE);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(fd, -1);
    assert_int_equal(size, -1);
    teardown(&fixture);
}

// Opening removes what killed processes left, not what another process works on.
static void test_left_overs(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    struct error err;
    char *in_use = NULL;
    CLEANUP(fd_close) int fd = -1;
    assert_int_equal(files_create_tmp(fixture.files, fixture.arena, &in_use, &fd, &err), ERR_OK);
    const char *left = arena_printf(fixture.arena, "%s/tmp/left", fixture.dir).ptr;
    int left_fd = open(left, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(left_fd >= 0);
    fd_close(&left_fd);
    assert_int_equal(mkdir(arena_printf(fixture.arena, "%s/tmp/folder", fixture.dir).ptr, 0700), 0);
    assert_int_equal(mkfifo(arena_printf(fixture.arena, "%s/tmp/fifo", fixture.dir).ptr, 0600), 0);

    struct files *other = NULL;
    assert_int_equal(files_open(fixture.dir, fixture.http, fixture.pool, &other, &err), ERR_OK);
    files_close(other);
    files_close(NULL);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(in_use, F_OK), 0);
    struct stat st;
    assert_int_equal(stat(in_use, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    fd_close(&fd);
    assert_int_equal(files_open(fixture.dir, fixture.http, fixture.pool, &other, &err), ERR_OK);
    files_close(other);
    assert_int_equal(access(in_use, F_OK), -1);
    teardown(&fixture);
}

static void test_open_fails(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    struct files *other = NULL;
    struct error err;
    error_reset(&err);
    assert_int_not_equal(files_open("/dev/null/files", fixture.http, fixture.pool, &other, &err),
                         ERR_OK);
    assert_non_null(strstr(err.message, "/dev/null"));
    char long_path[5000];
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_int_not_equal(files_open(long_path, fixture.http, fixture.pool, &other, &err), ERR_OK);
    const char *in_the_way = arena_printf(fixture.arena, "%s/other", fixture.root).ptr;
    assert_int_equal(mkdir(in_the_way, 0700), 0);
    int fd = open(arena_printf(fixture.arena, "%s/tmp", in_the_way).ptr,
                  O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    fd_close(&fd);
    assert_int_not_equal(files_open(in_the_way, fixture.http, fixture.pool, &other, &err), ERR_OK);
    assert_null(other);
    teardown(&fixture);
}

#define KILLS      24
#define MESH_SIZES 3
#define MESH_FACES 3000

// Meshes that differ, of about 30 KB, as whole HTTP answers.
static void make_mesh_answers(struct arena *arena, struct raw_answer answers[MESH_SIZES + 1])
{
    for (int i = 0; i < MESH_SIZES; i++) {
        struct buf body;
        buf_init_arena(&body, arena, 1 << 20);
        buf_printf(&body, "# %d\nv 0 0 0\nv 1 0 0\nv 0 1 0\n", i);
        for (int face = 0; face < MESH_FACES * (i + 1); face++)
            BUF_LITERAL(&body, "f 1 2 3\n");
        answers[i] = (struct raw_answer){
            .request = arena_printf(arena, "GET /mesh%d ", i).ptr,
            .head = arena_printf(arena, OK "Content-Length: %zu\r\n\r\n", body.len).ptr,
            .body = buf_str(&body),
        };
    }
    answers[MESH_SIZES] = (struct raw_answer){0};
}

// Fetches until it is killed.
static void fetch_for_ever(struct fixture *fixture)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    open_store(fixture, 64);
    for (unsigned i = 0;; i++) {
        struct wait waits[MESH_SIZES];
        for (unsigned k = 0; k < MESH_SIZES; k++) {
            char path[16];
            snprintf(path, sizeof(path), "mesh%u", k);
            wait_start(&waits[k], fixture, path, MODEL_FILE_OBJ);
        }
        for (unsigned k = 0; k < MESH_SIZES; k++)
            wait_end(&waits[k]);
    }
}

// Kills one process at a moment given by how much it was sent. No thread may run when it is forked.
static void kill_once(struct fixture *fixture, int64_t kill_at)
{
    raw_listen(&fixture->server);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        fetch_for_ever(fixture);
    fixture->server.sent = 0;
    fixture->server.kill_at = kill_at;
    fixture->server.victim = child;
    raw_start(&fixture->server);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    raw_stop(&fixture->server);
}

static void test_killed(void **state)
{
    (void)state;
    struct raw_answer answers[MESH_SIZES + 1];
    struct fixture fixture = {.server = {.answers = answers}};
    make_root(&fixture);
    make_mesh_answers(fixture.arena, answers);
    int64_t all = 0;
    for (int i = 0; i < MESH_SIZES; i++)
        all += (int64_t)answers[i].body.len;
    struct random random;
    random_seed(&random, 20240501);
    for (int i = 0; i < KILLS; i++) {
        kill_once(&fixture, random_between(&random, 1, 2 * all));
        assert_true(take_census(fixture.dir).stored <= MESH_SIZES);
    }
    kill_once(&fixture, 3 * all);
    assert_int_equal(take_census(fixture.dir).stored, MESH_SIZES);
    open_store(&fixture, 64);
    assert_census(fixture.dir, MESH_SIZES, 0);
    close_store(&fixture);
    remove_root(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed), // first, since it forks
        cmocka_unit_test(test_stores),
        cmocka_unit_test(test_sends_no_credentials),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_folders_vanish),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_close_while_fetching),
        cmocka_unit_test(test_open_read),
        cmocka_unit_test(test_left_overs),
        cmocka_unit_test(test_open_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
