// A small HTTP server for tests that answers by script, well or badly, and remembers what it was
// asked.
#ifndef SUNLEAD_TEST_FAKE_SERVER_H
#define SUNLEAD_TEST_FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How an answer goes.
enum fake_end {
    FAKE_WHOLE,      // as it should
    FAKE_NO_ANSWER,  // the request is read, then the connection is closed without a byte
    FAKE_RESET,      // the same with a reset
    FAKE_CUT,        // headers and half of the body, then the connection is closed
    FAKE_SILENT,     // never, until the client gives up
    FAKE_CLOSE_SOON, // as it should, then the connection is closed without having said so
};

// One answer. Zeroed members: status 200, no headers, empty body.
struct fake_answer {
    int status;
    const char *headers; // whole lines, each ended by \r\n
    const char *body;
    size_t body_len;   // 0: up to the NUL
    bool without_body; // only its length is told; always so for HEAD
    unsigned delay_ms;
    enum fake_end end;
};

// Answers for requests that begin so ("POST /v1/lead/create"), one after the other; the last that
// is not zeroed stays. What follows a '|' must stand somewhere in the request ("POST /x|Bearer
// abc"). The first route that matches counts; without one the answer is 404.
struct fake_route {
    const char *request;
    struct fake_answer answers[8];
};

struct fake_server;

// fake_server_open() listens on a free port of 127.0.0.1. Routes are copied, their texts must
// outlive it. Fails the test if it cannot.
struct fake_server *fake_server_open(const struct fake_route *routes, size_t count);

// fake_server_close() ends all connections and threads and frees.
void fake_server_close(struct fake_server *server);

// fake_server_url() is "http://127.0.0.1:port", valid until close.
const char *fake_server_url(const struct fake_server *server);

// fake_server_count() is how many requests that begin so were read whole; "" counts all.
size_t fake_server_count(struct fake_server *server, const char *request);

// fake_server_connections() is how many connections were accepted.
size_t fake_server_connections(struct fake_server *server);

// fake_server_request() is the n-th request that was read (0: the first): its line, headers and
// body; fails the test if there are not so many. Valid until close.
const char *fake_server_request(struct fake_server *server, size_t n);

// fake_server_wait() waits until fake_server_count() is at least count; fails the test after 10 s.
void fake_server_wait(struct fake_server *server, const char *request, size_t count);

#endif
