// Answers that go wrong on their way, on purpose: for a server that plays a bad one.
#ifndef SUNLEAD_HTTP_FLAW_H
#define SUNLEAD_HTTP_FLAW_H

#include <stdbool.h>
#include <stdint.h>

struct http_loop;
struct http_request;
struct MHD_Response;

// How the connection ends.
enum http_flaw_end {
    HTTP_FLAW_NO_END, // as it should
    HTTP_FLAW_CLOSE,  // closed when end_after bytes of the body are sent
    HTTP_FLAW_RESET,  // the same with a reset, which comes behind a body that is sent whole too
    HTTP_FLAW_SILENT, // reset without a byte of the answer
};

// HTTP_FLAW_HALF, as end_after, is half of the body.
#define HTTP_FLAW_HALF UINT64_MAX

// What one answer suffers. Zeroed: nothing.
struct http_flaw {
    unsigned delay_ms;    // before its first byte
    unsigned bytes_per_s; // of the body; 0: as fast as it goes
    uint64_t blanks;      // bytes of blanks behind the body, announced with it and made on the way
    enum http_flaw_end end;
    uint64_t end_after; // bytes of the body and the blanks; more than there are: all
};

// http_set_flaw() spoils the answer, which is then given as usual; before that and once at most.
// No loop waits for a slow one. When the server drains, waits end at once and slow bodies are cut.
void http_set_flaw(struct http_request *request, const struct http_flaw *flaw);

// ---- For the server's own files. All of it runs on the request's loop.

// What a flawed request needs on its way.
struct http_flawed;

// http_flaw_waits() tells whether the answer is not to be sent yet: the connection is set aside
// then.
bool http_flaw_waits(struct http_request *request);

// http_flaw_is_silent() resets a connection that gets no answer; the caller closes it.
bool http_flaw_is_silent(struct http_request *request);

// http_flaw_response() makes the response to the answer that is in the request; NULL: no memory.
struct MHD_Response *http_flaw_response(struct http_request *request);

// http_flaw_sent() ends the connection behind an answer that was sent whole, where it has to.
void http_flaw_sent(struct http_request *request);

// http_flaw_wake() lets those of a loop go on whose time has come; all of them where the loop ends.
void http_flaw_wake(struct http_loop *loop, bool all);

// http_flaw_wait_ms() is wait_ms (-1: for ever), or less where one of the loop goes on before.
int http_flaw_wait_ms(const struct http_loop *loop, int wait_ms);

#endif
