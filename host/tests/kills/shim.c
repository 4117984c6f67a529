/* Stands before the C library's calls that change files, counts them, and ends the process with SIGKILL at one of them.
 *
 * KILLS_COUNT=FILE  appends a line to FILE when the process ends by itself: how many such calls it made
 * KILLS_AT=N        kills it before call N, counted from 1 over all threads
 * KILLS_TORN=1      a write is done by half first
 * KILLS_ERRNO=E     not killed: from call N on, each write to a file fails with this error
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;
static long kill_at, error;
static int is_torn;

__attribute__((constructor)) static void begin(void) {
    const char *at = getenv("KILLS_AT"), *torn = getenv("KILLS_TORN"), *number = getenv("KILLS_ERRNO");
    kill_at = at ? atol(at) : 0;
    is_torn = torn && *torn == '1';
    error = number ? atol(number) : 0;
}

__attribute__((destructor)) static void end(void) {
    const char *file = getenv("KILLS_COUNT");
    FILE *out = file ? fopen(file, "a") : NULL;
    if (out) {
        fprintf(out, "%ld\n", (long)calls);
        fclose(out);
    }
}

/* Whether this is the call, or one after it. */
static int is_due(void) {
    long number = atomic_fetch_add(&calls, 1) + 1;
    return kill_at && (error ? number >= kill_at : number == kill_at);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static int is_file(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* A call that writes bytes: half of them are written by `half`. */
#define WRITES(type, name, parameters, arguments, half)                                                                \
    type name parameters {                                                                                             \
        static type(*next) parameters;                                                                                 \
        if (!next)                                                                                                     \
            next = NEXT(name);                                                                                         \
        if (is_file(fd) && is_due()) {                                                                                 \
            if (error) {                                                                                               \
                errno = (int)error;                                                                                    \
                return -1;                                                                                             \
            }                                                                                                          \
            if (is_torn)                                                                                               \
                half;                                                                                                  \
            die();                                                                                                     \
        }                                                                                                              \
        return next arguments;                                                                                         \
    }

WRITES(ssize_t, write, (int fd, const void *from, size_t bytes), (fd, from, bytes), next(fd, from, bytes / 2))
WRITES(ssize_t, pwrite, (int fd, const void *from, size_t bytes, off_t at), (fd, from, bytes, at), next(fd, from, bytes / 2, at))
WRITES(ssize_t, pwrite64, (int fd, const void *from, size_t bytes, off64_t at), (fd, from, bytes, at), next(fd, from, bytes / 2, at))
WRITES(ssize_t, writev, (int fd, const struct iovec *from, int count), (fd, from, count), next(fd, from, count / 2))
WRITES(int, ftruncate, (int fd, off_t bytes), (fd, bytes), (void)0)
WRITES(int, ftruncate64, (int fd, off64_t bytes), (fd, bytes), (void)0)

/* A call that changes names, or waits for the disk. */
#define CHANGES(name, parameters, arguments)                                                                           \
    int name parameters {                                                                                              \
        static int(*next) parameters;                                                                                  \
        if (!next)                                                                                                     \
            next = NEXT(name);                                                                                         \
        if (is_due() && !error)                                                                                        \
            die();                                                                                                     \
        return next arguments;                                                                                         \
    }

CHANGES(fsync, (int fd), (fd))
CHANGES(fdatasync, (int fd), (fd))
CHANGES(rename, (const char *from, const char *to), (from, to))
CHANGES(unlink, (const char *path), (path))
CHANGES(rmdir, (const char *path), (path))
CHANGES(symlink, (const char *to, const char *path), (to, path))
CHANGES(link, (const char *from, const char *to), (from, to))
CHANGES(mkdir, (const char *path, mode_t mode), (path, mode))
