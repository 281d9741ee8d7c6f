/* Records what a server asks of its files and of its sockets, in the order in which it was done,
 * and makes one call fail or the last one before a kill. Loaded with LD_PRELOAD; the reader of its
 * log is proof/src/calls.rs, where the records are explained. Must never let two records change
 * places: one lock covers each call together with its record.
 *
 *   SHIM_LOG=FILE       append the records to it
 *   SHIM_ROOT=FOLDER    only files in it count
 *   SHIM_SYNC_US=N      an fsync or fdatasync takes so long; it is not carried out
 *   SHIM_FAIL=K:N:E:L   the N-th call of kind K fails with errno E; L = 1: so do those after it
 *   SHIM_KILL=K:N       the process is killed as it begins the N-th call of kind K
 * Kinds: O open, P pwrite, W write, F fsync and fdatasync, S sync_file_range, T ftruncate,
 * R rename, U unlink, M mkdir. SHIM_KILL=A:N kills before more than N bytes left for clients.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX 4096
#define PATH_BYTES 256
#define HEAD_BYTES 19

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char root[PATH_BYTES];
static char paths[FDS_MAX][PATH_BYTES];
static int64_t connections[FDS_MAX], last_connection, last_sync;
static char fail_kind, kill_kind;
static long fail_at, kill_at, calls[128];
static long sent_bytes;
static int fail_errno, fail_lasts, fail_told;
static unsigned sync_us;

#define REAL(result, name, ...) static result (*real_##name)(__VA_ARGS__)
REAL(int, open64, const char *, int, ...);
REAL(int, close, int);
REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
REAL(ssize_t, write, int, const void *, size_t);
REAL(ssize_t, writev, int, const struct iovec *, int);
REAL(ssize_t, send, int, const void *, size_t, int);
REAL(ssize_t, recv, int, void *, size_t, int);
REAL(int, accept4, int, struct sockaddr *, socklen_t *, int);
REAL(int, ftruncate64, int, off64_t);
REAL(int, rename, const char *, const char *);
REAL(int, unlink, const char *);
REAL(int, mkdir, const char *, mode_t);

static void record(char kind, const char *path, int64_t place, const void *data, uint64_t bytes) {
    if (log_fd < 0) return;
    char head[HEAD_BYTES + PATH_BYTES];
    uint16_t path_bytes = (uint16_t)strnlen(path, PATH_BYTES - 1);
    head[0] = kind;
    memcpy(head + 1, &path_bytes, 2);
    memcpy(head + 3, path, path_bytes);
    memcpy(head + 3 + path_bytes, &place, 8);
    memcpy(head + 11 + path_bytes, &bytes, 8);
    struct iovec parts[2] = {{head, HEAD_BYTES + path_bytes}, {(void *)data, bytes}};
    int saved = errno;
    ssize_t wanted = (ssize_t)(HEAD_BYTES + path_bytes + bytes);
    if (real_writev(log_fd, parts, 2) != wanted) abort();
    errno = saved;
}

__attribute__((constructor)) static void start(void) {
#define FIND(name) real_##name = dlsym(RTLD_NEXT, #name)
    FIND(open64); FIND(close); FIND(pwrite64); FIND(write); FIND(writev); FIND(send); FIND(recv);
    FIND(accept4); FIND(ftruncate64); FIND(rename); FIND(unlink); FIND(mkdir);
    const char *text = getenv("SHIM_ROOT");
    if (text) strncpy(root, text, PATH_BYTES - 1);
    text = getenv("SHIM_LOG");
    if (text) log_fd = real_open64(text, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    text = getenv("SHIM_FAIL");
    if (text) sscanf(text, "%c:%ld:%d:%d", &fail_kind, &fail_at, &fail_errno, &fail_lasts);
    text = getenv("SHIM_KILL");
    if (text) sscanf(text, "%c:%ld", &kill_kind, &kill_at);
    text = getenv("SHIM_SYNC_US");
    if (text) sync_us = (unsigned)atoi(text);
    record('L', root, 0, NULL, 0);
}

static int is_ours(const char *path) {
    size_t bytes = strlen(root);
    return bytes && !strncmp(path, root, bytes) && (path[bytes] == '/' || !path[bytes]);
}

static const char *path_of(int fd) { return fd >= 0 && fd < FDS_MAX ? paths[fd] : ""; }
static int64_t connection_of(int fd) { return fd >= 0 && fd < FDS_MAX ? connections[fd] : 0; }

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Call with the lock held, before a call of that kind. True: it is to fail. */
static int must_fail(char kind, const char *path) {
    long number = ++calls[(int)kind];
    if (kind == kill_kind && number == kill_at) die();
    if (kind != fail_kind || number < fail_at || (number > fail_at && !fail_lasts)) return 0;
    if (!fail_told) record('!', path, now_ms(), &kind, 1);
    fail_told = 1;
    errno = fail_errno;
    return 1;
}

static int open_any(const char *path, int flags, mode_t mode) {
    if (!is_ours(path)) return real_open64(path, flags, mode);
    pthread_mutex_lock(&lock);
    int fd = -1;
    if (!must_fail('O', path)) {
        fd = real_open64(path, flags, mode);
        if (fd >= FDS_MAX) abort();
        if (fd >= 0) {
            strncpy(paths[fd], path, PATH_BYTES - 1);
            if (flags & (O_CREAT | O_TRUNC)) record('O', path, !!(flags & O_TRUNC), NULL, 0);
        }
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

int open64(const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);
    return open_any(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);
    return open_any(path, flags, mode);
}

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FDS_MAX) { paths[fd][0] = 0; connections[fd] = 0; }
    int done = real_close(fd);
    pthread_mutex_unlock(&lock);
    return done;
}

int accept4(int listener, struct sockaddr *address, socklen_t *bytes, int flags) {
    pthread_mutex_lock(&lock);
    int fd = real_accept4(listener, address, bytes, flags);
    if (fd >= FDS_MAX) abort();
    /* Connections over the network alone: what an operator asks is no promise. */
    struct sockaddr_storage own; socklen_t own_bytes = sizeof own;
    if (fd >= 0 && !getsockname(fd, (struct sockaddr *)&own, &own_bytes) &&
        own.ss_family != AF_UNIX)
        connections[fd] = ++last_connection;
    pthread_mutex_unlock(&lock);
    return fd;
}

ssize_t send(int fd, const void *data, size_t bytes, int flags) {
    /* A handler of signals wakes its process like this, whoever has the lock. */
    if (!connection_of(fd)) return real_send(fd, data, bytes, flags);
    pthread_mutex_lock(&lock);
    if (kill_kind == 'A' && (sent_bytes += (long)bytes) > kill_at) die();
    ssize_t done = real_send(fd, data, bytes, flags);
    if (done > 0) record('A', "", connection_of(fd), data, (uint64_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t recv(int fd, void *data, size_t bytes, int flags) {
    if (!connection_of(fd)) return real_recv(fd, data, bytes, flags);
    pthread_mutex_lock(&lock);
    ssize_t done = real_recv(fd, data, bytes, flags);
    if (done > 0) record('I', "", connection_of(fd), data, (uint64_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) {
    if (!*path_of(fd)) return real_pwrite64(fd, data, bytes, offset);
    pthread_mutex_lock(&lock);
    ssize_t done = must_fail('P', path_of(fd)) ? -1 : real_pwrite64(fd, data, bytes, offset);
    if (done > 0) record('P', path_of(fd), offset, data, (uint64_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *data, size_t bytes) {
    if (fd == STDERR_FILENO) {
        pthread_mutex_lock(&lock);
        record('E', "", 0, data, bytes);
        ssize_t done = real_write(fd, data, bytes);
        pthread_mutex_unlock(&lock);
        return done;
    }
    if (connection_of(fd)) return send(fd, data, bytes, MSG_NOSIGNAL);
    if (!*path_of(fd)) return real_write(fd, data, bytes);
    pthread_mutex_lock(&lock);
    ssize_t done = must_fail('W', path_of(fd)) ? -1 : real_write(fd, data, bytes);
    if (done > 0)
        record('W', path_of(fd), lseek64(fd, 0, SEEK_CUR) - done, data, (uint64_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

/* One part at a time: a caller has to cope with a short write. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (fd != STDERR_FILENO && !connection_of(fd) && !*path_of(fd))
        return real_writev(fd, parts, count);
    for (int at = 0; at < count; at++)
        if (parts[at].iov_len) return write(fd, parts[at].iov_base, parts[at].iov_len);
    return 0;
}

/* What was written before it begins is on the disk once it ends. */
static int sync_any(int fd) {
    pthread_mutex_lock(&lock);
    char path[PATH_BYTES];
    strcpy(path, path_of(fd));
    int failed = must_fail('F', path);
    int64_t number = ++last_sync;
    if (!failed) record('B', path, number, NULL, 0);
    pthread_mutex_unlock(&lock);
    if (failed) return -1;
    if (sync_us) usleep(sync_us);
    pthread_mutex_lock(&lock);
    record('F', path, number, NULL, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd) { return sync_any(fd); }
int fdatasync(int fd) { return sync_any(fd); }

int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags) {
    (void)bytes; (void)flags;
    pthread_mutex_lock(&lock);
    int failed = must_fail('S', path_of(fd));
    if (!failed) record('S', path_of(fd), offset, NULL, 0);
    pthread_mutex_unlock(&lock);
    return failed ? -1 : 0;
}

int ftruncate64(int fd, off64_t length) {
    pthread_mutex_lock(&lock);
    int done = must_fail('T', path_of(fd)) ? -1 : real_ftruncate64(fd, length);
    if (!done) record('T', path_of(fd), length, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int rename(const char *from, const char *to) {
    if (!is_ours(to)) return real_rename(from, to);
    pthread_mutex_lock(&lock);
    int done = must_fail('R', to) ? -1 : real_rename(from, to);
    if (!done) record('R', to, 0, from, strlen(from));
    pthread_mutex_unlock(&lock);
    return done;
}

int unlink(const char *path) {
    if (!is_ours(path)) return real_unlink(path);
    pthread_mutex_lock(&lock);
    int done = must_fail('U', path) ? -1 : real_unlink(path);
    if (!done) record('U', path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int mkdir(const char *path, mode_t mode) {
    if (!is_ours(path)) return real_mkdir(path, mode);
    pthread_mutex_lock(&lock);
    int done = must_fail('M', path) ? -1 : real_mkdir(path, mode);
    if (!done) record('M', path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}
