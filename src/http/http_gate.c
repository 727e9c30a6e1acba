// The rules for request headers that libmicrohttpd leaves open (RFC 9112, sections 3.2, 5.1, 6.1
// to 6.3).
#include "http/http_gate.h"

#include "base/number.h"

#define REQUEST_ID_MAX 64

// tchar of RFC 9110, section 5.6.2.
static const bool token_chars[256] = {
    ['0' ... '9'] = true,  ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,
    ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,         ['-'] = true,
    ['.'] = true,          ['^'] = true,         ['_'] = true,         ['`'] = true,
    ['|'] = true,          ['~'] = true,
};

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!token_chars[(unsigned char)s.ptr[i]])
            return false;
    }
    return s.len > 0;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

// Characters that a host with a port cannot have, but that make others read it differently.
static bool is_host(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("/\\@?#,;\"<>", c) != NULL)
            return false;
    }
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_request_id(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && !is_digit(c) && c != '.' && c != '_' && c != '-')
            return false;
    }
    return s.len >= 1 && s.len <= REQUEST_ID_MAX;
}

static void set_fault(struct http_gate *gate, const char *fault)
{
    if (gate->fault == NULL)
        gate->fault = fault;
}

static void set_once(struct http_gate *gate, struct str *slot, struct str value, const char *fault)
{
    if (slot->ptr != NULL)
        set_fault(gate, fault);
    *slot = value;
}

static void set_first(struct str *slot, struct str value)
{
    if (slot->ptr == NULL)
        *slot = value;
}

static void note(struct http_gate *gate, struct str name, struct str value)
{
    switch (name.len) {
    case 4:
        if (str_equal_nocase(name, STR("Host")))
            set_once(gate, &gate->host, value, "Host is repeated.");
        break;
    case 6:
        if (str_equal_nocase(name, STR("Expect")))
            set_first(&gate->expect, value);
        break;
    case 12:
        if (str_equal_nocase(name, STR("Content-Type")))
            set_once(gate, &gate->content_type, value, "Content-Type is repeated.");
        else if (str_equal_nocase(name, STR("X-Request-Id")) && is_request_id(value))
            set_first(&gate->request_id, value);
        break;
    case 14:
        if (str_equal_nocase(name, STR("Content-Length")))
            set_once(gate, &gate->content_length, value, "Content-Length is repeated.");
        break;
    case 17:
        if (str_equal_nocase(name, STR("Transfer-Encoding")))
            set_once(gate, &gate->transfer_encoding, value, "Transfer-Encoding is repeated.");
        break;
    default:
        break;
    }
}

void http_gate_header(struct http_gate *gate, struct str name, struct str value)
{
    if (!is_token(name))
        set_fault(gate, "A header name holds a character that is not allowed.");
    else if (has_control(value))
        set_fault(gate, "A header holds a control character.");
    else
        note(gate, name, str_trim(value));
}

static void check_length(struct http_gate *gate)
{
    int64_t length = 0;
    if (gate->content_length.len == 0 || !is_digit(gate->content_length.ptr[0]) ||
        number_parse_i64(gate->content_length, 0, INT64_MAX, &length) != ERR_OK)
        set_fault(gate, "Content-Length is not a number.");
    else
        gate->length = (uint64_t)length;
}

const char *http_gate_finish(struct http_gate *gate, bool http_1_0)
{
    if (gate->host.ptr == NULL && !http_1_0)
        set_fault(gate, "Host is missing.");
    else if (!is_host(gate->host))
        set_fault(gate, "Host is not a host name.");
    if (gate->content_length.ptr != NULL)
        check_length(gate);
    if (gate->transfer_encoding.ptr != NULL) {
        if (gate->content_length.ptr != NULL)
            set_fault(gate, "Content-Length and Transfer-Encoding exclude each other.");
        else if (http_1_0)
            set_fault(gate, "Transfer-Encoding is not part of HTTP/1.0.");
        else if (!str_equal_nocase(gate->transfer_encoding, STR("chunked")))
            set_fault(gate, "Transfer-Encoding can only be chunked.");
    }
    return gate->fault;
}
