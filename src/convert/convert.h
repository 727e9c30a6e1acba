// Conversions of meshes, each in a process of its own that may do nothing else.
#ifndef SUNLEAD_CONVERT_H
#define SUNLEAD_CONVERT_H

#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/pool.h"
#include "base/str.h"

struct convert;

// CONVERT_SOURCES_MAX is how many files a conversion may read.
#define CONVERT_SOURCES_MAX 4
// CONVERT_PRODUCTS_MAX is how many files it can make.
#define CONVERT_PRODUCTS_MAX 9

// What a conversion may take; the process is ended when it takes more.
struct convert_limits {
    unsigned memory_mb; // of address space
    unsigned cpu_s;     // of computing time
};

struct convert_settings {
    unsigned threads; // conversions at once
    struct convert_limits limits;
    unsigned wall_ms; // how long one may take; 0: 2 minutes
    // The program that is started, and the words before those of convert_worker_run() (ended by
    // NULL); NULL: this program's `mesh worker`. Borrowed.
    const char *program;
    const char *const *words;
};

// CONVERT_MEMORY_MB_DEFAULT, CONVERT_CPU_S_DEFAULT are limits with ample room for 300,000 triangles
// and a texture of 4096 pixels.
#define CONVERT_MEMORY_MB_DEFAULT 1024
#define CONVERT_CPU_S_DEFAULT     60

// convert_open() makes the threads that wait for conversions. ERR_INTERNAL.
MUST_CHECK enum err convert_open(const struct convert_settings *settings,
                                 struct convert **ret_convert, struct error *err);

// convert_close() frees; waits for conversions under way. NULL is fine.
void convert_close(struct convert *convert);

// convert_product_count() is how many files a conversion makes.
size_t convert_product_count(void);

// convert_product_name() is the name of the product at index: "web.glb" and so on.
struct str convert_product_name(size_t index);

// How a conversion ended.
enum convert_end {
    CONVERT_DONE,
    CONVERT_REFUSED,  // the files cannot be converted, however often it is tried
    CONVERT_DIED,     // its process was ended by something that may not happen again
    CONVERT_HINDERED, // it was kept from working: no room on disk, no process; later
};

struct convert_source {
    struct str name; // "scene.obj", "scene.mtl"; the mesh comes first
    int fd;          // open for reading
};

struct convert_product {
    int fd; // in: an empty file, open for reading and writing
    // out, with CONVERT_DONE
    int64_t size;
    char sha256[SHA256_HEX + 1];
};

// One conversion, in the caller's memory until done was called (on a thread of convert's). The
// descriptors stay the caller's. Zeroed at first.
struct convert_run {
    struct convert_source sources[CONVERT_SOURCES_MAX];
    size_t source_count;
    struct convert_product products[CONVERT_PRODUCTS_MAX]; // as convert_product_name() tells
    void (*done)(struct convert_run *run);
    void *ctx;
    // out
    enum convert_end end;
    struct error error; // in words for people, unless CONVERT_DONE
    int64_t cpu_ms;
    int64_t rss_kb; // at most
    // its own
    struct convert *convert;
    struct pool_work work;
};

// convert_start() starts a process for the conversion; done is called once, never inside this
// function. ERR_UNAVAILABLE when too many wait: done is not called then. Does not block.
MUST_CHECK enum err convert_start(struct convert *convert, struct convert_run *run);

#endif
