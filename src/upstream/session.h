// The session with LightFusion: the bearer token and the login that gets it.
#ifndef SUNLEAD_UPSTREAM_SESSION_H
#define SUNLEAD_UPSTREAM_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/http_client.h"
#include "upstream/answer.h"

struct session;
typedef void session_done_fn(struct session *session, void *ctx);

// Owned by the network thread. With an e-mail address tokens come from logins; otherwise the API
// key, if there is one, is the token for ever.
struct session {
    const char *email;    // NULL: no logins
    const char *password; // "" for none
    const char *api_key;  // NULL for none
    const char *url;      // of the login
    struct arena *token_arena;
    struct str token; // null: none
    uint64_t number;  // counts the tokens
    struct opt_i64 company_id;
    bool login_under_way;
    bool login_is_probe;       // the breaker's
    int64_t no_login_until_us; // monotonic: after refused credentials
    // how the last login ended
    bool logged_in;
    enum order_failure failure;
    unsigned retry_after_s;
    struct str words; // in login_arena: until the next login
    // the login's own
    struct arena *login_arena;
    struct http_call http;
    session_done_fn *done;
    void *ctx;
};

// session_init() prepares a session. Texts must outlive it; NULL and "" mean that a setting is not
// there.
void session_init(struct session *session, const char *url, const char *email, const char *password,
                  const char *api_key);

// session_done() frees what the session holds. No login may be under way.
void session_done(struct session *session);

// session_has_logins() tells whether tokens come from logins.
bool session_has_logins(const struct session *session);

// session_is_ready() tells whether a request may go out as far as the session is concerned.
bool session_is_ready(const struct session *session);

// session_login() starts a login; done is called on the network thread. A new token replaces the
// old one.
void session_login(struct session *session, struct http_client *http, session_done_fn *done,
                   void *ctx);

// session_reject() notes that LightFusion refused the token with this number. Tokens that came
// later stay.
void session_reject(struct session *session, uint64_t number);

// session_header() is the Authorization header, in the arena; null if there is no token.
struct str session_header(const struct session *session, struct arena *arena);

// session_words() is why a request failed, in words fit to be shown and logged: the token, the
// password and the API key are replaced by ***, since a peer may send them back.
struct str session_words(const struct session *session, const struct http_call *http,
                         struct arena *arena);

// session_hide() is a text in which the token, the password and the API key are replaced by ***.
struct str session_hide(const struct session *session, struct str text, struct arena *arena);

#endif
