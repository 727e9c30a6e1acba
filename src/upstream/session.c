// Owns the bearer token.
#include "upstream/session.h"

#include <string.h>

#include "base/buf.h"
#include "upstream/wire.h"

#define LOGIN_MS         30000
#define LOGIN_ANSWER_MAX (256u * 1024u)
#define REDACT_MIN       4 // shorter secrets would blacken ordinary words
#define REDACTED_MAX     (4u * WIRE_WORDS_MAX)

static const char *given(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

void session_init(struct session *session, const char *url, const char *email, const char *password,
                  const char *api_key)
{
    *session = (struct session){
        .url = url,
        .email = given(email),
        .password = password == NULL ? "" : password,
        .api_key = given(api_key),
    };
    session->login_arena = arena_open(0);
    session->token_arena = arena_open(0);
    if (session->email == NULL)
        session->token = str_of(session->api_key);
}

void session_done(struct session *session)
{
    check(!session->login_under_way);
    arena_close(session->login_arena);
    arena_close(session->token_arena);
}

bool session_has_logins(const struct session *session)
{
    return session->email != NULL;
}

bool session_is_ready(const struct session *session)
{
    return session->email == NULL || session->token.ptr != NULL;
}

static void take_token(struct session *session, const struct wire_login *login)
{
    arena_reset(session->token_arena);
    session->token = arena_str(session->token_arena, login->token);
    session->company_id = login->company_id;
    session->number++;
}

static void on_login_done(struct http_call *http)
{
    struct session *session = http->ctx;
    struct wire_login login;
    struct answer_meaning meaning = answer_meaning(http, false);
    if (meaning.outcome == LF_OK && !wire_read_login(http->answer, session->login_arena, &login))
        meaning = answer_nonsense(false);
    session->login_under_way = false;
    session->logged_in = meaning.outcome == LF_OK;
    session->retry_after_s = http->retry_after_s;
    if (session->logged_in) {
        take_token(session, &login);
        session->failure = FAILURE_NONE;
        session->words = STR_NULL;
    } else {
        // Whatever refuses a login refuses the credentials.
        bool refused = meaning.outcome == LF_REFUSED || meaning.outcome == LF_NOT_FOUND;
        session->failure = refused ? FAILURE_UNAUTHORIZED : meaning.failure;
        session->words = session_words(session, http, session->login_arena);
    }
    session->done(session, session->ctx);
}

void session_login(struct session *session, struct http_client *http, session_done_fn *done,
                   void *ctx)
{
    check(session->email != NULL && !session->login_under_way);
    struct arena *arena = session->login_arena;
    arena_reset(arena);
    session->words = STR_NULL;
    session->login_under_way = true;
    session->done = done;
    session->ctx = ctx;
    session->http = (struct http_call){
        .arena = arena,
        .method = "POST",
        .url = session->url,
        .headers = {STR("Content-Type: application/json"), STR("Accept: application/json")},
        .body = wire_write_login(session->email, session->password, arena),
        .total_ms = LOGIN_MS,
        .answer_max_bytes = LOGIN_ANSWER_MAX,
        .is_read = true, // nothing but a token is made
        .done = on_login_done,
        .ctx = session,
    };
    http_client_call(http, &session->http);
}

void session_reject(struct session *session, uint64_t number)
{
    if (session->email != NULL && session->number == number)
        session->token = STR_NULL;
}

struct str session_header(const struct session *session, struct arena *arena)
{
    if (session->token.ptr == NULL)
        return STR_NULL;
    return arena_printf(arena, "Authorization: Bearer %.*s", STR_ARG(session->token));
}

static struct str redact_one(struct str text, struct str secret, struct arena *arena)
{
    if (secret.len < REDACT_MIN || text.len < secret.len ||
        memmem(text.ptr, text.len, secret.ptr, secret.len) == NULL)
        return text;
    struct buf buf;
    buf_init_arena(&buf, arena, text.len);
    size_t at = 0;
    while (at < text.len) {
        struct str rest = str_slice(text, at, text.len);
        if (str_starts(rest, secret)) {
            BUF_LITERAL(&buf, "***");
            at += secret.len;
        } else {
            buf_append_char(&buf, text.ptr[at++]);
        }
    }
    return buf_str(&buf);
}

struct str session_words(const struct session *session, const struct http_call *http,
                         struct arena *arena)
{
    bool is_login = http == &session->http;
    struct str words = answer_words(http, is_login, arena);
    return wire_cut_words(session_hide(session, words, arena));
}

struct str session_hide(const struct session *session, struct str text, struct arena *arena)
{
    text = redact_one(text, session->token, arena);
    text = redact_one(text, str_of(session->email == NULL ? NULL : session->password), arena);
    return redact_one(text, str_of(session->api_key), arena);
}
