// Opening the listening socket.
#include "http/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

// Returns the length, or 0 if the text is no address.
static socklen_t parse_address(const char *text, uint16_t port, union address *address)
{
    *address = (union address){0};
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        return sizeof(address->v4);
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        return sizeof(address->v6);
    }
    return 0;
}

static uint16_t port_of(int fd)
{
    union address address = {0};
    socklen_t len = sizeof(address);
    check(getsockname(fd, &address.any, &len) == 0);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static enum err bind_error(struct error *err, const char *address, uint16_t port)
{
    const char *reason = strerror(errno);
    switch (errno) {
    case EADDRINUSE:
        return error_set(err, ERR_CONFLICT, "port %u on %s is taken", port, address);
    case EADDRNOTAVAIL:
    case EACCES:
        return error_set(err, ERR_INVALID, "cannot listen on %s port %u: %s", address, port,
                         reason);
    default:
        return error_set(err, ERR_INTERNAL, "cannot listen on %s port %u: %s", address, port,
                         reason);
    }
}

enum err http_listen_open(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port,
                          struct error *err)
{
    union address bound;
    socklen_t len = parse_address(address, port, &bound);
    if (len == 0)
        return error_set(err, ERR_INVALID, "\"%s\" is no IP address to listen on", address);
    CLEANUP(fd_close)
    int fd = socket(bound.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return bind_error(err, address, port);
    int on = 1;
    int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bound.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, &bound.any, len) != 0 || listen(fd, SOMAXCONN) != 0)
        return bind_error(err, address, port);
    *ret_port = port_of(fd);
    *ret_fd = fd;
    fd = -1;
    return ERR_OK;
}
